package dev.nestwalk.device;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.MemoryRange;
import java.util.List;

/**
 * What an embedder gives a unit.
 *
 * @param memory guest memory: tables, queues and what devices read and write
 * @param interrupts where interrupts go
 * @param pageResponses takes answers to page requests
 * @param deviceTlb takes invalidations of what devices keep
 * @param mmio answers DMA to addresses outside memory
 * @param doorbells physical ranges where a write of 32 bits is an interrupt message (an ITS's
 *     GITS_TRANSLATER page); VT-d's interrupt range needs none
 * @param caches geometry of the caches of each device thread
 * @param keepsCaches whether caches survive where the architecture lets them (SMMUEN 1→0→1, SRTP
 *     without ESRTPS), which shows invalidations that a driver forgot; else they are dropped
 */
public record UnitOptions(
    GuestMemory memory,
    InterruptSink interrupts,
    PageResponses pageResponses,
    DeviceTlb deviceTlb,
    MmioTarget mmio,
    List<MemoryRange> doorbells,
    CacheOptions caches,
    boolean keepsCaches) {

  /** Options, whose list of doorbells is copied. */
  public UnitOptions {
    doorbells = List.copyOf(doorbells);
  }

  /** Memory and interrupts; no page requests, no device TLBs, nothing outside memory. */
  public static UnitOptions of(GuestMemory memory, InterruptSink interrupts) {
    return new UnitOptions(
        memory,
        interrupts,
        PageResponses.NONE,
        DeviceTlb.NONE,
        MmioTarget.NONE,
        List.of(),
        CacheOptions.DEFAULT,
        false);
  }

  /** These options with devices that make page requests. */
  public UnitOptions withPageResponses(PageResponses responses) {
    return new UnitOptions(
        memory, interrupts, responses, deviceTlb, mmio, doorbells, caches, keepsCaches);
  }

  /** These options with devices that keep translations. */
  public UnitOptions withDeviceTlb(DeviceTlb tlb) {
    return new UnitOptions(
        memory, interrupts, pageResponses, tlb, mmio, doorbells, caches, keepsCaches);
  }

  /** These options with something outside memory. */
  public UnitOptions withMmio(MmioTarget target) {
    return new UnitOptions(
        memory, interrupts, pageResponses, deviceTlb, target, doorbells, caches, keepsCaches);
  }

  /** These options with ranges of physical addresses where devices write interrupt messages. */
  public UnitOptions withDoorbells(List<MemoryRange> ranges) {
    return new UnitOptions(
        memory, interrupts, pageResponses, deviceTlb, mmio, ranges, caches, keepsCaches);
  }

  /** These options with caches of another geometry. */
  public UnitOptions withCaches(CacheOptions geometry) {
    return new UnitOptions(
        memory, interrupts, pageResponses, deviceTlb, mmio, doorbells, geometry, keepsCaches);
  }

  /** These options with caches that survive a change of registers where they may. */
  public UnitOptions withKeptCaches() {
    return new UnitOptions(
        memory, interrupts, pageResponses, deviceTlb, mmio, doorbells, caches, true);
  }
}
