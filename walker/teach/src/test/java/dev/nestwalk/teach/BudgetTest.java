package dev.nestwalk.teach;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** A listing stops at exactly its limits, and tells each that it reached once. */
class BudgetTest {
  private static final long DAY = 86_400_000_000_000L;

  @Test
  void aScanEndsWithItsLastRange() {
    Budget budget = Budget.ofRanges(3, DAY);
    for (int range = 0; range < 3; range++) {
      assertTrue(budget.walk(), "before range " + range);
      budget.range();
    }
    assertFalse(budget.walk());
    assertFalse(budget.walk());
    assertEquals(List.of("stopped after 3 ranges"), budget.stopped());
    assertEquals(3, budget.printable());
  }

  @Test
  void aSecondIsGoodForSomeEndpointsAndReads() {
    Budget budget = Budget.ofSeconds(1);
    for (int endpoint = 0; endpoint < 1024; endpoint++) {
      assertTrue(budget.endpoint());
    }
    assertFalse(budget.endpoint());
    assertEquals(List.of("stopped after 1024 endpoints"), budget.stopped());
    assertEquals(10_000, budget.printable());
  }

  /** On a machine that stands still the time may be up before; then it is tried again. */
  @Test
  void readsAreLimitedToo() {
    for (int tries = 0; tries < 50; tries++) {
      Budget budget = Budget.ofSeconds(1);
      long reads = 0;
      while (budget.read()) {
        reads++;
      }
      if (!budget.stopped().contains("stopped after 1 s")) {
        assertEquals(1 << 21, reads);
        assertEquals(List.of("stopped after 2097152 table reads"), budget.stopped());
        return;
      }
    }
    throw new AssertionError("50 times it took longer than a second to count to two million");
  }

  @Test
  void aSpentSecondEndsWalks() {
    Budget budget = Budget.ofRanges(1, 1);
    int walks = 0;
    while (budget.walk()) {
      walks++;
    }
    assertTrue(walks < 64, walks + " walks between two looks at the clock");
  }

  @Test
  void eachLimitIsToldOnce() {
    Budget budget = Budget.ofRanges(0, DAY);
    assertFalse(budget.stop("one"));
    assertFalse(budget.walk());
    assertFalse(budget.stop("one"));
    assertEquals(List.of("one", "stopped after 0 ranges"), budget.stopped());
  }
}
