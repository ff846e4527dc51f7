package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.memory.CountingMemory;
import dev.nestwalk.memory.FailingMemory;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.RivalMemory;
import dev.nestwalk.memory.RivalMemory.Rival;
import java.lang.foreign.Arena;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The flags that a walk sets, for each format, stage and kind of request, as the reference walker
 * leaves them. An update that loses each time is tried 65 times and counts as failed then: both
 * walkers agree on the fault, and on the number of tries.
 */
final class FlagUpdatesTest {
  private static final int TRIES = 65;
  private static final long NONE = -2;
  private static final int QUERY = Access.ATOMIC | Access.TRANSLATION_REQUEST;

  private static final int[] ACCESSES = {Access.READ, Access.WRITE, QUERY, QUERY & ~Access.WRITE};
  private static final long UNUSED_PAGE =
      VtdLab.USER_PAGE & ~FirstStageTables.A & ~FirstStageTables.D;

  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  /** VT-d tables whose flags are clear. */
  enum Stages {
    SECOND,
    FIRST,
    NESTED
  }

  private VtdLab vtdLab(Stages stages) {
    VtdLab lab = new VtdLab(arena);
    switch (stages) {
      case SECOND -> lab.pasid(VtdLab.secondEntry(lab.second()).secondStageFlags());
      case FIRST -> clear(lab, lab.first());
      case NESTED -> {
        VtdLab.Nested nested = lab.nested();
        FirstStageTables first = new FirstStageTables(nested.guest(), 4);
        first.tableFlags(FirstStageTables.P | FirstStageTables.RW | FirstStageTables.US);
        first.map(VtdLab.IOVA, VtdLab.GUEST_PAGE, 12, UNUSED_PAGE);
        lab.pasid(PasidEntry.nested(first, nested.second()).walkSnoop().secondStageFlags());
      }
    }
    return lab;
  }

  private static void clear(VtdLab lab, FirstStageTables tables) {
    for (int level = 1; level <= 4; level++) {
      long at = tables.entryAddress(VtdLab.IOVA, level);
      lab.memory.put(at, lab.memory.get(at) & ~FirstStageTables.A & ~FirstStageTables.D);
    }
  }

  private SmmuLab smmuLab() {
    SmmuLab lab = new SmmuLab(arena).register("IDR0", 0, 1L << 10);
    // Clean pages, DBM set, of HTTU: bits 43 and 42 of a CD are HA and HD, 184 and 183 of an STE.
    long first = SmmuLab.FIRST_PAGE & ~(1L << 10) | 1L << 7 | 1L << 51;
    long second = SmmuLab.SECOND_PAGE & ~(1L << 10) & ~(2L << 6) | 1L << 51;
    lab.first.map(SmmuLab.ADDRESS, SmmuLab.PAGE, 3, first);
    lab.guest.map(SmmuLab.ADDRESS, SmmuLab.IPA, 3, first);
    for (long page = lab.memory.page(0); page <= lab.memory.page(SmmuLab.PAGES - 1); page += 4096) {
      lab.second.map(page, page, 3, SmmuLab.SECOND_PAGE & ~(1L << 10));
    }
    lab.second.map(SmmuLab.ADDRESS, SmmuLab.PAGE, 3, second);
    lab.second.map(SmmuLab.IPA, SmmuLab.PAGE, 3, second);
    lab.context(43, 42);
    lab.machine.context(lab.guestContexts, lab.guestContext().flip(43).flip(42));
    lab.stream(SmmuLab.SECOND, 184, 183, 92).stream(SmmuLab.NESTED, 184, 183, 92);
    lab.stream(SmmuLab.FIRST, 92);
    return lab;
  }

  @ParameterizedTest
  @EnumSource(Stages.class)
  void vtdFlagsAreThoseOfTheRequest(Stages stages) {
    for (int access : ACCESSES) {
      VtdLab lab = vtdLab(stages);
      // Once more, when those of a read are set already.
      lab.ask(-1, VtdLab.IOVA, access).ask(-1, VtdLab.IOVA, Access.WRITE);
      assertEquals(0, lab.code());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {SmmuLab.FIRST, SmmuLab.SECOND, SmmuLab.NESTED})
  void smmuFlagsAreThoseOfTheRequest(int stream) {
    for (int access : ACCESSES) {
      SmmuLab lab = smmuLab();
      lab.ask(stream, SmmuLab.ADDRESS, access).ask(stream, SmmuLab.ADDRESS, Access.WRITE);
      assertEquals(0, lab.code());
    }
  }

  @Test
  void noUpdateIsTriedWithAnEntryThatIsOld() {
    VtdLab lab = vtdLab(Stages.NESTED);
    CountingMemory memory = counting(lab.memory);
    Iommu.vtd(memory, lab.machine.registers(), VtdLab.HAW)
        .newUncachedTranslator()
        .translate(VtdLab.SOURCE, -1, VtdLab.IOVA, Access.WRITE);
    assertEquals(0, memory.lost());
    SmmuLab smmu = smmuLab();
    memory = counting(smmu.memory);
    Iommu.smmuv3(memory, smmu.machine.registers())
        .newUncachedTranslator()
        .translate(SmmuLab.NESTED, -1, SmmuLab.ADDRESS, Access.WRITE);
    assertEquals(0, memory.lost());
  }

  private static CountingMemory counting(TableMemory tables) {
    TableMemory.Run run = tables.runs().get(0);
    return new CountingMemory(GuestMemory.builder().ram(run.first(), run.bytes()));
  }

  @ParameterizedTest
  @EnumSource(Stages.class)
  void vtdUpdatesThatLoseForEverFail(Stages stages) {
    VtdLab lab = vtdLab(stages);
    Map<String, Long> registers = lab.machine.registers();
    compare(
        lab.memory,
        memory -> Iommu.vtd(memory, registers, VtdLab.HAW),
        memory -> References.vtd(memory, registers, VtdLab.HAW),
        VtdLab.SOURCE,
        VtdLab.IOVA,
        NONE);
  }

  @ParameterizedTest
  @ValueSource(ints = {SmmuLab.FIRST, SmmuLab.SECOND, SmmuLab.NESTED})
  void smmuUpdatesThatLoseForEverFail(int stream) {
    SmmuLab lab = smmuLab();
    Map<String, Long> registers = lab.machine.registers();
    compare(
        lab.memory,
        memory -> Iommu.smmuv3(memory, registers),
        memory -> References.smmuv3(memory, registers),
        stream,
        SmmuLab.ADDRESS,
        lab.second.descriptorAddress(lab.guestContexts, 3));
  }

  /** Without PWSNP no flag can be set: a walk that needs none goes through. */
  @ParameterizedTest
  @EnumSource(Stages.class)
  void vtdFlagsThatCannotBeSetAreFaultsWhereTheyAreNeeded(Stages stages) {
    for (int before : new int[] {0, Access.READ, Access.WRITE}) {
      for (int access : ACCESSES) {
        VtdLab lab = vtdLab(stages);
        if (before != 0) {
          lab.ask(-1, VtdLab.IOVA, before);
        }
        lab.flip(lab.machine.pasidAddress(VtdLab.SOURCE, VtdLab.PASID), 87);
        lab.ask(-1, VtdLab.IOVA, access);
        boolean isSet = before == Access.WRITE || before == access;
        assertEquals(isSet, lab.code() == 0, Translation.describe(lab.answer()));
      }
    }
  }

  /** Each read of a walk that sets flags fails in turn. */
  @ParameterizedTest
  @EnumSource(Stages.class)
  void vtdReadsThatFailAmongFlags(Stages stages) {
    VtdLab lab = vtdLab(stages);
    Map<String, Long> registers = lab.machine.registers();
    failing(
        lab.memory,
        memory -> Iommu.vtd(memory, registers, VtdLab.HAW),
        memory -> References.vtd(memory, registers, VtdLab.HAW),
        VtdLab.SOURCE,
        VtdLab.IOVA);
  }

  @ParameterizedTest
  @ValueSource(ints = {SmmuLab.FIRST, SmmuLab.SECOND, SmmuLab.NESTED})
  void smmuReadsThatFailAmongFlags(int stream) {
    SmmuLab lab = smmuLab();
    Map<String, Long> registers = lab.machine.registers();
    failing(
        lab.memory,
        memory -> Iommu.smmuv3(memory, registers),
        memory -> References.smmuv3(memory, registers),
        stream,
        SmmuLab.ADDRESS);
  }

  private void failing(TableMemory tables, Unit unit, Told told, int source, long iova) {
    for (int access : ACCESSES) {
      long reads = Long.MAX_VALUE;
      for (long nth = 1; nth <= reads; nth++) {
        FailingMemory mine = new FailingMemory(Comparison.over(tables.copy(arena)));
        FailingMemory other = new FailingMemory(Comparison.over(tables.copy(arena)));
        Translator translator = unit.over(mine).newUncachedTranslator();
        Reference reference = told.over(other);
        mine.failRead(nth);
        long answer = translator.translate(source, -1, iova, access);
        other.failRead(nth);
        Trace trace = reference.translate(source, -1, iova, access);
        String what = "read " + nth + " of access " + access;
        assertEquals("", Comparison.difference(answer, translator.lastFault(), trace), what);
        reads = Translation.isFault(answer) ? reads : mine.takeReads();
      }
    }
  }

  private interface Unit {
    Iommu over(GuestMemory memory);
  }

  private interface Told {
    Reference over(GuestMemory memory);
  }

  /**
   * Compares the walkers, with each update in turn the one that loses.
   *
   * @param ofConfiguration address of an entry whose flags are set when a configuration is
   *     resolved, or -1
   */
  private void compare(
      TableMemory tables, Unit unit, Told told, int source, long iova, long ofConfiguration) {
    RivalMemory mine = new RivalMemory(Comparison.over(tables));
    RivalMemory other = new RivalMemory(Comparison.over(tables.copy(arena)));
    Iommu iommu = unit.over(mine);
    Reference reference = told.over(other);
    int lost = 0;
    for (int access : ACCESSES) {
      long updates = Long.MAX_VALUE;
      for (long nth = 1; nth <= updates; nth++) {
        other.arm(Rival.ALWAYS, nth);
        Trace trace = reference.translate(source, -1, iova, access);
        other.undo();
        for (boolean configured : new boolean[] {false, true}) {
          mine.arm(Rival.ALWAYS, nth);
          Translator translator =
              configured ? iommu.newTranslator() : iommu.newUncachedTranslator();
          long answer =
              configured
                  ? translator.endpoint(source, -1).translate(iova, access)
                  : translator.translate(source, -1, iova, access);
          mine.undo();
          assertEquals("", Comparison.difference(answer, translator.lastFault(), trace));
          // An endpoint that cannot resolve its configuration begins the request again.
          boolean resolves = configured && (access & Access.TRANSLATION_REQUEST) == 0;
          boolean again = resolves && mine.rivalsAt() == ofConfiguration;
          assertEquals(other.updates() + (again ? 1 : 0), mine.updates());
        }
        boolean ended = other.rivalsAt() < 0;
        updates = ended ? other.updates() : updates;
        if (!ended) {
          assertEquals(nth - 1 + TRIES, other.updates(), "update " + nth + " of access " + access);
          lost++;
        }
      }
    }
    assertTrue(lost >= 3, "updates that were lost: " + lost);
  }
}
