package dev.nestwalk.region;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Ranges added and removed in any order, against a count for each of thirty addresses. */
final class CoverageTest {
  private static final int ADDRESSES = 30;

  /** The addresses: ten at the bottom, ten around the sign bit, and ten at the top. */
  private static long address(int index) {
    long[] starts = {0, Long.MIN_VALUE - 5, -10};
    return starts[index / 10] + index % 10;
  }

  private final Coverage coverage = new Coverage();
  private final int[] counts = new int[ADDRESSES];

  /** A range within one of the three parts, so that each address of it has a count. */
  private static int[] range(SplittableRandom random) {
    int part = random.nextInt(3) * 10;
    int first = random.nextInt(10);
    return new int[] {part + first, part + first + random.nextInt(10 - first)};
  }

  private void count(int[] range, int step) {
    for (int i = range[0]; i <= range[1]; i++) {
      counts[i] += step;
    }
  }

  @Test
  void whatIsCoveredIsWhatWasAddedMoreOftenThanRemoved() {
    SplittableRandom random = new SplittableRandom(5);
    for (int round = 0; round < 300; round++) {
      List<int[]> added = new ArrayList<>();
      for (int step = 0; step < 40; step++) {
        if (added.isEmpty() || random.nextInt(5) < 3) {
          int[] range = range(random);
          coverage.add(address(range[0]), address(range[1]));
          count(range, 1);
          added.add(range);
        } else {
          int[] range = added.remove(random.nextInt(added.size()));
          coverage.remove(address(range[0]), address(range[1]));
          count(range, -1);
        }
        compare();
      }
      for (int[] range : added) {
        coverage.remove(address(range[0]), address(range[1]));
        count(range, -1);
        compare();
      }
      assertEquals(0, coverage.toSet().size());
    }
  }

  private void compare() {
    AddressSet set = coverage.toSet();
    for (int i = 0; i < ADDRESSES; i++) {
      long at = address(i);
      int covered = i;
      while (covered < ADDRESSES && counts[covered] == 0) {
        covered++;
      }
      assertEquals(counts[i] > 0, set.contains(at));
      @Nullable Long next = covered < ADDRESSES ? (Long) address(covered) : null;
      assertEquals(next, coverage.firstCovered(at, -1));
      if (counts[i] == 0) {
        assertNull(coverage.lastOfCovering(at));
        assertEquals(next, coverage.nextCovered(at));
      } else {
        long last = Objects.requireNonNull(coverage.lastOfCovering(at));
        assertTrue(Long.compareUnsigned(at, last) <= 0);
        assertTrue(set.contains(last) && !holeWithin(i, last), "a segment has no hole");
      }
    }
  }

  private boolean holeWithin(int from, long last) {
    for (int i = from; i < ADDRESSES && Long.compareUnsigned(address(i), last) <= 0; i++) {
      if (counts[i] == 0) {
        return true;
      }
    }
    return false;
  }

  @Test
  void theLastAddressThatIsAskedForCounts() {
    coverage.add(5, 9);
    assertNull(coverage.firstCovered(0, 4));
    assertEquals(5L, coverage.firstCovered(0, 5));
    assertEquals(9L, coverage.firstCovered(9, 9));
    assertNull(coverage.firstCovered(10, -1));
  }

  @Test
  void aRangeThatIsRemovedLeavesNoBoundaryBehind() {
    for (long[] inner : new long[][] {{10, 20}, {15, 30}, {12, 17}, {10, 30}, {5, 35}}) {
      Coverage wide = new Coverage();
      wide.add(10, 30);
      wide.add(inner[0], inner[1]);
      wide.remove(inner[0], inner[1]);
      assertEquals(30L, wide.lastOfCovering(10), "one segment again");
    }
    Coverage top = new Coverage();
    top.add(10, -1);
    top.add(20, -1);
    top.remove(20, -1);
    assertEquals(-1L, top.lastOfCovering(10));
  }
}
