package dev.nestwalk.bench.cost.trace;

import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The text that blkparse prints by default (blkparse(1)): {@code 8,0 3 11 0.009507758 697 D W
 * 223490 + 56 [kworker]}. Requests are those that were issued to the driver (action D); reads and
 * writes, no discards.
 */
final class BlkparseReader implements RequestReader {
  private static final int SECTOR = 512;
  private static final long MOST_SECTORS = 1L << 21;
  private static final Pattern ISSUED =
      Pattern.compile(
          "\\s*+(\\d++,\\d++)\\s++\\d++\\s++\\d++\\s++(\\d{1,9})\\.(\\d{9})\\s++\\d++\\s++D\\s++([A-Z]++)"
              + "\\s++(\\d++)\\s++\\+\\s++(\\d++)(?:\\s.*)?");
  private static final Pattern ACTION =
      Pattern.compile(
          "\\s*+\\d++,\\d++\\s++\\d++\\s++\\d++\\s++\\d++\\.\\d++\\s++\\d++\\s++D\\s.*");

  private final TraceLines lines;
  private final Units units = new Units();
  private long time;
  private long skipped;
  private long found;

  BlkparseReader(TraceLines lines) {
    this.lines = lines;
  }

  @Override
  public long skipped() {
    return skipped;
  }

  @Override
  public @Nullable IoRequest next() throws IOException {
    for (String line = lines.next(); line != null; line = lines.next()) {
      IoRequest request = ACTION.matcher(line).matches() ? parse(line) : null;
      if (request != null) {
        found++;
        return request;
      }
      skipped++;
    }
    if (found == 0) {
      throw lines.wrong("expected lines of action D, requests issued to the driver");
    }
    return null;
  }

  private @Nullable IoRequest parse(String line) {
    Matcher parts = ISSUED.matcher(line);
    if (!parts.matches()) {
      // Without sectors it is a command of its own kind, or a flush.
      if (line.indexOf('+') < 0) {
        return null;
      }
      throw lines.wrong(
          "'%s': expected MAJOR,MINOR CPU SEQUENCE SECONDS.NANOSECONDS PID D RWBS SECTOR + SECTORS"
              .formatted(TraceLines.shown(line)));
    }
    String kind = parts.group(4);
    boolean write = kind.indexOf('W') >= 0;
    if (kind.indexOf('D') >= 0 || !write && kind.indexOf('R') < 0) {
      return null;
    }
    long sectors = lines.number(parts.group(6), 10, "sectors", 0, MOST_SECTORS);
    if (sectors == 0) {
      return null;
    }
    int unit = units.of(parts.group(1));
    if (unit < 0) {
      throw lines.wrong("expected up to %d devices".formatted(MOST_UNITS));
    }
    long now = Long.parseLong(parts.group(2)) * 1_000_000_000L + Long.parseLong(parts.group(3));
    time = Math.max(time, now);
    return new IoRequest(time, unit, write, sectors * SECTOR);
  }
}
