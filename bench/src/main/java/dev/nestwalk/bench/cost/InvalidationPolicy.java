package dev.nestwalk.bench.cost;

import java.util.Locale;

/**
 * What a driver does with a buffer that is no longer needed, as text {@code strict}, {@code
 * lazy:FLUSHES:NANOSECONDS}, {@code pool} or {@code huge}.
 *
 * @param kind the policy
 * @param batch lazy: number of unmapped buffers after which everything is flushed
 * @param nanoseconds lazy: longest time that the first of them waits
 */
public record InvalidationPolicy(Kind kind, int batch, long nanoseconds) {
  /** The policies. */
  public enum Kind {
    /** Unmaps each buffer, invalidates its pages and waits. */
    STRICT,
    /** Unmaps each buffer; invalidates everything once enough are unmapped or the time is up. */
    LAZY,
    /** Maps buffers once and reuses them. */
    POOL,
    /** Like POOL, with adjacent buffers in large pages. */
    HUGE
  }

  /** Linux's flush queue holds 256 entries (IOVA_DEFAULT_FQ_SIZE). */
  public static final int LINUX_BATCH = 256;

  /** Linux flushes after 10 ms (IOVA_FQ_TIMEOUT). */
  public static final long LINUX_NANOSECONDS = 10_000_000;

  /**
   * Parses a policy.
   *
   * @throws IllegalArgumentException with a message of one line
   */
  public static InvalidationPolicy parse(String text) {
    String[] parts = text.toLowerCase(Locale.ROOT).split(":", -1);
    Kind kind =
        switch (parts[0]) {
          case "strict" -> Kind.STRICT;
          case "lazy" -> Kind.LAZY;
          case "pool" -> Kind.POOL;
          case "huge" -> Kind.HUGE;
          default ->
              throw new IllegalArgumentException(
                  "'%s': expected strict, lazy, lazy:256, lazy:256:10000000, pool or huge"
                      .formatted(text));
        };
    if (kind != Kind.LAZY ? parts.length > 1 : parts.length > 3) {
      throw new IllegalArgumentException("'%s': %s takes no such number".formatted(text, parts[0]));
    }
    int batch = parts.length > 1 ? Axis.number(parts[1], 1, 1 << 20) : LINUX_BATCH;
    long time = parts.length > 2 ? Axis.number(parts[2], 1, Integer.MAX_VALUE) : LINUX_NANOSECONDS;
    return new InvalidationPolicy(kind, batch, time);
  }

  /** Whether buffers are mapped once and stay mapped. */
  public boolean keeps() {
    return kind == Kind.POOL || kind == Kind.HUGE;
  }

  /** The canonical text. */
  @Override
  public String toString() {
    String name = kind.name().toLowerCase(Locale.ROOT);
    return kind == Kind.LAZY ? name + ":" + batch + ":" + nanoseconds : name;
  }
}
