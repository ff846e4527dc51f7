package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The page request queue (test list 36). */
final class VtdPageRequestTest {
  private static final int READ = 1;
  private static final int WRITE = 2;
  private static final int PPR = 1;
  private static final int PRO = 2;

  private VtdRig rig = start(VtdRig.scalable());

  @AfterEach
  void close() {
    rig.close();
  }

  private static VtdRig start(VtdRig rig) {
    rig.unmask().translate();
    rig.w64(0xc0, 0);
    rig.w64(0xc8, 0);
    rig.w64(0xd0, VtdRig.PAGES);
    return rig;
  }

  private void request(int group, boolean last) {
    rig.port(VtdRig.SOURCE).requestPage(0x1234_5678L, READ, group, last);
  }

  @Test
  @DisplayName("36 an entry has requester, PASID, rights, group and address")
  void entries() {
    rig.unit.port(VtdRig.SOURCE, 3).requestPage(0xabcd_e123L, READ | WRITE, 0x155, true);
    long low = 1 | 1 << 8 | (long) VtdRig.SOURCE << 16 | 3L << 32;
    assertEquals(low, rig.peek64(VtdRig.PAGES));
    assertEquals(0xabcd_e000L | 0x155L << 3 | 7, rig.peek64(VtdRig.PAGES + 8));
    assertEquals(0, rig.peek64(VtdRig.PAGES + 16));
    assertEquals(32, rig.r64(0xc8));
    assertEquals(PPR, rig.r32(0xdc));
    assertEquals(List.of("fee00000 23"), rig.sent());
    request(7, false);
    assertEquals(1 | (long) VtdRig.SOURCE << 16, rig.peek64(VtdRig.PAGES + 32));
    assertEquals(0x1234_5000L | 7 << 3 | 1, rig.peek64(VtdRig.PAGES + 40));
    assertEquals(List.of(), rig.sent(), "PPR was set");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  @DisplayName("36 the queue wraps; full it keeps one slot free, sets PRO, and answers by itself")
  void wrapAndOverflow(int order) {
    rig.w64(0xd0, VtdRig.PAGES | order);
    int entries = 128 << order;
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < entries - 1; i++) {
        request(i & 0x1ff, true);
      }
      assertEquals(PPR, rig.r32(0xdc));
      assertEquals(1, rig.sent().size());
      request(5, true);
      request(6, false);
      assertEquals(PPR | PRO, rig.r32(0xdc));
      assertEquals(List.of("10 -1 5 SUCCESS"), List.copyOf(rig.responses));
      rig.responses.clear();
      assertEquals(List.of(), rig.sent());
      // As Linux does: PPR first, then the queue, then PRO.
      rig.w32(0xdc, PPR);
      rig.w64(0xc0, rig.r64(0xc8));
      request(9, true);
      assertEquals(PRO, rig.r32(0xdc), "nothing is queued while PRO is set");
      rig.responses.clear();
      rig.w32(0xdc, PRO);
      request(9, true);
      assertEquals(PPR, rig.r32(0xdc));
      rig.w64(0xc0, rig.r64(0xc8));
      rig.w32(0xdc, PPR);
      rig.sent();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  @DisplayName("36 an event is raised only if neither PPR nor PRO was set: all four states")
  void eventStates(int state) {
    enter(state);
    assertEquals(state, rig.r32(0xdc));
    rig.sent();
    request(1, true);
    assertEquals(state == 0 ? 1 : 0, rig.sent().size());
  }

  private void enter(int state) {
    if ((state & PRO) != 0) {
      for (int i = 0; i < 128; i++) {
        request(0, false);
      }
      rig.w64(0xc0, rig.r64(0xc8));
      rig.w32(0xdc, (state & PPR) == 0 ? PPR : 0);
    } else if (state == PPR) {
      request(0, false);
    }
  }

  @Test
  @DisplayName("36 a stop marker is queued and never answered")
  void stopMarker() {
    rig.unit.port(VtdRig.SOURCE, 3).requestPage(0, 0, 4, true);
    assertEquals(4 << 3 | 4, rig.peek64(VtdRig.PAGES + 8));
    for (int i = 0; i < 127; i++) {
      request(0, false);
    }
    rig.unit.port(VtdRig.SOURCE, 3).requestPage(0, 0, 4, true);
    assertEquals(PPR | PRO, rig.r32(0xdc));
    assertEquals(List.of(), rig.responses);
  }

  @Test
  @DisplayName("36 PRE=0 is a fault, and the device is told")
  void notEnabled() {
    rig.machine.scalableContext(0x20, 1 << 3, 0, 0);
    rig.unit.port(0x20).requestPage(0x5000, READ, 3, true);
    assertEquals(1L << 63 | 1L << 28 | 0x47L << 32 | 0x20, rig.r64(0x228));
    assertEquals(0x5000, rig.r64(0x220));
    assertEquals(List.of("20 -1 3 INVALID"), rig.responses);
    assertEquals(0, rig.r64(0xc8));
    assertEquals(List.of("fee00000 21"), rig.sent());
  }

  @Test
  @DisplayName("36 legacy mode and missing entries are faults")
  void refusedByTables() {
    rig.unit.port(0x4000).requestPage(0x5000, READ, 3, true);
    assertEquals(0x39, rig.r64(0x228) >>> 32 & 0xff);
    rig.w32(0x22c, 0x8000_0000L);
    rig.unit.port(VtdRig.SOURCE, 9).requestPage(0x5000, READ, 3, true);
    assertEquals(0x59, rig.r64(0x228) >>> 32 & 0xff);
    rig.w32(0x22c, 0x8000_0000L);
    rig.w64(0x20, rig.machine.root());
    rig.w32(0x18, 0xc000_0000L);
    request(1, true);
    assertEquals(0x32, rig.r64(0x228) >>> 32 & 0xff);
    assertEquals(0, rig.r64(0xc8));
  }

  @Test
  @DisplayName("36 without a queue or memory nothing is written")
  void noQueue() {
    rig.w64(0xd0, 0);
    request(1, true);
    assertEquals(List.of("10 -1 1 INVALID"), rig.responses);
    rig.w64(0xd0, 0x7000_0000_0000L);
    request(2, true);
    assertEquals("10 -1 2 FAILURE", rig.responses.get(1));
    assertEquals(0, rig.r64(0xc8));
    assertEquals(0, rig.r32(0xdc));
    assertEquals(List.of(), rig.sent());
  }

  @Test
  @DisplayName("36 responses of software reach the device; reserved codes are failures")
  void responses() {
    rig.queue(0, true);
    rig.put(0x19 | (long) VtdRig.SOURCE << 16 | 3L << 32, 0x55 << 3 | 4, 1, 2);
    rig.put(9 | 1 << 12 | (long) VtdRig.SOURCE << 16, 0x56 << 3);
    rig.put(9 | 0xf << 12 | (long) VtdRig.SOURCE << 16, 0x57 << 3);
    rig.put(9 | 7 << 12 | (long) VtdRig.SOURCE << 16, 0x1ff << 3).put(0xa5, VtdRig.STATUS).ring();
    assertEquals(
        List.of("10 3 55 SUCCESS", "10 -1 56 INVALID", "10 -1 57 FAILURE", "10 -1 1ff FAILURE"),
        rig.responses);
    assertEquals(0, rig.r32(0x34));
  }

  @Test
  @DisplayName("36 what a full queue answers can be chosen")
  void overflowResponse() {
    rig.unit.setOverflowResponse(PageResponses.Code.FAILURE);
    for (int i = 0; i < 128; i++) {
      request(1, true);
    }
    assertEquals(List.of("10 -1 1 FAILURE"), rig.responses);
  }

  @Test
  @DisplayName("36 indices beyond the queue are taken modulo its size")
  void hostileIndices() {
    rig.w64(0xc0, 0x7ffe0);
    rig.w64(0xc8, 0x7ff00);
    request(1, true);
    assertEquals(0xf20, rig.r64(0xc8));
  }

  @Test
  @DisplayName("36 with a PASID an entry and a fault tell execute and privileged requests")
  void executeAndPrivileged() {
    int access = Access.READ | Access.EXECUTE | Access.PRIVILEGED;
    rig.unit.port(VtdRig.SOURCE, 3).requestPage(0x5000, access, 1, false);
    long low = 1 | 1 << 8 | (long) VtdRig.SOURCE << 16 | 3L << 32 | 1L << 52 | 1L << 53;
    assertEquals(low, rig.peek64(VtdRig.PAGES));
    rig.unit.port(VtdRig.SOURCE, 9).requestPage(0x5000, access, 1, false);
    long high = 1L << 63 | 1L << 28 | 9L << 40 | 0x59L << 32 | VtdRig.SOURCE;
    // PP 31 (95), EXE 30 (94), PRIV 29 (93) of the high half.
    assertEquals(high | 7L << 29, rig.r64(0x228));
  }

  @Test
  @DisplayName("36 PASIDs beyond the directory, and missing entries, are faults")
  void beyondTheDirectory() {
    rig.machine.scalableContext(0x28, 1 << 2 | 1 << 3 | 1 << 4, 0, 0);
    refused(0x28, 1 << 13, 0x46);
    // RID_PASID beyond a directory of 2^7 entries.
    rig.machine.scalableContext(0x30, 1 << 2 | 1 << 3 | 1 << 4, 0, 1 << 13);
    refused(0x30, -1, 0x48);
    refused(VtdRig.SOURCE, 0x1fc0, 0x51);
    // A PASID table where no memory is, for the PASID after.
    long directory = rig.tables.get(rig.machine.contextAddress(VtdRig.SOURCE)) & -4096;
    rig.tables.put(directory + 8 * 2, 1L << 45 | 1);
    refused(VtdRig.SOURCE, 2 * 64, 0x58);
    refused(0x38, -1, 0x41);
    rig.machine.scalableContext(0x40, 1 << 2 | 1 << 4, 0, 0);
    refused(0x40, 3, 0x45);
    // A directory where no memory is; then one whose context hides faults (FPD, bit 1).
    long context = rig.machine.contextAddress(0x40);
    rig.tables.put(context, 1L << 45 | 1 | 1 << 2 | 1 << 4);
    refused(0x40, -1, 0x50);
    rig.machine.scalableContext(0x40, 1 << 1 | 1 << 2 | 1 << 4, 0, 0);
    rig.unit.port(0x40).requestPage(0x5000, READ, 3, false);
    assertEquals(0, rig.r64(0x228) >>> 63, "a missing directory entry, hidden");
    // A context table where no memory is, for the functions of bus 1.
    rig.tables.put(rig.machine.root() + 16, 1L << 45 | 1);
    refused(0x100, -1, 0x40);
    // A root table where no memory is.
    rig.w64(0x20, 1L << 45 | 1 << 10);
    rig.w32(0x18, 0xc000_0000L);
    refused(VtdRig.SOURCE, -1, 0x38);
  }

  private void refused(int source, int pasid, int reason) {
    rig.unit.port(source, pasid).requestPage(0x5000, READ, 3, false);
    assertEquals(reason, rig.r64(0x228) >>> 32 & 0xff);
    rig.w32(0x22c, 0x8000_0000L);
  }

  @Test
  @DisplayName("36 a queued request drops what the unit keeps of its page, and of that page alone")
  void dropsThePage() {
    FirstStageTables tables = new FirstStageTables(rig.tables, 4);
    long iova = 0x5000_0000L;
    tables.map(iova, rig.page, 12, 0x67).map(iova + 4096, rig.page, 12, 0x67);
    rig.machine.pasid(
        VtdRig.SOURCE, 5, PasidEntry.firstStage(4, tables.root()).domain(VtdRig.DOMAIN));
    Port port = rig.unit.port(VtdRig.SOURCE, 5);
    assertEquals(rig.page, Translation.address(port.translate(iova, READ)));
    assertEquals(rig.page, Translation.address(port.translate(iova + 4096, READ)));
    tables.map(iova, rig.page + 0x2000, 12, 0x67).map(iova + 4096, rig.page + 0x2000, 12, 0x67);
    assertEquals(rig.page, Translation.address(port.translate(iova, READ)), "nobody said so");
    port.requestPage(iova + 8, READ, 1, false);
    assertEquals(rig.page + 0x2000, Translation.address(port.translate(iova, READ)));
    assertEquals(rig.page, Translation.address(port.translate(iova + 4096, READ)));
    port.done();
  }

  @Test
  @DisplayName("36 functions of the upper half of a bus are found, with RID_PASID where RPS is")
  void upperHalf() {
    for (boolean rps : new boolean[] {false, true}) {
      rig.close();
      rig = start(new VtdRig(VtdRig.CAP, VtdRig.SCALABLE & ~(1L << 49) | (rps ? 1L << 49 : 0)));
      rig.machine.scalableContext(0x91, 1 << 2 | 1 << 3 | 1 << 4, 0, 7);
      rig.machine.pasid(
          0x91, rps ? 7 : 0, PasidEntry.secondStage(2, rig.second.root()).domain(VtdRig.DOMAIN));
      rig.unit.port(0x91).requestPage(0x5000, READ, 1, false);
      assertEquals(32, rig.r64(0xc8), () -> "refused with " + rig.r64(0x228));
    }
  }

  @Test
  void whilePrsTellsAnOverflowEachGroupIsAnswered() {
    enter(PRO);
    rig.responses.clear();
    request(8, true);
    request(9, false);
    assertEquals(List.of("10 -1 8 SUCCESS"), rig.responses);
  }

  @Test
  void aHeadBeyondTheQueueIsTakenModuloItsSize() {
    rig.w64(0xc0, 0x1020);
    request(1, true);
    assertEquals(PRO, rig.r32(0xdc), "full: the head is one entry before the tail");
  }

  @Test
  void aMaskedEventStaysUntilBothStatusesAreCleared() {
    rig.w32(0xe0, 0x8000_0000L);
    enter(PPR | PRO);
    assertEquals(0xc000_0000L, rig.r32(0xe0));
    rig.w32(0xdc, PPR);
    assertEquals(0xc000_0000L, rig.r32(0xe0), "PRO is left");
    rig.w32(0xdc, PRO);
    assertEquals(0x8000_0000L, rig.r32(0xe0));
  }

  @Test
  void pasidZeroIsAPasid() {
    rig.unit.port(VtdRig.SOURCE, 0).requestPage(0x5000, READ, 1, false);
    assertEquals(1 | 1 << 8 | (long) VtdRig.SOURCE << 16, rig.peek64(VtdRig.PAGES));
    // No PASIDs: a fault with PP and PASID 0, neither privileged nor for execution.
    rig.machine.scalableContext(0x40, 1 << 2 | 1 << 4, 0, 0);
    rig.unit.port(0x40, 0).requestPage(0x5000, READ, 1, false);
    assertEquals(1L << 63 | 1L << 28 | 0x45L << 32 | 1L << 31 | 0x40, rig.r64(0x228));
  }

  @Test
  void pasidZeroIsNotTheOneOfRequestsWithoutPasid() {
    // RID_PASID beyond the directory matters to requests without PASID alone.
    rig.machine.scalableContext(0x91, 1 << 2 | 1 << 3 | 1 << 4, 0, 1 << 13);
    rig.machine.pasid(0x91, 0, PasidEntry.secondStage(2, rig.second.root()).domain(VtdRig.DOMAIN));
    rig.unit.port(0x91, 0).requestPage(0x5000, READ, 1, false);
    assertEquals(32, rig.r64(0xc8));
    rig.machine.scalableContext(0x92, 1 << 2 | 1 << 3 | 1 << 4, 0, 7);
    FirstStageTables tables = new FirstStageTables(rig.tables, 4);
    long iova = 0x5000_0000L;
    tables.map(iova, rig.page, 12, 0x67);
    for (int pasid : new int[] {0, 7}) {
      rig.machine.pasid(0x92, pasid, PasidEntry.firstStage(4, tables.root()).domain(VtdRig.DOMAIN));
    }
    Port zero = rig.unit.port(0x92, 0);
    Port none = rig.unit.port(0x92);
    zero.translate(iova, READ);
    none.translate(iova, READ);
    tables.map(iova, rig.page + 0x2000, 12, 0x67);
    zero.requestPage(iova, READ, 1, false);
    assertEquals(rig.page + 0x2000, Translation.address(zero.translate(iova, READ)));
    assertEquals(rig.page, Translation.address(none.translate(iova, READ)));
    none.requestPage(iova, READ, 1, false);
    assertEquals(rig.page + 0x2000, Translation.address(none.translate(iova, READ)));
    none.done();
  }

  @Test
  void aDirectoryOfTheNextSizeHoldsMorePasids() {
    rig.machine.scalableContext(0x50, 1 << 2 | 1 << 3 | 1 << 4, 1, 0);
    rig.machine.pasid(
        0x50, 1 << 13, PasidEntry.secondStage(2, rig.second.root()).domain(VtdRig.DOMAIN));
    rig.unit.port(0x50, 1 << 13).requestPage(0x5000, READ, 1, false);
    assertEquals(32, rig.r64(0xc8), () -> Long.toHexString(rig.r64(0x228)));
    refused(0x50, 1 << 14, 0x46);
  }

  @Test
  void aPasidEntryThatHidesFaultsHidesThoseOfItsRequests() {
    rig.machine.pasid(VtdRig.SOURCE, 5, PasidEntry.ofType(2).faultDisable());
    long entry = rig.machine.pasidAddress(VtdRig.SOURCE, 5);
    rig.tables.put(entry, rig.tables.get(entry) & ~1L);
    rig.machine.scalableContext(0x40, 1 << 2 | 1 << 3 | 1 << 4, 0, 0);
    rig.unit.port(VtdRig.SOURCE, 5).requestPage(0x5000, READ, 3, false);
    assertEquals(0, rig.r64(0x228) >>> 63, "not present, hidden");
    rig.tables.put(entry, rig.tables.get(entry) & ~2L);
    refused(VtdRig.SOURCE, 5, 0x59);
    // Entries that cannot be read are told whatever FPD says (bit 1): a directory without memory.
    rig.tables.put(
        rig.machine.contextAddress(0x40), 1L << 45 | 1 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4);
    refused(0x40, 3, 0x50);
  }

  @Test
  void tablesInTheFirstRunOfMemoryAreRead() {
    rig.machine.scalableContext(0x60, 1 << 2 | 1 << 3 | 1 << 4, 0, 0);
    long directory = 0x5_0000;
    rig.tables.put(rig.machine.contextAddress(0x60), directory | 1 | 1 << 2 | 1 << 4);
    rig.poke64(directory, 0x6_0000 | 1);
    rig.poke64(0x6_0000, 2 << 6 | 2 << 2 | 1);
    rig.poke64(0x6_0008, VtdRig.DOMAIN);
    rig.unit.port(0x60).requestPage(0x5000, READ, 1, false);
    assertEquals(32, rig.r64(0xc8), () -> Long.toHexString(rig.r64(0x228)));
  }
}
