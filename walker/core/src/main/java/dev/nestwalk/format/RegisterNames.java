package dev.nestwalk.format;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The registers that an architecture names. A set of register values may hold all of them, whether
 * translation reads them or not; a name that is none of them is most likely misspelt.
 *
 * <p>Threads: immutable.
 */
public final class RegisterNames {
  /** More changes than this make another word. */
  private static final int NEAR = 3;

  private static final int LONGEST = 40;

  private final String architecture;
  private final Set<String> names;
  private final Pattern families;

  /**
   * Names of an architecture.
   *
   * @param architecture its name, for messages
   * @param names registers, separated by blanks
   * @param families a pattern for registers that come in numbers
   */
  public RegisterNames(String architecture, String names, String families) {
    this.architecture = architecture;
    this.names = new LinkedHashSet<>(List.of(names.split(" ", -1)));
    this.families = Pattern.compile(families);
  }

  /** Whether the architecture has a register of this name. */
  public boolean has(String name) {
    return names.contains(name) || families.matcher(name).matches();
  }

  /**
   * Checks that every name is a register's and has a value.
   *
   * @throws IllegalArgumentException with the name, and the nearest known one where there is one
   */
  public void check(Map<String, Long> registers) {
    for (Map.Entry<String, @Nullable Long> register : entries(registers)) {
      String name = String.valueOf(register.getKey());
      if (!has(name)) {
        throw new IllegalArgumentException(refusal(name));
      }
      if (register.getValue() == null) {
        throw new IllegalArgumentException(name + ": expected the register's value, found null");
      }
    }
  }

  /** Callers without null checks may pass nulls whatever the type says. */
  @SuppressWarnings("unchecked")
  private static Set<Map.Entry<String, @Nullable Long>> entries(Map<String, Long> registers) {
    return (Set<Map.Entry<String, @Nullable Long>>) (Set<?>) registers.entrySet();
  }

  private String refusal(String name) {
    String shown = name.length() > LONGEST ? name.substring(0, LONGEST) + "..." : name;
    String near = nearest(name);
    return shown.replaceAll("[^\\x20-\\x7e]", "?")
        + ": unknown register"
        + (near == null ? " of " + architecture : "; did you mean " + near + "?");
  }

  /** The known name that is most like a word, null if none is much like it. */
  public @Nullable String nearest(String word) {
    String upper = word.toUpperCase(java.util.Locale.ROOT);
    String best = null;
    int least = Math.min(NEAR, Math.max(1, word.length() / 2)) + 1;
    for (String name : names) {
      int changes = Math.abs(name.length() - upper.length()) > NEAR ? least : changes(name, upper);
      if (changes < least) {
        least = changes;
        best = name;
      }
    }
    if (best == null && upper.matches("(SMMU|DMAR|VTD)_.*|.*_REG")) {
      String bare = upper.replaceFirst("^(SMMU|DMAR|VTD)_", "").replaceFirst("_REG$", "");
      return names.contains(bare) ? bare : null;
    }
    return best;
  }

  /** Letters to put in, take out or replace to make one word of the other. */
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
}
