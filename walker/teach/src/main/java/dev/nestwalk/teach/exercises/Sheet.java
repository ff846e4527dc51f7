package dev.nestwalk.teach.exercises;

import dev.nestwalk.fixtures.Chance;
import java.io.Serial;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The exercises of one sheet; equal seeds and choices give equal exercises.
 *
 * @param seed the seed they were made from
 * @param exercises the exercises, in the order of the kinds
 */
public record Sheet(long seed, List<Exercise> exercises) {
  /** Largest number of exercises on a sheet. */
  public static final int MOST = 500;

  private static final int ATTEMPTS = 200;

  /** Copies the list. */
  public Sheet {
    exercises = List.copyOf(exercises);
  }

  /** A kind does not have as many different exercises as were asked for. */
  public static final class TooFewException extends Exception {
    @Serial private static final long serialVersionUID = 1;

    TooFewException(Kind kind) {
      super("kind " + kind.id() + " has not as many different exercises");
    }
  }

  /**
   * Makes a sheet: each kind once, then each a second time, and so on.
   *
   * @param kinds the kinds to choose from, at least one
   * @param formats the formats to choose from, at least one of each kind's
   * @param arena where the machines live
   * @throws TooFewException if these kinds do not have as many different exercises
   */
  public static Sheet of(
      long seed, int count, Collection<Kind> kinds, Collection<Format> formats, Arena arena)
      throws TooFewException {
    Chance chance = new Chance(seed);
    List<Kind> chosen = new ArrayList<>();
    while (chosen.size() < count) {
      chosen.addAll(Draft.shuffled(chance, kinds));
    }
    chosen = new ArrayList<>(chosen.subList(0, count));
    Collections.sort(chosen);
    List<Exercise> exercises = new ArrayList<>();
    Set<String> asked = new HashSet<>();
    for (Kind kind : chosen) {
      Exercise exercise = another(chance, kind, formats, asked, arena);
      if (exercise == null) {
        throw new TooFewException(kind);
      }
      exercises.add(exercise);
    }
    return new Sheet(seed, exercises);
  }

  private static @Nullable Exercise another(
      Chance chance, Kind kind, Collection<Format> formats, Set<String> asked, Arena arena) {
    List<Format> possible = new ArrayList<>(kind.formats());
    possible.retainAll(formats);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      // Each kind has its own generator, so that one that draws more does not change the others.
      Chance own = new Chance(chance.bits());
      Exercise exercise = kind.make(own, possible.get(own.below(possible.size())), arena);
      if (asked.add(exercise.asked())) {
        return exercise;
      }
    }
    return null;
  }
}
