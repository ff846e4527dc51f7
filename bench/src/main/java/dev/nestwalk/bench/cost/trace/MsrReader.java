package dev.nestwalk.bench.cost.trace;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Comma-separated values in the form of the MSR Cambridge traces (Narayanan et al., FAST 2008):
 * Timestamp, Hostname, DiskNumber, Type, Offset, Size, ResponseTime; time in 100 ns, sizes in
 * bytes.
 */
final class MsrReader implements RequestReader {
  private static final int LEAST_FIELDS = 6;
  private static final int MOST_FIELDS = 7;
  private static final long MOST_BYTES = 1L << 30;
  private static final int TICK = 100;

  private final TraceLines lines;
  private final Units units = new Units();
  private long begin = -1;
  private long time;

  MsrReader(TraceLines lines) {
    this.lines = lines;
  }

  @Override
  public @Nullable IoRequest next() throws IOException {
    String line = lines.next();
    while (line != null
        && (line.isBlank() || lines.number() == 1 && line.startsWith("Timestamp"))) {
      line = lines.next();
    }
    if (line == null) {
      return null;
    }
    String[] fields = line.split(",", MOST_FIELDS + 1);
    if (fields.length < LEAST_FIELDS || fields.length > MOST_FIELDS) {
      throw lines.wrong(
          "'%s': expected Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime"
              .formatted(TraceLines.shown(line)));
    }
    long stamp = lines.number(fields[0].strip(), 10, "Timestamp", 0, Long.MAX_VALUE);
    if (begin < 0) {
      begin = stamp;
    }
    time = Math.max(time, Math.clamp(stamp - begin, 0, 1L << 56) * TICK); // bounded: no overflow
    String type = fields[3].strip();
    boolean write = type.equalsIgnoreCase("write");
    if (!write && !type.equalsIgnoreCase("read")) {
      throw lines.wrong("Type '%s': expected Read or Write".formatted(TraceLines.shown(type)));
    }
    lines.number(fields[4].strip(), 10, "Offset");
    long bytes = lines.number(fields[5].strip(), 10, "Size", 1, MOST_BYTES);
    int unit = units.of(fields[1].strip() + "," + fields[2].strip());
    if (unit < 0) {
      throw lines.wrong("expected up to %d disks".formatted(MOST_UNITS));
    }
    return new IoRequest(time, unit, write, bytes);
  }
}
