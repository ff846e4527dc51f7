package dev.nestwalk.teach;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Numbers in the syntax of the command line: hexadecimal with or without {@code 0x}. */
public final class Numbers {
  private static final Pattern HEX = Pattern.compile("(?:0[xX])?([0-9a-fA-F]{1,16})");
  private static final Pattern BDF =
      Pattern.compile("(?:0{1,4}:)?([0-9a-fA-F]{1,2}):([0-9a-fA-F]{1,2})\\.([0-7])");
  private static final Pattern WITH_UNIT = Pattern.compile("([0-9]{1,6})([KMGTkmgt])");
  private static final String UNITS = "BKMGTPE";

  /** A hexadecimal number of at most 64 bits, or null. */
  public static @Nullable Long hexOrNull(String text) {
    Matcher matcher = HEX.matcher(text.trim());
    return matcher.matches() ? Long.parseUnsignedLong(matcher.group(1), 16) : null;
  }

  /** A requester id such as {@code 0x0010}, {@code 00:02.0} or {@code 0000:00:02.0}, or null. */
  public static @Nullable Integer sourceOrNull(String text) {
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
    return value == null || value >>> 32 != 0 ? null : value.intValue();
  }

  /**
   * A length in bytes, 1 or more: hexadecimal, or decimal with a unit such as {@code 64K};
   * otherwise null.
   */
  public static @Nullable Long lengthOrNull(String text) {
    Matcher matcher = WITH_UNIT.matcher(text);
    if (matcher.matches()) {
      int unit = UNITS.indexOf(matcher.group(2).toUpperCase(Locale.ROOT));
      long units = Long.parseLong(matcher.group(1));
      return units == 0 ? null : units << 10 * unit;
    }
    Long value = hexOrNull(text);
    return value == null || value <= 0 ? null : value;
  }

  /** {@code 0x1f}, unsigned. */
  public static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  /**
   * {@code 4K}, {@code 2M}, {@code 1G} if the unit divides the size, otherwise bytes in
   * hexadecimal.
   */
  public static String size(long bytes) {
    if (bytes == 0) {
      return "16E";
    }
    int unit = Math.min(6, Long.numberOfTrailingZeros(bytes) / 10);
    return unit == 0 ? hex(bytes) : (bytes >>> 10 * unit) + "" + UNITS.charAt(unit);
  }

  /** Whether a requester id or StreamID has the 16 bits of bus, device and function. */
  static boolean isFunction(int sourceId) {
    return sourceId >>> 16 == 0;
  }

  /**
   * {@code 00:02.0}; {@code 0x10010} for a StreamID of more than 16 bits, whose low ones would name
   * the function of another.
   */
  public static String source(int sourceId) {
    return isFunction(sourceId) ? bdf(sourceId) : "0x%x".formatted(sourceId);
  }

  /** {@code 00:02.0 (0x0010)}; {@code 0x10010} for a StreamID of more than 16 bits. */
  static String sourceInFull(int sourceId) {
    return source(sourceId) + (isFunction(sourceId) ? " (0x%04x)".formatted(sourceId) : "");
  }

  /** {@code 00:02.0}, from a requester id of 16 bits. */
  public static String bdf(int sourceId) {
    return "%02x:%02x.%d".formatted(sourceId >> 8 & 0xff, sourceId >> 3 & 31, sourceId & 7);
  }

  private Numbers() {}
}
