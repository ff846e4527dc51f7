package dev.nestwalk.explain;

import dev.nestwalk.format.Field;

/**
 * A field of an entry that was read.
 *
 * @param name as the specification has it
 * @param hi highest bit, counted over the whole structure
 * @param lo lowest bit, counted over the whole structure
 * @param value the field's value, right-aligned
 * @param meaning what this value says, one line
 */
public record DecodedField(String name, int hi, int lo, long value, String meaning) {
  /** A field out of its structure's words. */
  public static DecodedField of(Field field, long[] words) {
    long value = field.get(words[field.word()]);
    return new DecodedField(field.name(), field.hi(), field.lo(), value, field.meaningOf(value));
  }

  /** Name and bits, for example {@code "AW[66:64]"}. */
  public String label() {
    return hi == lo ? "%s[%d]".formatted(name, lo) : "%s[%d:%d]".formatted(name, hi, lo);
  }
}
