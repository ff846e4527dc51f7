package dev.nestwalk.bench;

import dev.nestwalk.Endpoint;
import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What does an invalidation for one device cost, depending on the PASIDs of other devices, whether
 * remembered or long forgotten?
 */
@Fork(value = 1, jvmArgsAppend = "-Xmx3g")
public class EndpointGrowthBenchmark extends TimedPerCall {
  private static final long IOVA = 0x4040_0000L;
  private static final int DEVICE = 1;
  private static final int STRANGER = 2;
  private static final int DOMAIN = 7;

  /** Number of PASIDs that another device has used before. */
  @Param({"1000", "100000", "1000000"})
  public int pasids = 1000;

  /** Number of requesters that the translator remembers. */
  @Param({"4096", "1048576"})
  public int remembered = 4096;

  private final Arena arena = Arena.ofShared();
  private Iommu iommu = build(arena);
  private Endpoint endpoint = iommu.newTranslator().endpoint(DEVICE, -1);
  private Translator translator = iommu.newTranslator();
  private int next;

  /** Two devices; the stranger's PASID directory names one table of 64 entries everywhere. */
  private static Iommu build(Arena arena) {
    TableMemory memory = new TableMemory(arena).run(0x10_0000, 512);
    VtdMachine machine = new VtdMachine(memory).scalable();
    long flags = FirstStageTables.P | FirstStageTables.US | FirstStageTables.A;
    FirstStageTables tables = new FirstStageTables(memory, 4).map(IOVA, 0x8000_0000L, 12, flags);
    PasidEntry entry = PasidEntry.firstStage(4, tables.root()).walkSnoop();
    machine.pasid(DEVICE, 0, entry.domain(DOMAIN));
    machine.scalableContext(STRANGER, 4 | 8, 7, 0);
    for (int pasid = 0; pasid < 64; pasid++) {
      machine.pasid(STRANGER, pasid, entry.domain(DOMAIN + 1));
    }
    long directory = memory.get(machine.contextAddress(STRANGER)) & -4096;
    for (long slot = 0; slot < 1 << 14; slot++) {
      memory.put(directory + slot * 8, memory.get(directory));
    }
    TableMemory.Run run = memory.runs().get(0);
    GuestMemory ram = GuestMemory.builder().ram(run.first(), run.bytes()).build();
    return Iommu.vtd(ram, machine.registers(), 46);
  }

  /** Makes the stranger use its PASIDs. */
  @Setup
  public void use() {
    translator = iommu.newTranslator(CacheOptions.DEFAULT.withEndpoints(remembered));
    endpoint = translator.endpoint(DEVICE, -1);
    for (next = 0; next < pasids; next++) {
      long answer = translator.translate(STRANGER, next, IOVA, Access.READ);
      if (Translation.isFault(answer)) {
        throw new IllegalStateException("PASID " + next + ": " + Translation.describe(answer));
      }
    }
  }

  /** Gives the tables back. */
  @TearDown
  public void close() {
    arena.close();
  }

  /** The device's context changes while the device keeps working. */
  @Benchmark
  public long deviceInvalidation() {
    iommu.vtdInvalidations().contextDevice(DEVICE, 0);
    return endpoint.translate(IOVA, Access.READ);
  }

  /** A page of the device's domain changes. */
  @Benchmark
  public long pageInvalidation() {
    iommu.vtdInvalidations().pasidIotlbPages(DOMAIN, 0, IOVA, 0, true);
    return endpoint.translate(IOVA, Access.READ);
  }

  /** One more PASID of the stranger. */
  @Benchmark
  public long anotherPasid() {
    next = next + 1 & 0xf_ffff;
    return translator.translate(STRANGER, next, IOVA, Access.READ);
  }
}
