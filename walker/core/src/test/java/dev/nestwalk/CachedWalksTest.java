package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CachedWalksTest {
  private static final int MACHINES = 250;

  @ParameterizedTest
  @EnumSource
  void cachesAnswerAsTheWalkWhateverChangedBefore(Formats format) {
    CachedWalks walks = new CachedWalks(format, CacheOptions.DEFAULT.withCounters(), 1 << 10);
    run(walks);
  }

  @ParameterizedTest
  @EnumSource
  void smallCachesWithFewTagsAnswerAsTheWalk(Formats format) {
    run(new CachedWalks(format, CachedWalks.SMALL, CachedWalks.FEW_TAGS));
  }

  private static void run(CachedWalks walks) {
    for (long seed = 0; seed < MACHINES; seed++) {
      walks.machine(seed);
    }
    assertTrue(walks.early < walks.checked / 1000, "early answers " + walks.early);
    assertTrue(walks.hits > walks.checked / 20, "hits " + walks.hits);
    assertTrue(walks.shortened > walks.checked / 200, "shortened " + walks.shortened);
  }
}
