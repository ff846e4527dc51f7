package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PreciseWalksTest {
  private static final int MACHINES = 60;

  @ParameterizedTest
  @EnumSource
  void afterAnInvalidationOfWhatChangedCachesAnswerAsTheWalk(Formats format) {
    PreciseWalks walks = new PreciseWalks(format);
    for (long seed = 0; seed < MACHINES; seed++) {
      walks.machine(seed);
    }
    assertTrue(walks.translated > walks.checked / 8, "translations " + walks.translated);
    assertTrue(walks.hits > walks.checked / 80, "hits " + walks.hits);
  }
}
