package dev.nestwalk.bench.cost;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The share of memory that pages of each size map, as text {@code 4k:80+2m:20}; {@code base} is the
 * granule. Larger pages are distributed over the address space by a hash, so that every machine
 * builds the same tables.
 *
 * @param shares percentages by log2 of the page size, where 0 stands for the granule; they add up
 *     to 100
 */
public record PageMix(Map<Integer, Integer> shares) {
  private static final Map<String, Integer> SIZES =
      Map.of("base", 0, "4k", 12, "16k", 14, "64k", 16, "2m", 21, "32m", 25, "512m", 29, "1g", 30);

  /**
   * Copies and checks.
   *
   * @throws IllegalArgumentException if a share is none, or if they do not add up to 100
   */
  public PageMix {
    shares = Map.copyOf(shares);
    for (int share : shares.values()) {
      if (share < 0 || share > 100) {
        throw new IllegalArgumentException("share of " + share + ": expected 0 to 100");
      }
    }
    int sum = sum(shares);
    if (sum != 100) {
      throw new IllegalArgumentException("shares add up to " + sum + ": expected 100");
    }
  }

  private static int sum(Map<Integer, Integer> shares) {
    return shares.values().stream().mapToInt(Integer::intValue).sum();
  }

  /**
   * Parses a mix; one size may have no share, and gets what the others leave.
   *
   * @throws IllegalArgumentException with a message of one line
   */
  public static PageMix parse(String text) {
    Map<Integer, Integer> shares = new TreeMap<>();
    String rest = "";
    for (String part : text.toLowerCase(Locale.ROOT).split("[+,]", -1)) {
      String[] halves = part.split(":", 2);
      Integer size = SIZES.get(halves[0]);
      if (size == null) {
        throw new IllegalArgumentException(
            "page size '%s': expected base, 4k, 16k, 64k, 2m, 32m, 512m or 1g, for example 4k:80+2m:20"
                .formatted(halves[0]));
      }
      if (shares.put(size, halves.length == 1 ? 0 : Axis.number(halves[1], 0, 100)) != null) {
        throw new IllegalArgumentException("page size '%s' stands twice".formatted(halves[0]));
      }
      if (halves.length == 1 && !rest.isEmpty()) {
        throw new IllegalArgumentException(
            "'%s': neither %s nor %s has a share: expected at most one size without, for example %s:80+%s"
                .formatted(text, rest, halves[0], rest, halves[0]));
      }
      rest = halves.length == 1 ? halves[0] : rest;
    }
    int given = sum(shares);
    if (rest.isEmpty() ? given != 100 : given >= 100) {
      throw new IllegalArgumentException(
          "'%s': shares add up to %d: expected %s"
              .formatted(
                  text,
                  given,
                  rest.isEmpty() ? "100" : "less than 100, since " + rest + " gets the rest"));
    }
    if (!rest.isEmpty()) {
      shares.put(SIZES.getOrDefault(rest, 0), 100 - given);
    }
    return new PageMix(shares);
  }

  /** Log2 of the page sizes that map anything, the largest first; 0 for the granule. */
  public List<Integer> sizes() {
    List<Integer> sizes = new ArrayList<>();
    new TreeMap<>(shares).descendingMap().forEach((size, share) -> addIf(sizes, size, share));
    return sizes;
  }

  private static void addIf(List<Integer> sizes, int size, int share) {
    if (share > 0) {
      sizes.add(size);
    }
  }

  /** The canonical text, the smallest size first. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    new TreeMap<>(shares)
        .forEach(
            (size, share) -> {
              if (share > 0) {
                text.append(text.isEmpty() ? "" : "+").append(name(size));
                text.append(share == 100 ? "" : ":" + share);
              }
            });
    return text.toString();
  }

  private static String name(int size) {
    return SIZES.entrySet().stream()
        .filter(entry -> entry.getValue() == size)
        .map(Map.Entry::getKey)
        .findFirst()
        .orElseThrow();
  }
}
