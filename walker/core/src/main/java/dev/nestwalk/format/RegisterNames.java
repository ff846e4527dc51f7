package dev.nestwalk.format;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The registers that an architecture defines. A set of register values may hold any of them,
 * whether translation reads them or not; any other name is most likely misspelt.
 *
 * <p>Threads: immutable.
 */
public final class RegisterNames {
  private static final int LONGEST = 40;

  private final String architecture;
  private final Set<String> names;
  private final Pattern families;

  /**
   * Makes the set of an architecture.
   *
   * @param architecture its name, for messages
   * @param names registers, separated by blanks
   * @param families a pattern for registers that are numbered
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
   * Checks that every name is a register and has a value.
   *
   * @throws IllegalArgumentException with the unknown name, and the nearest known one if there is
   *     one
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

  /** The entries. Callers without null checks may pass null values, whatever the type says. */
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

  /** The known name that is most similar to a word, or null if none is similar. */
  public @Nullable String nearest(String word) {
    String upper = word.toUpperCase(java.util.Locale.ROOT);
    String best = Nearest.of(upper, names);
    if (best == null && upper.matches("(SMMU|DMAR|VTD)_.*|.*_REG")) {
      String bare = upper.replaceFirst("^(SMMU|DMAR|VTD)_", "").replaceFirst("_REG$", "");
      return names.contains(bare) ? bare : null;
    }
    return best;
  }
}
