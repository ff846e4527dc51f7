package dev.nestwalk.bench.cost.sweep;

/**
 * A part of a sweep.
 *
 * @param number from 1
 * @param of how many there are
 */
public record Shard(int number, int of) {
  /** All of it. */
  public static final Shard WHOLE = new Shard(1, 1);

  private static final int MOST = 100_000;

  /** Reads {@code I/N}; an {@link IllegalArgumentException} in one line if it is none. */
  public static Shard parse(String text) {
    String[] parts = text.split("/", -1);
    if (parts.length == 2 && parts[0].matches("\\d{1,6}") && parts[1].matches("\\d{1,6}")) {
      int number = Integer.parseInt(parts[0]);
      int of = Integer.parseInt(parts[1]);
      if (number >= 1 && number <= of && of <= MOST) {
        return new Shard(number, of);
      }
    }
    throw new IllegalArgumentException(
        "shard '%s': expected I/N, I from 1 to N, N up to %d".formatted(text, MOST));
  }

  @Override
  public String toString() {
    return number + "/" + of;
  }
}
