package dev.nestwalk.bench.cost;

import java.util.Collections;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Counts by name; names are sorted, and absent ones are 0. Addition is exact, so the sum over
 * shards does not depend on how cells were distributed.
 *
 * <p>Names have parts: {@code access}, {@code bytes}, {@code iotlb.hit}, {@code iotlb.miss}, {@code
 * ref} (all reads of a walk), {@code ref.s1}, {@code ref.s2}, {@code ref.config}, {@code
 * ref.s1.L3}, {@code pwc1.hit.L1}, {@code ntlb.hit}, {@code map}, {@code unmap}, {@code
 * invalidate.page}, {@code invalidate.all}, …
 */
public final class Counts {
  /** Nothing counted. */
  public static final Counts NONE = new Counts(new TreeMap<>());

  private final NavigableMap<String, Long> values;

  private Counts(NavigableMap<String, Long> values) {
    this.values = values;
  }

  /** These counts, without zeros. */
  public static Counts of(Map<String, Long> values) {
    TreeMap<String, Long> sorted = new TreeMap<>();
    values.forEach(
        (name, value) -> {
          if (value != 0) {
            sorted.put(name, value);
          }
        });
    return new Counts(sorted);
  }

  /** A count, 0 if nothing of that name was counted. */
  public long get(String name) {
    return values.getOrDefault(name, 0L);
  }

  /** One count divided by another; 0 if the divisor is 0. */
  public double per(String name, String base) {
    long divisor = get(base);
    return divisor == 0 ? 0 : (double) get(name) / divisor;
  }

  /**
   * The sum.
   *
   * @throws ArithmeticException if a count exceeds 64 bits
   */
  public Counts plus(Counts other) {
    TreeMap<String, Long> sum = new TreeMap<>(values);
    other.values.forEach((name, value) -> sum.merge(name, value, Math::addExact));
    return new Counts(sum);
  }

  /** All counts by name. */
  public NavigableMap<String, Long> all() {
    return Collections.unmodifiableNavigableMap(values);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Counts counts && counts.values.equals(values);
  }

  @Override
  public int hashCode() {
    return values.hashCode();
  }

  @Override
  public String toString() {
    return values.toString();
  }
}
