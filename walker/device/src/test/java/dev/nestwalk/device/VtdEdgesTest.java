package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rules of a VT-d unit's registers and queues that hold at an edge alone. */
final class VtdEdgesTest extends WithVtdRig {
  private static final long GO = 1L << 63;
  private static final int TE = 31;
  private static final int SRTP = 30;
  private static final int QIE = 26;
  private static final int IRE = 25;
  private static final int SIRTP = 24;
  private static final int CFI = 23;

  VtdEdgesTest() {
    super(VtdRig.legacy());
  }

  @Test
  void anyTwoChangesInOneWriteOfGcmdAreCountedAndOneIsNot() {
    int[] bits = {TE, SRTP, QIE, IRE, SIRTP, CFI};
    for (int one : bits) {
      for (int other : bits) {
        replace(new VtdRig(VtdRig.CAP, VtdRig.LEGACY | 1 << 3));
        rig.w64(0x90, VtdRig.QUEUE);
        // Translation before any root table would be counted, too.
        rig.w32(0x18, 1L << SRTP);
        rig.w32(0x18, 1L << one | 1L << other);
        List<String> counted = rig.unit.guestErrors().lines();
        List<String> expected =
            one == other ? List.of() : List.of("several changes in one write: GCMD, once");
        assertEquals(expected, counted, () -> "bits of GCMD, " + one + " and " + other);
      }
    }
  }

  @Test
  void afterAResetTheFirstRecordTakesTheNextFault() {
    replace(VtdRig.withRecords(4).translate());
    rig.fault(VtdRig.SOURCE);
    rig.unit.reset();
    rig.translate();
    rig.fault(VtdRig.OTHER);
    assertEquals(GO | VtdRig.OTHER, rig.r64(0x228) & (GO | 0xffff));
    assertEquals(0, rig.r64(0x238));
    assertEquals(2, rig.r32(0x34) & 0xff02, "PPF, and FRI is 0");
  }

  /** Both ends of the low and the high region; each has bits in both halves of its registers. */
  @ParameterizedTest
  @CsvSource({
    "68, 6c, 4, 40000000, 5fe00000",
    "70, 78, 8, 140000000, 25fe00000",
    "70, 78, 8, 7f0040000000, 7fff5fe00000",
  })
  void protectedRegionsEndWhereTheirLimitsSay(
      String base, String limit, int bytes, String first, String last) {
    replace(new VtdRig(VtdRig.CAP | 3 << 5, VtdRig.LEGACY));
    long from = Long.parseLong(first, 16);
    long to = Long.parseLong(last, 16) + 0x1f_ffff;
    rig.unit.mmioWrite(Long.parseLong(base, 16), bytes, from);
    rig.unit.mmioWrite(Long.parseLong(limit, 16), bytes, Long.parseLong(last, 16));
    if (bytes == 4) {
      // Registers of 0 would protect the first 2 MiB: the other region is far away.
      rig.w64(0x70, 0x6000_0000_0000L);
      rig.w64(0x78, 0x6000_0000_0000L);
    } else {
      rig.w32(0x68, 0xf000_0000L);
      rig.w32(0x6c, 0xf000_0000L);
    }
    rig.w32(0x64, 0x8000_0000L);
    List<Boolean> refused = new ArrayList<>();
    for (long at : new long[] {from - 1, from, to, to + 1}) {
      long answer = rig.dma(VtdRig.SOURCE, at, Access.READ);
      refused.add(
          Translation.isFault(answer)
              && Translation.code(answer) == Outcome.PROTECTED_MEMORY.code());
    }
    assertEquals(List.of(false, true, true, false), refused);
  }

  /** VT-d 11.4.4.1, FM: how many of the upper function bits CCMD ignores, from bit 2 on. */
  @ParameterizedTest
  @CsvSource({"0, 1", "1, 11", "2, 55", "3, ff"})
  void aContextInvalidationByRegisterTakesItsFunctionMask(int mask, String functions) {
    SecondStageTables moved = new SecondStageTables(rig.tables, 4);
    moved.map(VtdRig.IOVA, rig.page + 0x1000, 12, 3);
    for (int function = 0; function < 8; function++) {
      rig.machine.context(VtdRig.SOURCE + function, 0, 2, 5, rig.second.root());
    }
    rig.translate();
    for (int function = 0; function < 8; function++) {
      rig.dma(VtdRig.SOURCE + function, VtdRig.IOVA, Access.READ);
      rig.machine.context(VtdRig.SOURCE + function, 0, 2, 6, moved.root());
    }
    rig.w64(0x28, GO | 3L << 61 | (long) mask << 32 | (long) VtdRig.SOURCE << 16);
    int dropped = 0;
    for (int function = 0; function < 8; function++) {
      long answer = rig.dma(VtdRig.SOURCE + function, VtdRig.IOVA, Access.READ);
      dropped |= Translation.address(answer) == rig.page ? 0 : 1 << function;
    }
    assertEquals(functions, Integer.toHexString(dropped));
  }

  /** IQA is taken over with QIE: what software writes later is for the next time. */
  @ParameterizedTest
  @CsvSource({"0, 1", "1, 0"})
  void aQueueThatIsOnKeepsItsSize(int size, int written) {
    rig.queue(size, false);
    int entries = (4096 << size) / 16;
    for (int i = 0; i < entries - 1; i++) {
      rig.putWait(i + 1);
    }
    rig.w64(0x90, VtdRig.QUEUE | written);
    rig.ring();
    assertEquals(rig.tail(), rig.head());
    assertEquals(entries - 1, rig.status());
    rig.putWait(-1).ring();
    assertEquals(0, rig.head(), "it begins again at its own end");
    assertEquals(-1, rig.status());
    rig.w64(0x88, 4096L << size);
    assertEquals(1 << 4, rig.r32(0x34) & 1 << 4, "a tail behind its own end");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
  void aPageRequestDropsThePageInItsDomain(int bit) {
    replace(VtdRig.scalable().translate());
    rig.w64(0xd0, VtdRig.PAGES);
    FirstStageTables tables = new FirstStageTables(rig.tables, 4);
    tables.map(VtdRig.IOVA, rig.page, 12, 0x67);
    rig.machine.pasid(VtdRig.SOURCE, 5, PasidEntry.firstStage(4, tables.root()).domain(1 << bit));
    Port port = rig.unit.port(VtdRig.SOURCE, 5);
    assertEquals(rig.page, Translation.address(port.translate(VtdRig.IOVA, Access.READ)));
    tables.map(VtdRig.IOVA, rig.page + 0x2000, 12, 0x67);
    assertEquals(rig.page, Translation.address(port.translate(VtdRig.IOVA, Access.READ)));
    port.requestPage(VtdRig.IOVA, Access.READ, 1, false);
    assertEquals(rig.page + 0x2000, Translation.address(port.translate(VtdRig.IOVA, Access.READ)));
    port.done();
  }

  /** FPD is bit 1 of a context entry, a PASID directory entry and a PASID table entry alike. */
  @ParameterizedTest
  @CsvSource({"0, true", "1, true", "2, true", "3, false"})
  void eachEntryOnTheWayCanHideTheFaultsOfPageRequests(int which, boolean hidden) {
    replace(VtdRig.scalable().translate());
    long context = rig.machine.contextAddress(VtdRig.SOURCE);
    long directory = rig.tables.get(context) & -4096;
    long entry = rig.machine.pasidAddress(VtdRig.SOURCE, 3);
    long[] places = {context, directory, entry, context + 16};
    rig.tables.put(entry, rig.tables.get(entry) & ~1L);
    rig.tables.put(places[which], rig.tables.get(places[which]) | (which == 3 ? 0 : 2));
    rig.unit.port(VtdRig.SOURCE, 3).requestPage(0x5000, Access.READ, 3, false);
    assertEquals(hidden ? 0 : 0x59, rig.r64(0x228) >>> 32 & 0xff);
  }
}
