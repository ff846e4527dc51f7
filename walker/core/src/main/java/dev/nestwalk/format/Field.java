package dev.nestwalk.format;

/**
 * A named bit range of a structure in memory or of a register. Bits are numbered over the whole
 * structure, as its specification prints them: bit 0 is bit 0 of the byte at the lowest address. A
 * field lies within one 64-bit word, and the decoding methods take that word.
 *
 * @param name the specification's name
 * @param hi highest bit, inclusive, counted over the whole structure
 * @param lo lowest bit, inclusive, counted over the whole structure
 * @param meaning one line for readers: what the field says, not how this library uses it. It may
 *     list values, as in {@code "0: points to a table; 1: maps a page"} or {@code "granule: 0 4K, 1
 *     64K"}
 */
public record Field(String name, int hi, int lo, String meaning) {
  /**
   * Checks the range.
   *
   * @throws IllegalArgumentException if the range is empty or negative, or crosses a 64-bit word
   */
  public Field {
    if (lo < 0 || hi < lo || hi / 64 != lo / 64) {
      throw new IllegalArgumentException(
          name + "[" + hi + ":" + lo + "]: expected hi >= lo >= 0 within one 64-bit word");
    }
  }

  /** Declares bits {@code hi..lo}. */
  public static Field of(String name, int hi, int lo, String meaning) {
    return new Field(name, hi, lo, meaning);
  }

  /** Declares a single bit. */
  public static Field bit(String name, int at, String meaning) {
    return new Field(name, at, at, meaning);
  }

  /** Index of the 64-bit word that holds the field. */
  public int word() {
    return lo >>> 6;
  }

  /** Number of bits, 1 to 64. */
  public int width() {
    return hi - lo + 1;
  }

  /** The field's bits within its word. */
  public long mask() {
    return (-1L >>> (63 - hi + lo)) << lo;
  }

  /** The field's value in {@code word}, right-aligned. */
  public long get(long word) {
    return (word & mask()) >>> lo;
  }

  /** Whether any of the field's bits is set in {@code word}. */
  public boolean in(long word) {
    return (word & mask()) != 0;
  }

  /**
   * What the field says with one value, for example {@code "points to a table"} for 0 if the
   * meaning is {@code "0: points to a table; 1: maps a page"}.
   *
   * @param value the field's value, right-aligned
   */
  public String meaningOf(long value) {
    return FieldMeaning.of(name, width(), meaning, value);
  }

  /** The name with its bit or bits: {@code "P[3]"} or {@code "DID[87:72]"}. */
  public String label() {
    return hi == lo ? name + "[" + lo + "]" : name + "[" + hi + ":" + lo + "]";
  }
}
