package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;

/**
 * Each bit of each structure is reserved exactly where the specification's masks, typed in here as
 * numbers for a host address width of 46 bits, say so.
 */
final class VtdReservedBitsTest {
  private static final long IOVA = VtdLab.IOVA;
  private static final long BEYOND_HOST = -1L << 46;

  /** ECAP without any capability that makes a bit of a structure legal. */
  private static final long BARE =
      VtdMachine.ECAP
          & ~(1L << 2 | 1L << 7 | 1L << 25 | 1L << 29 | 1L << 30 | 1L << 31 | 1L << 34)
          & ~(1L << 40 | 1L << 45 | 1L << 48);

  /**
   * Flips each bit of a word that is clear and expects {@code code} exactly for those in {@code
   * mask}.
   */
  private static void check(
      Consumer<VtdLab> setup, ToLongFunction<VtdLab> word, long mask, int code, int access) {
    for (int bit = 0; bit < 64; bit++) {
      try (Arena arena = Arena.ofConfined()) {
        VtdLab lab = new VtdLab(arena);
        setup.accept(lab);
        long at = word.applyAsLong(lab);
        if ((lab.memory.get(at) >>> bit & 1) == 0) {
          lab.flip(at, bit);
          lab.ask(-1, IOVA, access);
          assertEquals((mask >>> bit & 1) == 1, lab.code() == code, "bit " + bit);
        }
      }
    }
  }

  @Test
  void legacyRootEntry() {
    check(VtdLab::legacy, lab -> lab.machine.root(), BEYOND_HOST | 0xffe, 0x0a, Access.READ);
    check(VtdLab::legacy, lab -> lab.machine.root() + 8, -1, 0x0a, Access.READ);
  }

  @Test
  void legacyContextEntry() {
    long highReserved = 0xffff_ffff_ff00_0080L;
    ToLongFunction<VtdLab> context = lab -> lab.machine.contextAddress(VtdLab.SOURCE);
    check(VtdLab::legacy, context, BEYOND_HOST | 0xff0, 0x0b, Access.READ);
    check(VtdLab::legacy, lab -> context.applyAsLong(lab) + 8, highReserved, 0x0b, Access.READ);
  }

  @Test
  void domainIdBeyondItsWidth() {
    Consumer<VtdLab> narrow =
        lab -> {
          lab.legacy();
          lab.machine.register("CAP", VtdMachine.CAP & ~7L | 2);
        };
    long mask = 0xffff_ffff_ff00_0080L | 0xff00L << 8;
    check(narrow, lab -> lab.machine.contextAddress(VtdLab.SOURCE) + 8, mask, 0x0b, Access.READ);
  }

  @Test
  void scalableRootEntry() {
    check(VtdLab::second, lab -> lab.machine.root(), BEYOND_HOST | 0xffe, 0x3a, Access.READ);
    check(VtdLab::second, lab -> lab.machine.root() + 8, 0, 0x3a, Access.READ);
  }

  @Test
  void scalableContextEntry() {
    ToLongFunction<VtdLab> context = lab -> lab.machine.contextAddress(VtdLab.SOURCE);
    check(VtdLab::second, context, BEYOND_HOST | 0x1e0, 0x42, Access.READ);
    check(
        VtdLab::second,
        lab -> context.applyAsLong(lab) + 8,
        0xffff_ffff_ffe0_0000L,
        0x42,
        Access.READ);
    check(VtdLab::second, lab -> context.applyAsLong(lab) + 16, -1, 0x42, Access.READ);
    check(VtdLab::second, lab -> context.applyAsLong(lab) + 24, -1, 0x42, Access.READ);
  }

  @Test
  void scalableContextEntryOfBareUnit() {
    Consumer<VtdLab> bare =
        lab -> {
          lab.machine.scalable().scalableContext(VtdLab.SOURCE, 0, 0, VtdLab.PASID);
          lab.machine.register("ECAP", BARE);
        };
    ToLongFunction<VtdLab> context = lab -> lab.machine.contextAddress(VtdLab.SOURCE);
    check(bare, context, BEYOND_HOST | 0x1e0 | 4 | 8 | 16, 0x42, Access.READ);
  }

  @Test
  void pasidDirectoryEntry() {
    ToLongFunction<VtdLab> directory =
        lab -> lab.memory.get(lab.machine.contextAddress(VtdLab.SOURCE)) & -4096;
    check(VtdLab::second, directory, BEYOND_HOST | 0xffc, 0x52, Access.READ);
  }

  @Test
  void pasidTableEntry() {
    long[] masks = {BEYOND_HOST | 0xc00, 0x7f_0000, 0xf00, -1, -1, -1, -1, -1};
    for (int word = 0; word < 8; word++) {
      int index = word;
      check(
          VtdLab::second,
          lab -> lab.machine.pasidAddress(VtdLab.SOURCE, VtdLab.PASID) + 8L * index,
          masks[word],
          0x5a,
          Access.READ);
    }
  }

  @Test
  void pasidTableEntryOfFirstStage() {
    check(
        VtdLab::first,
        lab -> lab.machine.pasidAddress(VtdLab.SOURCE, VtdLab.PASID) + 16,
        0xf00 | BEYOND_HOST,
        0x5a,
        Access.READ);
  }

  @Test
  void pasidTableEntryOfBareUnit() {
    Consumer<VtdLab> bare =
        lab -> {
          SecondStageTables second = lab.second();
          lab.pasid(PasidEntry.secondStage(2, second.root()));
          lab.machine.register("ECAP", BARE);
          lab.flip(lab.machine.contextAddress(VtdLab.SOURCE), 2);
          lab.flip(lab.machine.contextAddress(VtdLab.SOURCE), 3);
        };
    long[] masks = {BEYOND_HOST | 0xc00 | 0x20 | 0x200, 0xffff_ffff_ffff_0000L, 0xf00 | 0xe3};
    for (int word = 0; word < masks.length; word++) {
      int index = word;
      check(
          bare,
          lab -> lab.machine.pasidAddress(VtdLab.SOURCE, VtdLab.PASID) + 8L * index,
          masks[word],
          0x5a,
          Access.READ);
    }
  }

  private static Consumer<VtdLab> secondMapped(int size, boolean snoopControl) {
    return lab -> {
      SecondStageTables second = new SecondStageTables(lab.memory, 4);
      second.map(IOVA, VtdLab.PAGE, size, VtdLab.RW);
      lab.machine.context(VtdLab.SOURCE, 0, 2, 5, second.root());
      long ecap = snoopControl ? VtdMachine.ECAP : VtdMachine.ECAP & ~(1L << 7);
      lab.machine.register("ECAP", ecap);
    };
  }

  private static ToLongFunction<VtdLab> secondEntry(int level) {
    return lab -> {
      long context = lab.machine.contextAddress(VtdLab.SOURCE);
      long table = lab.memory.get(context) & -4096;
      for (int at = 4; at > level; at--) {
        table = lab.memory.get(slot(table, at)) & 0x000f_ffff_ffff_f000L;
      }
      return slot(table, level);
    };
  }

  private static long slot(long table, int level) {
    return table + (IOVA >>> 12 + 9 * (level - 1) & 511) * 8;
  }

  @Test
  void secondStageEntries() {
    long table = 0x400f_c000_0000_0800L;
    check(secondMapped(12, true), secondEntry(4), table | 0x80, 0x0c, Access.READ);
    check(secondMapped(12, false), secondEntry(1), table, 0x0c, Access.READ);
    check(secondMapped(12, true), secondEntry(1), table & ~0x800, 0x0c, Access.READ);
    check(secondMapped(21, false), secondEntry(2), table | 0x1f_f000, 0x0c, Access.READ);
    check(secondMapped(30, false), secondEntry(3), table | 0x3fff_f000, 0x0c, Access.READ);
  }

  @Test
  void secondStageLargePagesWithoutTheirCapability() {
    for (int size : new int[] {21, 30}) {
      try (Arena arena = Arena.ofConfined()) {
        VtdLab lab = new VtdLab(arena);
        secondMapped(size, true).accept(lab);
        lab.machine.register("CAP", VtdMachine.CAP & ~(1L << (size == 21 ? 34 : 35)));
        assertEquals(0x0c, lab.ask(-1, IOVA, Access.READ).code());
      }
    }
  }

  private static Consumer<VtdLab> firstMapped(int size) {
    return lab -> {
      FirstStageTables first = new FirstStageTables(lab.memory, 4);
      first.map(IOVA, VtdLab.PAGE, size, VtdLab.USER_PAGE);
      lab.scalable().pasid(VtdLab.firstEntry(first));
    };
  }

  private static ToLongFunction<VtdLab> firstEntry(int level) {
    return lab -> {
      long pasid = lab.machine.pasidAddress(VtdLab.SOURCE, VtdLab.PASID);
      long table = lab.memory.get(pasid + 16) & -4096;
      for (int at = 4; at > level; at--) {
        table = lab.memory.get(slot(table, at)) & 0x000f_ffff_ffff_f000L;
      }
      return slot(table, level);
    };
  }

  @Test
  void firstStageEntries() {
    long table = 0x000f_c000_0000_0000L;
    check(firstMapped(12), firstEntry(4), table | 0x80, 0x72, Access.READ);
    check(firstMapped(12), firstEntry(1), table, 0x72, Access.READ);
    check(firstMapped(21), firstEntry(2), table | 0x1f_e000, 0x72, Access.READ);
    check(firstMapped(30), firstEntry(3), table | 0x3fff_e000, 0x72, Access.READ);
  }

  @Test
  void executeDisableIsReservedWithoutNxeOnUnitsWithExecuteRequests() {
    Consumer<VtdLab> plain =
        lab -> {
          FirstStageTables first = new FirstStageTables(lab.memory, 4);
          first.map(IOVA, VtdLab.PAGE, 12, VtdLab.USER_PAGE);
          lab.scalable().pasid(PasidEntry.firstStage(4, first.root()).walkSnoop());
        };
    check(plain, firstEntry(1), 0x800f_c000_0000_0000L, 0x72, Access.READ);
  }

  @Test
  void firstStageGigabytePageWithoutItsCapability() {
    try (Arena arena = Arena.ofConfined()) {
      VtdLab lab = new VtdLab(arena);
      firstMapped(30).accept(lab);
      lab.machine.register("CAP", VtdMachine.CAP & ~(1L << 56));
      assertEquals(0x72, lab.ask(-1, IOVA, Access.READ).code());
    }
  }
}
