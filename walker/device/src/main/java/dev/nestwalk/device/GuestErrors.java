package dev.nestwalk.device;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What a guest did that the architecture ignores or leaves open, counted: writes to guarded
 * registers, accesses of odd sizes, commands without effect. A driver's author reads them when
 * "nothing happens"; a good driver makes none.
 *
 * <pre>
 *   guarded write while SMMUEN=1: STRTAB_BASE, 3 times
 * </pre>
 *
 * <p>Holds {@value #CAPACITY} different lines; what comes after them is counted together.
 *
 * <p>Threads: any.
 */
public final class GuestErrors {
  /** Different lines that are kept. */
  public static final int CAPACITY = 256;

  /** The line for what found no room. */
  private static final Mistake OTHERS = new Mistake("more than is listed here", "others");

  private final Map<Mistake, Long> counts = new LinkedHashMap<>();

  /**
   * One kind of mistake at one place.
   *
   * @param what for example {@code "guarded write while SMMUEN=1"}
   * @param where a register, command or queue by its architectural name
   */
  public record Mistake(String what, String where) {
    @Override
    public String toString() {
      return what + ": " + where;
    }
  }

  GuestErrors() {}

  /** Counts one; cheap enough for a guest that does nothing else. */
  synchronized void count(String what, String where) {
    Mistake mistake = new Mistake(what, where);
    boolean fits = counts.size() < CAPACITY || counts.containsKey(mistake);
    counts.merge(fits ? mistake : OTHERS, 1L, Long::sum);
  }

  /** How often a mistake was made. */
  public synchronized long count(Mistake mistake) {
    return counts.getOrDefault(mistake, 0L);
  }

  /** Whether nothing was noted. */
  public synchronized boolean isEmpty() {
    return counts.isEmpty();
  }

  /** Every mistake with its count, in the order of first occurrence. */
  public synchronized Map<Mistake, Long> counts() {
    return new LinkedHashMap<>(counts);
  }

  /** Forgets everything. */
  public synchronized void clear() {
    counts.clear();
  }

  /** A line per mistake, the most frequent first. */
  public List<String> lines() {
    return counts().entrySet().stream()
        .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
        .map(e -> e.getKey() + ", " + (e.getValue() == 1 ? "once" : e.getValue() + " times"))
        .toList();
  }

  @Override
  public String toString() {
    return lines().stream().collect(Collectors.joining("\n"));
  }
}
