package dev.nestwalk.bench.cost;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Geometry of a modelled cache, as text {@code ENTRIESxWAYS[lru|fifo|random|plru][-hash][-split]};
 * {@code 0} is no cache, and ENTRIES alone is a fully associative one.
 *
 * @param entries 0 for none, otherwise a power of two up to 2^20
 * @param ways entries of a set, a power of two up to {@code entries}
 * @param policy which entry of a full set is replaced
 * @param hashed whether sets are chosen by a hash of the whole key rather than by the lowest bits
 *     of the page number
 * @param split whether each page size has its own cache of this geometry
 */
public record Geometry(int entries, int ways, Policy policy, boolean hashed, boolean split) {
  /** Which entry of a full set is replaced. */
  public enum Policy {
    /** The least recently used one. */
    LRU,
    /** The one that was filled first. */
    FIFO,
    /** A random one, by a seeded generator. */
    RANDOM,
    /** The one that a binary tree of recent uses points to. */
    PLRU
  }

  /** No cache. */
  public static final Geometry NONE = new Geometry(0, 1, Policy.LRU, false, false);

  private static final int MOST = 1 << 20;
  private static final Pattern TEXT =
      Pattern.compile("(\\d{1,8})(?:x(\\d{1,8}))?(lru|fifo|random|plru)?(-hash)?(-split)?");

  /**
   * Checks the geometry.
   *
   * @throws IllegalArgumentException if entries or ways are not powers of two or are out of range
   */
  public Geometry {
    if (entries != 0 && (entries > MOST || Integer.bitCount(entries) != 1)) {
      throw new IllegalArgumentException(
          entries + " entries: expected 0 or a power of two up to " + MOST);
    }
    if (ways < 1 || Integer.bitCount(ways) != 1 || ways > Math.max(1, entries)) {
      throw new IllegalArgumentException(
          ways + " ways: expected a power of two up to " + Math.max(1, entries));
    }
  }

  /**
   * Parses a geometry.
   *
   * @throws IllegalArgumentException with a message of one line
   */
  public static Geometry parse(String text) {
    Matcher parts = TEXT.matcher(text.toLowerCase(Locale.ROOT));
    if (!parts.matches()) {
      throw new IllegalArgumentException(
          "'%s': expected ENTRIES or ENTRIESxWAYS with lru, fifo, random or plru, for example 64x8lru"
              .formatted(text));
    }
    int entries = Integer.parseInt(parts.group(1));
    if (entries == 0) {
      return NONE;
    }
    int ways = parts.group(2) == null ? entries : Integer.parseInt(parts.group(2));
    Policy policy =
        parts.group(3) == null
            ? Policy.LRU
            : Policy.valueOf(parts.group(3).toUpperCase(Locale.ROOT));
    return new Geometry(entries, ways, policy, parts.group(4) != null, parts.group(5) != null);
  }

  /** Whether there is a cache. */
  public boolean exists() {
    return entries != 0;
  }

  /** Number of sets. */
  public int sets() {
    return entries / ways;
  }

  /** The canonical text. */
  @Override
  public String toString() {
    if (entries == 0) {
      return "0";
    }
    // Joined without format(), which would write digits in the user's language.
    return entries
        + "x"
        + ways
        + policy.name().toLowerCase(Locale.ROOT)
        + (hashed ? "-hash" : "")
        + (split ? "-split" : "");
  }
}
