package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.RefusingMemory;
import dev.nestwalk.smmu.EventRecord;
import java.lang.foreign.Arena;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Accessed and dirty flags that cannot be set, in each format and stage; both walkers agree. */
final class FlagRefusalsTest {
  /** ECAP.SMPWCS, bit 48: without PWSNP walks are not coherent, and set no flags. */
  private static final long SMPWCS = 1L << 48;

  private static final int F_WALK_EABT = 0x0b;
  private static final int F_PERMISSION = 0x13;
  private static final long BLOCK = 2L << 20;
  private static final int SSS_5 = 0x7c;
  private static final int SSS_6 = 0x7d;

  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  /** A read sets every flag but the dirty one; a write then has that alone to set. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aWalkThatIsNotCoherentSetsNoDirtyFlagOfTheSecondStage(boolean nested) {
    VtdLab lab = new VtdLab(arena);
    lab.machine.register("ECAP", VtdMachine.ECAP | SMPWCS);
    PasidEntry entry;
    if (nested) {
      VtdLab.Nested built = lab.nested();
      entry = PasidEntry.nested(built.first(), built.second()).noExecute();
    } else {
      entry = PasidEntry.secondStage(2, lab.second().root());
    }
    lab.pasid(entry.secondStageFlags());
    lab.ask(VtdLab.PASID, VtdLab.IOVA, Access.READ);
    assertEquals(SSS_5, lab.code());
    lab.pasid(entry.walkSnoop());
    lab.ask(VtdLab.PASID, VtdLab.IOVA, Access.READ);
    assertEquals(0, lab.code());
    lab.pasid(entry.flip(87));
    lab.ask(VtdLab.PASID, VtdLab.IOVA, Access.READ);
    assertEquals(0, lab.code(), "nothing to set");
    lab.ask(VtdLab.PASID, VtdLab.IOVA, Access.WRITE);
    assertEquals(SSS_5, lab.code());
    assertEquals(2, Translation.stage(lab.answer()));
  }

  @ParameterizedTest
  @ValueSource(ints = {SmmuLab.FIRST, SmmuLab.SECOND, SmmuLab.NESTED})
  void flagsInReadOnlyMemoryAreAnAbortOfTheWalk(int stream) {
    SmmuLab lab = new SmmuLab(arena);
    lab.register("IDR0", 3L << 6, 2L << 6);
    // HA of the CD is bit 43, S2HA of the STE bit 184; AF is cleared in every leaf.
    lab.context(43);
    lab.machine.context(lab.guestContexts, lab.guestContext().flip(43));
    lab.machine.stream(SmmuLab.SECOND, lab.secondStream().flip(184));
    lab.machine.stream(SmmuLab.NESTED, lab.nestedStream().flip(184));
    lab.ask(stream, SmmuLab.ADDRESS, Access.READ);
    assertFalse(Translation.isFault(lab.answer()), "nothing to set");
    lab.first.map(SmmuLab.ADDRESS, SmmuLab.PAGE, 3, SmmuLab.FIRST_PAGE & ~(1L << 10));
    lab.guest.map(SmmuLab.ADDRESS, SmmuLab.IPA, 3, SmmuLab.FIRST_PAGE & ~(1L << 10));
    lab.second.map(SmmuLab.ADDRESS, SmmuLab.PAGE, 3, SmmuLab.SECOND_PAGE & ~(1L << 10));
    lab.readOnlyMemory();
    lab.ask(stream, SmmuLab.ADDRESS, Access.READ);
    assertEquals(F_WALK_EABT, lab.code());
    assertEquals(stream == SmmuLab.SECOND ? 2 : 1, Translation.stage(lab.answer()));
  }

  @Test
  void anSteFlagOfStageTwoBehindStageOneIsAnAbortToo() {
    SmmuLab lab = new SmmuLab(arena);
    lab.register("IDR0", 3L << 6, 2L << 6);
    lab.machine.stream(SmmuLab.NESTED, lab.nestedStream().flip(184));
    lab.second.map(SmmuLab.IPA, SmmuLab.PAGE, 3, SmmuLab.SECOND_PAGE & ~(1L << 10));
    lab.readOnlyMemory();
    lab.ask(SmmuLab.NESTED, SmmuLab.ADDRESS, Access.READ);
    assertEquals(F_WALK_EABT, lab.code());
    assertEquals(2, Translation.stage(lab.answer()));
  }

  /** The page is in a block of stage 2 and its descriptor in a page, whose level the fault has. */
  @ParameterizedTest
  @ValueSource(ints = {Access.READ, Access.WRITE})
  void aDescriptorInAReadOnlyPageOfStageTwoIsAFaultOfThatPage(int access) {
    SmmuLab lab = new SmmuLab(arena);
    lab.register("IDR0", 3L << 6, 2L << 6);
    lab.machine.context(lab.guestContexts, lab.guestContext().flip(43));
    lab.second.map(SmmuLab.IPA + BLOCK, SmmuLab.PAGE, 2, SmmuLab.SECOND_PAGE);
    lab.guest.map(SmmuLab.ADDRESS, SmmuLab.IPA + BLOCK, 3, SmmuLab.FIRST_PAGE & ~(1L << 10));
    long descriptor = lab.guest.descriptorAddress(SmmuLab.ADDRESS, 3);
    long table = descriptor & -4096;
    lab.second.map(table, table, 3, SmmuLab.SECOND_PAGE & ~(1L << 7));
    lab.ask(SmmuLab.NESTED, SmmuLab.ADDRESS, access);
    assertEquals(F_PERMISSION, lab.code());
    assertEquals(2, Translation.stage(lab.answer()));
    assertEquals(3, Translation.level(lab.answer()));
    assertEquals(1, EventRecord.CLASS.get(lab.fault().word(1)), "a table's descriptor");
    assertFalse(EventRecord.TTRNW.in(lab.fault().word(1)), "its write");
    assertEquals(table, lab.fault().word(3) & EventRecord.IPA.mask());
  }

  /** The flag of stage 1 is set by a walk to its table, whose leaf has another level. */
  @Test
  void aRefusedFlagOfStageTwoBehindASetOneIsAFaultOfItsOwnLevel() {
    SmmuLab lab = new SmmuLab(arena);
    lab.register("IDR0", 3L << 6, 2L << 6);
    lab.machine.context(lab.guestContexts, lab.guestContext().flip(43));
    lab.machine.stream(SmmuLab.NESTED, lab.nestedStream().flip(184));
    lab.second.map(SmmuLab.IPA + BLOCK, SmmuLab.PAGE, 2, SmmuLab.SECOND_PAGE & ~(1L << 10));
    lab.guest.map(SmmuLab.ADDRESS, SmmuLab.IPA + BLOCK, 3, SmmuLab.FIRST_PAGE & ~(1L << 10));
    long refused = lab.second.descriptorAddress(SmmuLab.IPA + BLOCK, 2);
    TableMemory other = lab.memory.copy(arena);
    Map<String, Long> registers = lab.machine.registers();
    Translator hot = Iommu.smmuv3(refusing(lab.memory, refused), registers).newUncachedTranslator();
    long answer = hot.translate(SmmuLab.NESTED, -1, SmmuLab.ADDRESS, Access.READ);
    assertEquals(F_WALK_EABT, Translation.code(answer));
    assertEquals(2, Translation.stage(answer));
    assertEquals(2, Translation.level(answer), "the block's");
    Trace trace =
        References.smmuv3(refusing(other, refused), registers)
            .translate(SmmuLab.NESTED, -1, SmmuLab.ADDRESS, Access.READ);
    assertEquals("", Comparison.difference(answer, hot.lastFault(), trace));
    long leaf = lab.memory.get(lab.guest.descriptorAddress(SmmuLab.ADDRESS, 3));
    assertEquals(1L << 10, leaf & 1L << 10, "set before");
    assertEquals(-1, lab.memory.firstDifference(other));
  }

  private static GuestMemory refusing(TableMemory tables, long word) {
    return new RefusingMemory(Comparison.inTwoRuns(tables, false), word);
  }

  @Test
  void readOnlyMemoryRefusesTheSecondStagesFlags() {
    VtdLab lab = new VtdLab(arena);
    lab.pasid(VtdLab.secondEntry(lab.second()).secondStageFlags());
    lab.readOnlyMemory();
    lab.ask(VtdLab.PASID, VtdLab.IOVA, Access.WRITE);
    assertEquals(SSS_6, lab.code());
  }
}
