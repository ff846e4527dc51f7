package dev.nestwalk.bench.cost.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What tables with contiguous hints look like, read by the reference walker. */
class ContiguousGroupsTest {
  private static final long HINT = 1L << 52;
  private static final long BUFFER = 1L << 31;

  /** The last entry that a walk for a read read, whose address and level are those of a leaf. */
  private static Step leaf(TenantTables tables, long iova) {
    Trace trace = tables.reference().translate(1, -1, iova, Access.READ);
    assertFalse(Translation.isFault(trace.translation()), () -> "0x%x".formatted(iova));
    List<Step> reads = trace.steps().stream().filter(step -> !step.read().isEmpty()).toList();
    return reads.get(reads.size() - 1);
  }

  private static long output(TenantTables tables, long iova) {
    return Translation.address(
        tables.reference().translate(1, -1, iova, Access.READ).translation());
  }

  @ParameterizedTest
  @CsvSource({
    "granule=4k, 4k, 16, 4096",
    "granule=4k, 2m, 16, 2097152",
    "granule=16k, 16k, 128, 16384",
    "granule=16k, 32m, 32, 33554432",
    "granule=64k, 64k, 32, 65536"
  })
  void allEntriesOfAGroupHaveTheHintAndOutputsSideBySide(
      String granule, String page, int entries, long size) {
    String text = "format=smmuv3 stages=2 contiguous=2 pages2=%s %s".formatted(page, granule);
    try (Arena arena = Arena.ofConfined()) {
      TenantTables tables = new TenantTables(Cell.parse(text), 1 << 12, arena);
      long group = entries * size;
      long somewhere = 3 * group + 5 * size;
      tables.map(0, somewhere, 1);
      long base = output(tables, 3 * group);
      assertEquals(0, base % group);
      for (long at = 0; at < group; at += size) {
        assertTrue((leaf(tables, 3 * group + at).read().get(0) & HINT) != 0);
        assertEquals(base + at, output(tables, 3 * group + at));
      }
      for (long outside : new long[] {3 * group - 1, 4 * group}) {
        Trace trace = tables.reference().translate(1, -1, outside, Access.READ);
        assertTrue(Translation.isFault(trace.translation()));
      }
    }
  }

  @Test
  void aGroupWithPagesOfTwoSizesHasNoHint() {
    Cell cell = Cell.parse("format=smmuv3 stages=2 contiguous=2 pages2=4k:2+2m:98");
    try (Arena arena = Arena.ofConfined()) {
      TenantTables tables = new TenantTables(cell, 1 << 12, arena);
      tables.map(0, BUFFER, BUFFER);
      int whole = 0;
      int mixed = 0;
      for (long group = BUFFER; group < 2 * BUFFER; group += 32 << 20) {
        int blocks = 0;
        int hints = 0;
        for (long at = group; at < group + (32 << 20); at += 2 << 20) {
          Step leaf = leaf(tables, at);
          boolean hinted = (leaf.read().get(0) & HINT) != 0;
          if (leaf.level() == 2) {
            blocks++;
            hints += hinted ? 1 : 0;
          } else {
            assertEquals(3, leaf.level());
            assertTrue(hinted, "16 pages of 4 KiB are never of two sizes");
          }
        }
        assertEquals(blocks == 16 ? 16 : 0, hints, () -> "hints in a group");
        whole += blocks == 16 ? 1 : 0;
        mixed += blocks == 16 ? 0 : 1;
      }
      assertTrue(whole > 10 && mixed > 10, whole + " whole, " + mixed + " mixed");
    }
  }

  @Test
  void aGroupStaysAsLongAsOneBufferLiesInItAndIsTakenAgain() {
    Cell cell = Cell.parse("format=smmuv3 contiguous=both");
    try (Arena arena = Arena.ofConfined()) {
      TenantTables tables = new TenantTables(cell, 1 << 12, arena);
      tables.map(0, 0x10000, 0x1000);
      tables.map(0, 0x13000, 0x1000);
      long first = output(tables, 0x10000);
      assertEquals(first, tables.output(0, 0x10000));
      assertEquals(0, tables.unmap(0, 0x10000, 0x1000));
      assertEquals(first, output(tables, 0x10000));
      assertEquals(1, tables.unmap(0, 0x13000, 0x1000));
      Trace gone = tables.reference().translate(1, -1, 0x10000, Access.READ);
      assertTrue(Translation.isFault(gone.translation()));
      tables.map(0, 0x7_0000, 0x2_0000);
      assertEquals(first, output(tables, 0x7_0000), "what was given back last is taken first");
      assertEquals(tables.output(0, 0x8_1234), output(tables, 0x8_1234));
      tables.clear();
      Trace cleared = tables.reference().translate(1, -1, 0x7_0000, Access.READ);
      assertTrue(Translation.isFault(cleared.translation()));
    }
  }
}
