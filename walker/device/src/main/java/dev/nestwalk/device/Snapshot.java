package dev.nestwalk.device;

import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * The state of a unit as named words: registers as they read, what was latched from them, and what
 * is under way. Caches are not part of it; they are empty after a restore.
 *
 * <p>As text it is one line for the unit and one per name, values in hex:
 *
 * <pre>
 *   nestwalk-snapshot 1 vtd
 *   GSTS c4000000
 *   FRCD 1000 8000007100000010 0 0
 * </pre>
 *
 * <p>Threads: immutable.
 */
public final class Snapshot {
  private static final String TITLE = "nestwalk-snapshot 1 ";

  private final String unit;
  private final Map<String, long[]> words;

  private Snapshot(String unit, Map<String, long[]> words) {
    this.unit = unit;
    this.words = words;
  }

  /** Collects names and values. */
  static final class Builder {
    private final String unit;
    private final Map<String, long[]> words = new TreeMap<>();

    Builder(String unit) {
      this.unit = unit;
    }

    /** Adds what belongs to a name, which has no blank in it. */
    Builder put(String name, long... values) {
      words.put(name, values.clone());
      return this;
    }

    Snapshot build() {
      return new Snapshot(unit, new TreeMap<>(words));
    }
  }

  /**
   * Reads what {@link #toString} wrote.
   *
   * @throws IllegalArgumentException if a line is no such line
   */
  public static Snapshot parse(String text) {
    String[] lines = text.strip().split("\\R", -1);
    if (!lines[0].startsWith(TITLE) || lines[0].length() == TITLE.length()) {
      throw new IllegalArgumentException(
          "snapshot, line 1: expected '%sUNIT', got '%s'".formatted(TITLE, lines[0]));
    }
    Map<String, long[]> words = new TreeMap<>();
    for (int i = 1; i < lines.length; i++) {
      String[] parts = lines[i].strip().split(" +", -1);
      long[] values = new long[parts.length - 1];
      try {
        for (int j = 0; j < values.length; j++) {
          values[j] = Long.parseUnsignedLong(parts[j + 1], 16);
        }
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            "snapshot, line %d: expected NAME and hex words, got '%s'".formatted(i + 1, lines[i]),
            e);
      }
      if (words.put(parts[0], values) != null) {
        throw new IllegalArgumentException(
            "snapshot, line %d: %s for the second time".formatted(i + 1, parts[0]));
      }
    }
    return new Snapshot(lines[0].substring(TITLE.length()).strip(), words);
  }

  /** What kind of unit it is of: {@code "vtd"}, {@code "smmuv3"}. */
  public String unit() {
    return unit;
  }

  /**
   * The values of a name.
   *
   * @throws IllegalArgumentException if it is missing
   */
  public long[] values(String name) {
    long[] values = words.get(name);
    if (values == null) {
      throw new IllegalArgumentException("snapshot of %s: %s is missing".formatted(unit, name));
    }
    return values.clone();
  }

  /**
   * The one value of a name.
   *
   * @throws IllegalArgumentException if it is missing or has more than one
   */
  public long value(String name) {
    long[] values = values(name);
    if (values.length != 1) {
      throw new IllegalArgumentException(
          "snapshot of %s: %s has %d words, expected 1".formatted(unit, name, values.length));
    }
    return values[0];
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Snapshot o && toString().equals(o.toString());
  }

  @Override
  public int hashCode() {
    return Objects.hash(unit, words.keySet());
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(TITLE).append(unit).append('\n');
    words.forEach(
        (name, values) -> {
          text.append(name);
          Arrays.stream(values)
              .forEach(v -> text.append(' ').append(Long.toHexString(v).toLowerCase(Locale.ROOT)));
          text.append('\n');
        });
    return text.toString();
  }
}
