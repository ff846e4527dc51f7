package dev.nestwalk;

import static dev.nestwalk.SmmuLab.ADDRESS;
import static dev.nestwalk.SmmuLab.FIRST;
import static dev.nestwalk.SmmuLab.FIRST_PAGE;
import static dev.nestwalk.SmmuLab.IPA;
import static dev.nestwalk.SmmuLab.NESTED;
import static dev.nestwalk.SmmuLab.PAGE;
import static dev.nestwalk.SmmuLab.SECOND;
import static dev.nestwalk.SmmuLab.SECOND_PAGE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Rules that were read against the text at first, each with the section that says so; both walkers.
 */
final class SmmuCorrectionsTest {
  private static final long DS = 1L << 7;
  private static final long RNW = 1L << 35;

  /** S2SL0_2 and S2DS of an STE. */
  private static final int S2SL0_2 = 194;

  private static final int S2DS = 195;

  private final Arena arena = Arena.ofConfined();
  private final SmmuLab lab = new SmmuLab(arena);

  @AfterEach
  void close() {
    arena.close();
  }

  private void output(long address) {
    assertEquals(0, lab.code(), Translation.describe(lab.answer()));
    assertEquals(Long.toHexString(address), Long.toHexString(Translation.address(lab.answer())));
  }

  private void oas(int encoded, long more) {
    lab.register("IDR5", -1, encoded | 7L << 4 | more);
  }

  // C10: IHI 0070 13.1.1

  @ParameterizedTest
  @CsvSource({"6, true", "7, false"})
  void atomicRefusedByStage2IsARequestToReadIfOnlyTheReadIsDenied(int missing, boolean read) {
    long page = SECOND_PAGE & ~(1L << missing);
    lab.second.map(ADDRESS, PAGE, 3, page).map(IPA, PAGE, 3, page);
    for (int stream : new int[] {SECOND, NESTED}) {
      lab.ask(stream, ADDRESS, Access.ATOMIC);
      assertEquals(0x13, lab.code());
      assertEquals(read ? RNW : 0, lab.fault().word(1) & RNW, "RnW of stream " + stream);
    }
  }

  @Test
  void atomicRefusedForATableKeepsRnwOfTheAccessAndTtrnwOfTheWalk() {
    lab.second.map(lab.guest.root(), lab.guest.root(), 3, SECOND_PAGE & ~(1L << 6));
    lab.ask(NESTED, ADDRESS, Access.ATOMIC);
    assertEquals(0x13, lab.code());
    assertEquals(0, lab.fault().word(1) & RNW, "RnW");
    assertEquals(1L << 44, lab.fault().word(1) & 1L << 44, "TTRnW: a descriptor read, 7.3.16");
  }

  // C11: 5.2 S2SL0

  @ParameterizedTest
  @CsvSource({"14, 25", "16, 25"})
  void thirdBitOfTheStartLevelCountsWith4kPagesOnly(int granule, int inputBits) {
    VmsaTables tables = new VmsaTables(lab.memory, granule, 3, inputBits);
    tables.map(0x123_0000, PAGE, 3, SECOND_PAGE);
    oas(5, DS);
    lab.machine.stream(SECOND, new StreamEntry(6).stage2(tables, 48).set(S2DS).set(S2SL0_2));
    lab.ask(SECOND, 0x123_0000, Access.READ);
    output(PAGE);
  }

  // C12: 5.2 S2SL0

  @ParameterizedTest
  @CsvSource({"5, 4", "6, 0"})
  void startLevel0With16kPagesNeeds52BitAddresses(int oas, int code) {
    VmsaTables tables = new VmsaTables(lab.memory, 14, 0, 48);
    tables.map(0x123_0000, PAGE, 3, SECOND_PAGE);
    oas(oas, DS);
    lab.machine.stream(SECOND, new StreamEntry(6).stage2(tables, 48).set(S2DS));
    lab.ask(SECOND, 0x123_0000, Access.READ);
    assertEquals(code, lab.code());
  }

  // C13: 3.4, 5.4 IPS

  @Test
  void stage1OutputOfANestedStreamIsBoundedByOasNotByIas() {
    lab.register("IDR0", 0, 3L << 2);
    oas(1, 0);
    lab.guest.map(ADDRESS, 1L << 37, 3, FIRST_PAGE);
    lab.ask(NESTED, ADDRESS, Access.READ);
    assertEquals(0x11, lab.code());
    assertEquals(1, Translation.stage(lab.answer()));
    assertEquals(0, lab.fault().word(1) & 1L << 39, "S2");
    lab.guest.map(ADDRESS, IPA, 3, FIRST_PAGE);
    lab.ask(NESTED, ADDRESS, Access.READ);
    output(PAGE);
  }

  // C14: 5.2, 5.4

  /** A start table of two descriptors, 16 bytes into the page that the builder made. */
  private VmsaTables shifted(long flags) {
    VmsaTables tables = new VmsaTables(lab.memory, 16, 2, 30);
    tables.map(0x2000_0000, 0xa000_0000L, 2, flags);
    for (int index = 0; index < 2; index++) {
      long at = tables.root() + 8L * index;
      lab.memory.put(at + 16, lab.memory.get(at));
      lab.memory.put(at, 0);
    }
    return tables;
  }

  @ParameterizedTest
  @CsvSource({"48, 0", "52, 0x10"})
  void smallStartTableWith64kPagesIsAlignedTo64BytesOnlyFor52BitOutputs(int size, int code) {
    oas(6, 0);
    VmsaTables first = shifted(FIRST_PAGE);
    lab.machine.context(lab.contexts, new ContextEntry(size).lower(first).set(64 + 4));
    lab.ask(FIRST, 0x2000_1234, Access.READ);
    assertEquals(code, lab.code());
    VmsaTables second = shifted(SECOND_PAGE);
    lab.machine.stream(SECOND, new StreamEntry(6).stage2(second, size).set(192 + 4));
    lab.ask(SECOND, 0x2000_1234, Access.READ);
    assertEquals(code, lab.code());
  }

  // 5.4 ENDI

  @Test
  void endiannessIsIgnoredWhereBothRangesAreOff() {
    lab.register("IDR0", 3L << 21, 2L << 21);
    lab.machine.context(lab.contexts, new ContextEntry(48).set(15));
    lab.ask(FIRST, ADDRESS, Access.READ);
    assertEquals(0x10, lab.code(), "F_TRANSLATION, not C_BAD_CD");
    lab.machine.context(lab.contexts, lab.firstContext().set(15));
    lab.ask(FIRST, ADDRESS, Access.READ);
    assertEquals(0x0a, lab.code());
  }

  // 3.4

  @Test
  void bypassBeyondTheOutputSizeIsAnAddressSizeFault() {
    lab.ask(SmmuLab.BYPASS, 1L << 48, Access.READ);
    assertEquals(0x11, lab.code());
    assertEquals(1, Translation.stage(lab.answer()));
  }
}
