package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class PreciseWalksTest {
  private static final int MACHINES = 60;

  static List<Arguments> kinds() {
    List<Arguments> all = new ArrayList<>();
    for (Formats format : Formats.values()) {
      for (PreciseScene.Kind kind : PreciseScene.Kind.values()) {
        all.add(Arguments.of(format, kind));
      }
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void aGuestThatForgetsAKindOfInvalidationsIsNoticed(Formats format, PreciseScene.Kind kind) {
    assertTrue(new PreciseWalks(format, kind).isNoticed(MACHINES));
  }

  @ParameterizedTest
  @EnumSource
  void afterAnInvalidationOfWhatChangedCachesAnswerAsTheWalk(Formats format) {
    PreciseWalks walks = new PreciseWalks(format);
    for (long seed = 0; seed < MACHINES; seed++) {
      walks.machine(seed);
    }
    assertTrue(walks.translated > walks.checked / 8, "translations " + walks.translated);
    assertTrue(walks.referred > MACHINES, "answers of the reference " + walks.referred);
    assertTrue(walks.flagged > MACHINES, "flags " + walks.flagged);
    assertTrue(walks.windows > 0, "machines with windows");
    assertTrue(walks.hits > walks.checked / 80, "hits " + walks.hits);
  }
}
