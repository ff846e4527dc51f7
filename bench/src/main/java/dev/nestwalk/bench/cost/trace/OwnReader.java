package dev.nestwalk.bench.cost.trace;

import dev.nestwalk.bench.cost.DmaOp;
import java.io.IOException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The product's own form, docs/cost/traces.md. */
final class OwnReader implements OpReader {
  private static final int FIELDS = 6;
  private static final int MOST_REQUESTER = 0xffff;
  private static final int MOST_PASID = 0xfffff;
  private static final long MOST_ACCESS = 1L << 30;
  private static final Pattern SPACE = Pattern.compile("[ \t]+");

  private final TraceLines lines;
  private long time;

  OwnReader(TraceLines lines) {
    this.lines = lines;
  }

  @Override
  public @Nullable DmaOp next() throws IOException {
    String line = lines.next();
    while (line != null && (line.isBlank() || line.startsWith("#"))) {
      line = lines.next();
    }
    return line == null ? null : parse(line.strip());
  }

  private DmaOp parse(String line) {
    String[] fields = SPACE.split(line, FIELDS + 1);
    if (fields.length != FIELDS || fields[3].length() != 1) {
      throw lines.wrong(
          "'%s': expected TIME REQUESTER PASID r|w|m|u|i|p|e ADDRESS LENGTH"
              .formatted(TraceLines.shown(line)));
    }
    time = Math.max(time, lines.number(fields[0], 10, "time", 0, Long.MAX_VALUE));
    DmaOp.Kind kind = kind(fields[3].charAt(0));
    boolean invalidation = kind == DmaOp.Kind.INVALIDATE;
    int requester = requester(fields[1], invalidation);
    int pasid =
        fields[2].equals("-") ? -1 : (int) lines.number(fields[2], 16, "PASID", 0, MOST_PASID);
    long address = lines.number(fields[4], 16, "address");
    long most = invalidation ? OpReader.EVERYTHING - 1 : MOST_ACCESS;
    long least = kind == DmaOp.Kind.REQUEST ? 0 : 1;
    long length =
        invalidation && fields[5].equals("*")
            ? OpReader.EVERYTHING
            : lines.number(fields[5], 16, "length", least, most);
    if (length != OpReader.EVERYTHING
        && length > 0
        && Long.compareUnsigned(address + (length - 1), address) < 0) {
      throw lines.wrong(
          "0x%x and 0x%x bytes: expected a last byte within 64 bits".formatted(address, length));
    }
    return new DmaOp(kind, requester, pasid, address, length, fields[3].equals("w"), time);
  }

  private int requester(String field, boolean invalidation) {
    if (invalidation && field.equals("*")) {
      return EVERYONE;
    }
    if (invalidation && field.startsWith("@")) {
      // Which requesters use the domain is the guest's knowledge: it is taken for all of them.
      lines.number(field.substring(1), 16, "domain", 0, 1 << 16);
      return EVERYONE;
    }
    return (int) lines.number(field, 16, "requester", 0, MOST_REQUESTER);
  }

  private DmaOp.Kind kind(char letter) {
    return switch (letter) {
      case 'r', 'w' -> DmaOp.Kind.ACCESS;
      case 'm' -> DmaOp.Kind.MAP;
      case 'u' -> DmaOp.Kind.UNMAP;
      case 'i' -> DmaOp.Kind.INVALIDATE;
      case 'p' -> DmaOp.Kind.PREFETCH;
      case 'e' -> DmaOp.Kind.REQUEST;
      default ->
          throw lines.wrong(
              "'%s': expected r, w, m, u, i, p or e"
                  .formatted(TraceLines.shown(String.valueOf(letter))));
    };
  }
}
