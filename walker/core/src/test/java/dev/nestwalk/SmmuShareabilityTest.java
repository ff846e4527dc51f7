package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import java.lang.foreign.Arena;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Where descriptors hold OA[51:50] in bits 9:8 (DS), the shareability of a page is that of its
 * table walks: CD.SH0 and SH1, STE.S2SH0 (IHI 0070, 5.2, 5.4).
 */
final class SmmuShareabilityTest {
  private static final int STREAM = 1;
  private static final long IOVA = 0x1234_5000L;
  private static final long IPA = 0x7000_0000L;

  // Bits of a CD and of an STE.
  private static final int CD_DS = 186;
  private static final int SH0 = 12;
  private static final int SH1 = 28;
  private static final int MAIR0 = 192;
  private static final int S2DS = 195;
  private static final int S2SH0 = 172;

  @ParameterizedTest
  @CsvSource({
    "lower, 0, non", "lower, 2, outer", "lower, 3, inner",
    "upper, 0, non", "upper, 2, outer", "upper, 3, inner",
    "second, 0, non", "second, 2, outer", "second, 3, inner",
  })
  void aPageIsSharedAsItsTables(String which, int sh, String expected) {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
      SmmuMachine machine = new SmmuMachine(memory);
      // OAS of 52 bits, DS, inputs of 52 bits, all granules.
      machine.register("IDR5", 6L | 7L << 4 | 1L << 7 | 1L << 10);
      boolean nested = which.equals("second");
      VmsaTables first = new VmsaTables(memory, 12, 0, 48).wide();
      // OA[51:50] = 01 would be a reserved shareability.
      first.map(IOVA, nested ? IPA : 1L << 50, 3, 1L << 10 | 1L << 6);
      VmsaTables second = new VmsaTables(memory, 12, 0, 48).wide();
      ContextEntry entry = new ContextEntry(52).set(CD_DS).lower(first);
      entry = which.equals("upper") ? entry.upper(first) : entry;
      if (!nested) {
        entry = set(entry, which.equals("upper") ? SH1 : SH0, sh);
      }
      for (int bit = 0; bit < 8; bit++) {
        entry = entry.set(MAIR0 + bit);
      }
      long contexts = memory.allocate();
      machine.context(contexts, entry);
      StreamEntry stream = new StreamEntry(nested ? 7 : 5).stage1(contexts, 0, 0, 0);
      if (nested) {
        long flags = 1L << 10 | 3L << 6 | 15L << 2;
        for (int page = 0; page < 64; page++) {
          second.map(memory.page(page), memory.page(page), 3, flags);
        }
        second.map(IPA, 1L << 50, 3, flags);
        stream = stream.stage2(second, 52).set(S2DS);
        for (int bit = 0; bit < 2; bit++) {
          stream = (sh >> bit & 1) != 0 ? stream.set(S2SH0 + bit) : stream;
        }
      }
      machine.stream(STREAM, stream);
      long address = which.equals("upper") ? IOVA | -1L << 48 : IOVA;
      Trace trace =
          References.smmuv3(Comparison.over(memory), machine.registers())
              .translate(STREAM, -1, address, Access.READ);
      String attributes =
          trace.steps().stream()
              .filter(step -> step.title().equals("memory attributes"))
              .map(step -> step.rule())
              .reduce("", (one, other) -> other);
      assertFalse(attributes.isEmpty(), trace::toString);
      assertTrue(attributes.endsWith(expected + " shareable"), attributes);
    }
  }

  private static ContextEntry set(ContextEntry entry, int lo, int value) {
    ContextEntry all = entry;
    for (int bit = 0; bit < 2; bit++) {
      all = (value >> bit & 1) != 0 ? all.set(lo + bit) : all.clear(lo + bit);
    }
    return all;
  }
}
