package dev.nestwalk.bench.cost;

import java.util.Locale;

/**
 * What a driver does when a buffer is done with; as text {@code strict}, {@code
 * lazy:FLUSHES:NANOSECONDS}, {@code pool} or {@code huge}.
 *
 * @param kind the policy
 * @param batch lazy: unmapped buffers that wait before all is flushed at once
 * @param nanoseconds lazy: how long the first of them waits at most
 */
public record InvalidationPolicy(Kind kind, int batch, long nanoseconds) {
  /** The policies. */
  public enum Kind {
    /** Unmaps each buffer, invalidates its pages and waits. */
    STRICT,
    /** Unmaps each buffer; once enough are gone, or time is up, invalidates everything. */
    LAZY,
    /** Maps buffers once and takes them again. */
    POOL,
    /** As POOL, with buffers side by side in large pages. */
    HUGE
  }

  /** Linux's flush queue holds 256 entries (IOVA_DEFAULT_FQ_SIZE). */
  public static final int LINUX_BATCH = 256;

  /** Linux flushes after 10 ms (IOVA_FQ_TIMEOUT). */
  public static final long LINUX_NANOSECONDS = 10_000_000;

  /**
   * Reads the text.
   *
   * @throws IllegalArgumentException if it is none, in one line
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

  /** Whether buffers are mapped once and stay. */
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
