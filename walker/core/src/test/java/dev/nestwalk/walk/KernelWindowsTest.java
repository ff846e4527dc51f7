package dev.nestwalk.walk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedMachine.Runs;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Two runs of memory as windows of one segment, of which a kernel selects one without a branch:
 * what the segment has beside its windows is no memory.
 */
class KernelWindowsTest {
  private static final CacheOptions PAGE_WALK_CACHES = CacheOptions.NONE.withStructures(64, 64, 0);
  private static final long PAGE = 4096;
  private static final int INSIDE = 14;
  private static final long ADDRESS = 0x000f_ffff_ffff_f000L;

  static Stream<MappedPlan> plans() {
    return Stream.of(
            MappedPlan.of(true, true, false),
            MappedPlan.of(true, false, true),
            MappedPlan.of(true, true, true),
            MappedPlan.of(false, true, false),
            MappedPlan.of(false, false, true))
        .map(plan -> plan.runs(Runs.WINDOWS));
  }

  @ParameterizedTest
  @MethodSource("plans")
  void besideTheWindowsThereIsNoMemory(MappedPlan what) {
    try (Arena arena = Arena.ofConfined()) {
      KernelLab lab = new KernelLab(what, arena);
      TableMemory memory = lab.machine.memory();
      long[] iovas = lab.machine.addresses(INSIDE + 2);
      // The first and the last entry of a table, too: those at the edges of a window.
      iovas[INSIDE] = iovas[0] & -512 * PAGE;
      iovas[INSIDE + 1] = iovas[INSIDE] + 511 * PAGE;
      long leafAt = find(lab, Translation.address(lab.walk(iovas[0], 1)) & -PAGE);
      long leaf = memory.get(leafAt);
      long tableAt = find(lab, leafAt & -PAGE);
      long table = memory.get(tableAt);
      // Every free word of the segment maps a page, in its windows and beside them.
      MemorySegment whole = memory.runs().get(0).whole();
      for (long at = 0; at < whole.byteSize(); at += 8) {
        if (whole.get(ValueLayout.JAVA_LONG, at) == 0) {
          whole.set(ValueLayout.JAVA_LONG, at, leaf);
        }
      }
      int refused = 0;
      for (TableMemory.Run run : memory.runs()) {
        for (long edge : new long[] {run.first(), run.first() + run.bytes().byteSize()}) {
          for (long last = edge - 2 * PAGE; last <= edge + PAGE; last += PAGE) {
            memory.put(tableAt, table & ~ADDRESS | last);
            refused += compare(lab, iovas);
          }
        }
      }
      assertEquals(8, refused, "two tables before and behind each window");
    }
  }

  /** 1 if everything is refused, as behind a last table that is not there, 0 if nothing is. */
  private static int compare(KernelLab lab, long[] iovas) {
    KernelLab.Bench bench = lab.new Bench(PAGE_WALK_CACHES, true);
    long[] answers = new long[iovas.length];
    int refused = 0;
    // Once from the first tables, then from the last ones, one by one and side by side.
    for (int round = 0; round < 3; round++) {
      bench.kernel.translate(iovas, answers, 0, iovas.length, 1);
      for (int i = 0; i < iovas.length; i++) {
        long expected = lab.walk(iovas[i], 1);
        boolean fault = Translation.isFault(expected);
        // Tables of the machine itself may have something else in their first or last entry.
        refused += fault && i < INSIDE ? 1 : 0;
        assertEquals(fault ? 0 : expected, answers[i]);
        assertEquals(fault ? 0 : expected, bench.kernel.translate(iovas[i], 1));
      }
    }
    assertTrue(refused % (3 * INSIDE) == 0, refused + " refused");
    return refused / (3 * INSIDE);
  }

  /** Where the first entry is that leads to a page. */
  private static long find(KernelLab lab, long output) {
    TableMemory memory = lab.machine.memory();
    for (int page = 0; page < memory.pagesUsed(); page++) {
      for (long at = memory.page(page); at < memory.page(page) + PAGE; at += 8) {
        if (!lab.machine.isConfiguration(page) && (memory.get(at) & ADDRESS) == output) {
          return at;
        }
      }
    }
    throw new AssertionError("no entry leads to 0x%x".formatted(output));
  }
}
