package dev.nestwalk.cli;

import dev.nestwalk.teach.Numbers;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converters for options that are numbers, with the syntax of {@link Numbers}. */
final class NumberOptions {
  /** An address, hexadecimal. */
  static final class Address implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      return expected(Numbers.hexOrNull(text), text, "a hexadecimal address");
    }
  }

  /** A length: hexadecimal, or decimal with a unit. */
  static final class Length implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      return expected(Numbers.lengthOrNull(text), text, "a length, hexadecimal or as 64K, 2M, 1G");
    }
  }

  /** A requester id. */
  static final class Source implements ITypeConverter<Integer> {
    @Override
    public Integer convert(String text) {
      return expected(
          Numbers.sourceOrNull(text), text, "a requester id as 0x0010, 00:02.0 or 0000:00:02.0");
    }
  }

  /** A PASID. */
  static final class Pasid implements ITypeConverter<Integer> {
    @Override
    public Integer convert(String text) {
      Long value = Numbers.hexOrNull(text);
      Integer pasid = value == null || value >>> 20 != 0 ? null : value.intValue();
      return expected(pasid, text, "a PASID of at most 20 bits");
    }
  }

  private static <T> T expected(@Nullable T value, String text, String what) {
    if (value == null) {
      throw new TypeConversionException("'" + text + "': expected " + what);
    }
    return value;
  }

  private NumberOptions() {}
}
