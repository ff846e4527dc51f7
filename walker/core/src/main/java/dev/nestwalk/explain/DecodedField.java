package dev.nestwalk.explain;

/**
 * A field of an entry that was read.
 *
 * @param label name and bits, for example {@code "AW[66:64]"}
 * @param value the field's value, right-aligned
 * @param meaning one line for readers
 */
public record DecodedField(String label, long value, String meaning) {}
