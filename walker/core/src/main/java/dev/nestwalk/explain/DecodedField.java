package dev.nestwalk.explain;

import dev.nestwalk.format.Field;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A field of an entry that was read: its name, its bits, its value and what that value says.
 *
 * <p>A walk decodes many fields and few of them are ever shown, so a field out of a structure's
 * words looks up the meaning of its value only when {@link #meaning} is called.
 */
public final class DecodedField {
  private final String name;
  private final int hi;
  private final int lo;
  private final long value;

  private final Supplier<String> meaning;

  private DecodedField(String name, int hi, int lo, long value, Supplier<String> meaning) {
    this.name = name;
    this.hi = hi;
    this.lo = lo;
    this.value = value;
    this.meaning = meaning;
  }

  /**
   * A field with its own meaning, as in a stored walk.
   *
   * @param name the specification's name
   * @param hi highest bit, counted over the whole structure
   * @param lo lowest bit, counted over the whole structure
   * @param value the field's value, right-aligned
   * @param meaning what this value says, one line
   */
  public DecodedField(String name, int hi, int lo, long value, String meaning) {
    this(name, hi, lo, value, () -> meaning);
  }

  /** Decodes a field from its structure's words. */
  public static DecodedField of(Field field, long[] words) {
    long value = field.get(words[field.word()]);
    return new DecodedField(
        field.name(), field.hi(), field.lo(), value, () -> field.meaningOf(value));
  }

  /** The field's name as the specification has it. */
  public String name() {
    return name;
  }

  /** The field's highest bit, counted over the whole structure. */
  public int hi() {
    return hi;
  }

  /** The field's lowest bit, counted over the whole structure. */
  public int lo() {
    return lo;
  }

  /** The field's value, right-aligned. */
  public long value() {
    return value;
  }

  /** What this value says, one line. */
  public String meaning() {
    return meaning.get();
  }

  /** Name and bits, for example {@code "AW[66:64]"}. */
  public String label() {
    return hi == lo ? "%s[%d]".formatted(name, lo) : "%s[%d:%d]".formatted(name, hi, lo);
  }

  /** Equal if name, bits, value and meaning are, wherever the words come from. */
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof DecodedField that
        && hi == that.hi
        && lo == that.lo
        && value == that.value
        && name.equals(that.name)
        && meaning().equals(that.meaning());
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, hi, lo, value);
  }

  @Override
  public String toString() {
    return "%s=0x%x: %s".formatted(label(), value, meaning());
  }
}
