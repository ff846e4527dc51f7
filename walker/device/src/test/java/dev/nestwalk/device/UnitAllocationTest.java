package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.DmaRuns;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.AllocatedBytes;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntToLongFunction;
import org.junit.jupiter.api.Test;

/**
 * What a guest makes a unit do again and again allocates nothing: faults, page requests, commands
 * of its queues, writes of registers. Each is measured by itself.
 */
final class UnitAllocationTest {
  private static final int ROUNDS = 200;

  /** What is not yet compiled may allocate. */
  private static final int WINDOWS = 200;

  private static void assertNoneAllocates(Map<String, IntToLongFunction> operations) {
    Map<String, String> allocated = new LinkedHashMap<>();
    operations.forEach(
        (name, operation) -> {
          long bytes = AllocatedBytes.of(ROUNDS, WINDOWS, operation);
          if (bytes != 0) {
            allocated.put(name, bytes + " bytes in " + ROUNDS + " rounds");
          }
        });
    assertEquals(Map.of(), allocated);
  }

  /** A rig's unit that tells nobody; the rig's own makes texts of what it sends. */
  private static VtdRig quiet(VtdRig rig) {
    UnitOptions options =
        UnitOptions.of(rig.memory, (address, data) -> true)
            .withPageResponses((source, pasid, group, code) -> {})
            .withDeviceTlb((source, pasid, first, last, global) -> DeviceTlb.Completion.DONE);
    rig.unit = VtdUnit.of(options, Map.of("CAP", rig.cap, "ECAP", rig.ecap), -1);
    rig.unmask().translate();
    return rig;
  }

  @Test
  void vtdFaultsAllocateNothing() {
    try (VtdRig rig = quiet(VtdRig.scalable())) {
      Port port = rig.port(VtdRig.SOURCE);
      Map<String, IntToLongFunction> all = new LinkedHashMap<>();
      all.put(
          "a fault, its record and its interrupt",
          round -> {
            long answer = port.translate(0x7000_0000L + round, Access.READ);
            port.done();
            rig.w64(0x228, 1L << 63);
            rig.w32(0x34, 0x7f);
            return answer + rig.r32(0x34);
          });
      all.put("a fault that no record is left for", round -> port.translate(0x7000_0000L, 1));
      MemorySegment buffer = rig.arena.allocate(4096);
      all.put("a read that a fault ends", round -> port.read(VtdRig.IOVA + 0x800, buffer));
      all.put("a write that a fault ends", round -> port.write(VtdRig.IOVA + 0x800, buffer));
      long[] iovas = {VtdRig.IOVA, 0x7000_0000L, VtdRig.IOVA + 8, 0x7000_1000L};
      long[] answers = new long[4];
      DmaRuns runs = new DmaRuns(2);
      all.put("a batch with faults", round -> port.translate(iovas, answers, 0, 4, Access.READ));
      all.put(
          "a range that a fault ends",
          round -> port.translateRange(VtdRig.IOVA, 0x2000, Access.READ, runs));
      all.put(
          "a slice that a fault ends",
          round -> port.slice(VtdRig.IOVA, 0x2000, 1) == null ? port.stoppedBy() : 0);
      assertNoneAllocates(all);
    }
  }

  @Test
  void vtdDescriptorsAllocateNothing() {
    try (VtdRig rig = quiet(VtdRig.scalable())) {
      rig.queue(0, false);
      Port port = rig.port(VtdRig.SOURCE);
      Map<String, long[]> descriptors = new LinkedHashMap<>();
      descriptors.put("IOTLB", new long[] {2 | 1 << 4, 0});
      descriptors.put("IOTLB of a domain", new long[] {2 | 2 << 4 | 5 << 16, 0});
      descriptors.put("pages", new long[] {2 | 3 << 4 | 5 << 16, VtdRig.IOVA | 3});
      descriptors.put("interrupt entries", new long[] {4, 0});
      descriptors.put("wait with status", new long[] {0x25 | 7L << 32, VtdRig.STATUS});
      descriptors.put("wait with interrupt", new long[] {0x15, 0});
      descriptors.put("PASID's pages", new long[] {6 | 2 << 4 | 5 << 16, 0});
      Map<String, IntToLongFunction> all = new LinkedHashMap<>();
      descriptors.forEach(
          (name, words) ->
              all.put(
                  name,
                  round -> {
                    rig.put(words).ring();
                    rig.w32(0x9c, 1);
                    return port.translate(VtdRig.IOVA, Access.READ) + rig.head();
                  }));
      assertNoneAllocates(all);
    }
  }

  /** Page requests are rare, commands are not the devices' way: neither leaves anything behind. */
  @Test
  void commandsAndPageRequestsTakeAFewObjects() {
    Map<String, IntToLongFunction> all = new LinkedHashMap<>();
    try (SmmuGuest guest = new SmmuGuest();
        VtdRig rig = quiet(VtdRig.scalable())) {
      guest.start(SmmuGuest.ON);
      Port port = guest.unit.port(SmmuGuest.STREAM);
      Map<String, long[]> commands = new LinkedHashMap<>();
      commands.put("all of EL1 and EL0", new long[] {0x30, 0});
      commands.put("an address", new long[] {0x12, SmmuGuest.IOVA | 1});
      commands.put("a range", new long[] {0x12 | 1L << 20 | 3 << 12, SmmuGuest.IOVA | 1 << 10});
      commands.put("an ASID", new long[] {0x11, 0});
      commands.put("stage 2", new long[] {0x28, 0});
      commands.put("sync", new long[] {SmmuGuest.CMD_SYNC, 0});
      commands.put("a stream that is not known", new long[] {0x3 | 77L << 32, 1});
      commands.forEach(
          (name, words) ->
              all.put(
                  name,
                  round -> {
                    guest.command(words[0], words[1]);
                    return port.translate(SmmuGuest.IOVA, Access.READ)
                        + guest.r(SmmuGuest.CMDQ_CONS);
                  }));
      Port asking = guest.unit.port(SmmuGuest.ATS);
      all.put(
          "a page request to an SMMUv3",
          round -> {
            asking.requestPage(SmmuGuest.IOVA, Access.READ, round & 0x1ff, false);
            guest.w(SmmuGuest.PRIQ_CONS, guest.r(SmmuGuest.PRIQ_PROD));
            guest.signals.clear();
            return guest.r(SmmuGuest.PRIQ_PROD);
          });
      rig.w64(0xc0, 0);
      rig.w64(0xc8, 0);
      rig.w64(0xd0, VtdRig.PAGES);
      Port other = rig.port(VtdRig.SOURCE);
      all.put(
          "a page request to VT-d",
          round -> {
            other.requestPage(VtdRig.IOVA, Access.READ, round & 0x1ff, (round & 1) == 0);
            rig.w32(0xdc, 1);
            rig.w64(0xc0, rig.r64(0xc8));
            return rig.r64(0xc8);
          });
      Map<String, Long> taken = new LinkedHashMap<>();
      all.forEach(
          (name, operation) ->
              taken.put(name, AllocatedBytes.of(ROUNDS, WINDOWS, operation) / ROUNDS));
      taken.values().removeIf(each -> each <= 256);
      assertEquals(Map.of(), taken, "bytes each");
    }
  }
}
