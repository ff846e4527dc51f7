package dev.nestwalk.iotlb;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a plan tells caches: which rights a hit grants, which bits of an address count. */
final class CachedPlanTest {
  private final SmallPages plan = new SmallPages(10, 1, true);

  @ParameterizedTest
  @CsvSource({
    "false, false, 1, 1",
    "false, false, 2, 3",
    "false, false, 3, 3",
    "true, false, 1, 3",
    "true, false, 2, 3",
    "true, false, 3, 3",
    "false, true, 1, 1",
    "false, true, 2, 2",
    "false, true, 3, 2",
    "true, true, 1, 3",
    "true, true, 2, 2",
    "true, true, 5, 2",
    "false, true, 5, 0",
  })
  void aHitGrantsWhatTheWalkHasLeftNothingToDoFor(
      boolean silent, boolean fetches, int access, int usable) {
    plan.judge(silent, fetches, 0);
    assertEquals(usable, plan.usable(access));
  }

  @Test
  void topBytesAreIgnoredInTheHalvesThatSaySo() {
    long low = 0xab00_1234_5678_9000L;
    long high = 0xab80_1234_5678_9000L;
    for (int ignores = 0; ignores < 4; ignores++) {
      plan.judge(true, false, ignores);
      assertEquals(ignores, plan.ignoresTop());
      assertEquals((ignores & 1) != 0 ? 0x0000_1234_5678_9000L : low, plan.untagged(low));
      assertEquals((ignores & 2) != 0 ? 0xff80_1234_5678_9000L : high, plan.untagged(high));
      long first = 0xab00_0000_0000_0000L;
      assertEquals((ignores & 1) != 0 ? 0 : first, plan.untagged(first), "bit 55 is clear");
    }
    assertEquals(Access.ATOMIC, plan.usable(Access.READ));
  }

  @Test
  void aPlanThatIsSelectedAnewHasNoWordsOfTheOneBefore() {
    plan.secondWord(3, 5);
    plan.select(11, 2, 4, false, true);
    for (int i = 0; i < CachedPlan.WORDS; i++) {
      assertEquals(0, plan.words[i]);
      assertEquals(0, plan.secondWords[i]);
    }
    assertEquals("11 2 4", plan.domain() + " " + plan.process() + " " + plan.pasid());
    assertEquals("false true", plan.usesFirst() + " " + plan.usesSecond());
    plan.select(11, 2, 4, true, false);
    assertEquals("true false", plan.usesFirst() + " " + plan.usesSecond());
  }
}
