package dev.nestwalk.bench.cost.trace;

import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** Lines of a text, counted, none of them longer than a trace needs. */
final class TraceLines {
  private static final int LONGEST = 4096;

  private final String file;
  private final InputStream in;
  private final byte[] line = new byte[LONGEST];
  private long number;

  TraceLines(String file, InputStream in) {
    this.file = file;
    this.in = in;
  }

  /**
   * The next line without its end, null after the last. Bytes that are no ASCII come as they are.
   *
   * @throws TraceException if the line is too long
   */
  @Nullable String next() throws IOException {
    int length = 0;
    number++;
    for (int b = in.read(); b != '\n'; b = in.read()) {
      if (b < 0) {
        if (length == 0) {
          return null;
        }
        break;
      }
      if (length == LONGEST) {
        throw wrong("expected lines of up to %d bytes".formatted(LONGEST));
      }
      line[length++] = (byte) b;
    }
    if (length > 0 && line[length - 1] == '\r') {
      length--;
    }
    return new String(line, 0, length, java.nio.charset.StandardCharsets.ISO_8859_1);
  }

  /** Number of the last line, from 1. */
  long number() {
    return number;
  }

  /** A refusal that names file and line. */
  TraceException wrong(String expected) {
    return new TraceException("%s:%d: %s".formatted(file, number, expected));
  }

  /** A number that is all of a text, or a refusal. */
  long number(String text, int radix, String what) {
    try {
      return Long.parseUnsignedLong(text, radix);
    } catch (NumberFormatException e) {
      throw wrong(
          "%s '%s': expected a %s number of up to 64 bits"
              .formatted(what, shown(text), radix == 16 ? "hexadecimal" : "decimal"));
    }
  }

  /** A number from {@code least} to {@code most}, or a refusal. */
  long number(String text, int radix, String what, long least, long most) {
    long number = number(text, radix, what);
    if (number < least || number > most) {
      throw wrong("%s '%s': expected %d to %d".formatted(what, shown(text), least, most));
    }
    return number;
  }

  /** A text of the file as a message may hold it. */
  static String shown(String text) {
    String cut = text.length() > 40 ? text.substring(0, 40) + "…" : text;
    return cut.replaceAll("[^\\x20-\\x7e…]", "?");
  }
}
