package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PreciseThreadsTest {
  private static final int ANSWERS = 20_000;

  @ParameterizedTest
  @EnumSource
  @Timeout(value = 120, unit = TimeUnit.SECONDS)
  void devicesThatTranslateAllTheTimeAnswerAsTheWalk(Formats format) throws InterruptedException {
    PreciseThreads threads = new PreciseThreads(format);
    // How much comes of a machine depends on what else the processors do.
    for (long seed = 0; threads.checked < ANSWERS || threads.across < ANSWERS; seed++) {
      threads.machine(seed);
    }
    assertTrue(threads.translated > threads.checked / 8, "translations " + threads.translated);
  }
}
