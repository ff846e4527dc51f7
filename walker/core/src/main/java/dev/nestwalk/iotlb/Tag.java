package dev.nestwalk.iotlb;

/**
 * The number that distinguishes the entries of one address space, and of one generation of it, from
 * all others. An address space drops its entries from a cache by taking a new tag: the old entries
 * are never found again, and their places are reused one by one.
 *
 * <p>A number has {@link #BITS} bits. {@link TagCounter} issues each one once. When they run out,
 * the caches are emptied and counting starts over, so that no old entry can be found again.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class Tag {
  /** Bits of a tag: 12 in the first word of an entry, 7 in the second. */
  public static final int BITS = 19;

  private static final long LOW = 0xfff;
  private static final int HIGH_SHIFT = 3;

  /** Multiplier that spreads address spaces over the sets. */
  private static final long SPREAD = 0x9e37_79b9_7f4a_7c15L;

  private int number;
  private long low;
  private long high;
  private long salt;

  /** Makes a tag without a number; nothing is found or kept under it. */
  public Tag() {}

  /** Sets a number of {@link #BITS} bits; 0 means none. */
  public void set(int newNumber) {
    number = newNumber;
    low = newNumber & LOW;
    high = (long) (newNumber >>> 12) << HIGH_SHIFT;
    salt = newNumber * SPREAD >>> 40;
  }

  /** Whether the tag has a number. */
  public boolean isSet() {
    return number != 0;
  }

  /** Bits 11..0 of an entry's first word. */
  public long low() {
    return low;
  }

  /** Bits 9..3 of an entry's second word. */
  public long high() {
    return high;
  }

  /** The value that is mixed into the index of the set. */
  public long salt() {
    return salt;
  }
}
