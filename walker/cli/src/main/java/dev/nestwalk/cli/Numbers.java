package dev.nestwalk.cli;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Numbers as people write them here: hexadecimal with or without {@code 0x}. */
final class Numbers {
  private static final Pattern HEX = Pattern.compile("(?:0[xX])?([0-9a-fA-F]{1,16})");
  private static final Pattern BDF =
      Pattern.compile("(?:0{1,4}:)?([0-9a-fA-F]{1,2}):([0-9a-fA-F]{1,2})\\.([0-7])");
  private static final String UNITS = "BKMGTPE";

  /** An address option. */
  static final class Address implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      Long value = hexOrNull(text);
      if (value == null) {
        throw new TypeConversionException("'" + text + "': expected a hexadecimal address");
      }
      return value;
    }
  }

  /** A length option: hexadecimal, or decimal with a unit. */
  static final class Length implements ITypeConverter<Long> {
    private static final Pattern WITH_UNIT = Pattern.compile("([0-9]{1,6})([KMGTkmgt])");

    @Override
    public Long convert(String text) {
      Matcher matcher = WITH_UNIT.matcher(text);
      if (matcher.matches()) {
        int unit = UNITS.indexOf(matcher.group(2).toUpperCase(Locale.ROOT));
        return Long.parseLong(matcher.group(1)) << 10 * unit;
      }
      Long value = hexOrNull(text);
      if (value == null || value <= 0) {
        throw new TypeConversionException(
            "'" + text + "': expected a length, hexadecimal or as 64K, 2M, 1G");
      }
      return value;
    }
  }

  /** A requester id: {@code 0x0010}, {@code 00:02.0} or {@code 0000:00:02.0}. */
  static final class Source implements ITypeConverter<Integer> {
    @Override
    public Integer convert(String text) {
      Matcher bdf = BDF.matcher(text);
      if (bdf.matches()) {
        int device = Integer.parseInt(bdf.group(2), 16);
        if (device < 32) {
          return Integer.parseInt(bdf.group(1), 16) << 8
              | device << 3
              | Integer.parseInt(bdf.group(3), 8);
        }
      }
      Long value = hexOrNull(text);
      if (value == null || value >>> 32 != 0) {
        throw new TypeConversionException(
            "'" + text + "': expected a requester id as 0x0010 or 00:02.0");
      }
      return value.intValue();
    }
  }

  /** A PASID option. */
  static final class Pasid implements ITypeConverter<Integer> {
    @Override
    public Integer convert(String text) {
      Long value = hexOrNull(text);
      if (value == null || value >>> 20 != 0) {
        throw new TypeConversionException("'" + text + "': expected a PASID of at most 20 bits");
      }
      return value.intValue();
    }
  }

  static @Nullable Long hexOrNull(String text) {
    Matcher matcher = HEX.matcher(text.trim());
    return matcher.matches() ? Long.parseUnsignedLong(matcher.group(1), 16) : null;
  }

  static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  /** {@code 4K}, {@code 2M}, {@code 1G} where it comes out even, else bytes in hexadecimal. */
  static String size(long bytes) {
    if (bytes == 0) {
      return "16E";
    }
    int unit = Math.min(6, Long.numberOfTrailingZeros(bytes) / 10);
    return unit == 0 ? hex(bytes) : (bytes >>> 10 * unit) + "" + UNITS.charAt(unit);
  }

  /** {@code 00:02.0}. */
  static String bdf(int sourceId) {
    return "%02x:%02x.%d".formatted(sourceId >> 8 & 0xff, sourceId >> 3 & 31, sourceId & 7);
  }

  private Numbers() {}
}
