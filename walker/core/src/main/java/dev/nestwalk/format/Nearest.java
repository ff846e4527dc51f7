package dev.nestwalk.format;

import java.util.Collection;
import org.jspecify.annotations.Nullable;

/** Finds the known name that a misspelt one most likely means. */
public final class Nearest {
  /** A name that differs by more changes is not suggested. */
  private static final int NEAR = 3;

  /**
   * The name that is most similar to a word, letter by letter, or null if none is similar.
   *
   * @param word the word as it was written; case matters
   */
  public static @Nullable String of(String word, Collection<String> names) {
    String best = null;
    int least = Math.min(NEAR, Math.max(1, word.length() / 2)) + 1;
    for (String name : names) {
      int changes = Math.abs(name.length() - word.length()) > NEAR ? least : changes(name, word);
      if (changes < least) {
        least = changes;
        best = name;
      }
    }
    return best;
  }

  /** Number of letters to insert, remove or replace to turn one word into the other. */
  private static int changes(String one, String other) {
    int[] row = new int[other.length() + 1];
    for (int j = 0; j < row.length; j++) {
      row[j] = j;
    }
    for (int i = 1; i <= one.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j < row.length; j++) {
        int same = one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1;
        int least = Math.min(diagonal + same, Math.min(row[j], row[j - 1]) + 1);
        diagonal = row[j];
        row[j] = least;
      }
    }
    return row[other.length()];
  }

  private Nearest() {}
}
