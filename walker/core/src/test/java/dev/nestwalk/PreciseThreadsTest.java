package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PreciseThreadsTest {
  private static final int ANSWERS = 12_000;
  private static final int MACHINES = 60;

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

  /** The control, and what a failure tells. */
  @ParameterizedTest
  @EnumSource
  @Timeout(value = 240, unit = TimeUnit.SECONDS)
  void whatAGuestForgetsIsNoticedAndMadeSmallWithoutThreads(Formats format) {
    PreciseThreads threads = new PreciseThreads(format, PreciseScene.Kind.FIRST_STAGE);
    AssertionError noticed =
        assertThrows(
            AssertionError.class,
            () -> {
              for (long seed = 0; seed < MACHINES; seed++) {
                threads.machine(seed);
              }
            });
    String message = String.valueOf(noticed.getMessage());
    assertTrue(message.contains("without threads: "), message);
    assertTrue(message.contains("made small"), message);
    assertTrue(message.contains("the walk's answers, by what the guest did:"), message);
    assertTrue(message.contains("the device's last requests:"), message);
  }
}
