package dev.nestwalk.bench.cost.trace;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.Workload;
import dev.nestwalk.fixtures.IoReason;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/** A trace in a file, of any form, compressed by gzip or not. */
public final class TraceFile {
  private static final int HEAD = 1 << 16;
  private static final int BUFFER = 1 << 16;
  private static final int MOST_REQUESTERS = 1024;
  private static final int MOST_PASIDS = 1024;
  private static final long MOST_REQUESTS = 1_000_000_000;

  private final Path file;
  private final TraceFormat format;

  private TraceFile(Path file, TraceFormat format) {
    this.file = file;
    this.format = format;
  }

  /**
   * Opens a trace.
   *
   * @param format its form, or null to find it out
   * @throws TraceException in one line if it cannot be read or is of no known form
   */
  public static TraceFile open(Path file, @Nullable TraceFormat format) {
    try (InputStream in = bytes(file)) {
      byte[] head = in.readNBytes(HEAD);
      return new TraceFile(file, format != null ? format : TraceFormat.detect(head));
    } catch (IllegalArgumentException e) {
      throw new TraceException(file + ": " + e.getMessage());
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** Its form. */
  public TraceFormat format() {
    return format;
  }

  /**
   * Reads all of it.
   *
   * @throws TraceException in one line if it cannot be read, or holds more than a cell takes
   */
  public TraceSummary scan() {
    MessageDigest digest = sha256();
    try (InputStream in =
        new BufferedInputStream(new DigestInputStream(bytes(file), digest), BUFFER)) {
      TraceSummary found = format.holdsSizes() ? sizes(requests(in)) : addresses(ops(in));
      // What follows the last event is part of the file, too.
      in.transferTo(java.io.OutputStream.nullOutputStream());
      return new TraceSummary(
          format,
          HexFormat.of().formatHex(digest.digest()),
          found.requesters(),
          found.pasids(),
          found.requests(),
          found.accesses(),
          found.bytes(),
          found.invalidations(),
          found.skipped(),
          found.nanoseconds());
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private TraceSummary addresses(OpReader reader) throws IOException {
    TreeMap<Integer, TreeSet<Integer>> requesters = new TreeMap<>();
    long accesses = 0;
    long bytes = 0;
    long ends = 0;
    long invalidations = 0;
    long first = -1;
    long last = 0;
    for (DmaOp op = reader.next(); op != null; op = reader.next()) {
      first = first < 0 ? op.nanoseconds() : first;
      last = op.nanoseconds();
      if (op.kind() == DmaOp.Kind.INVALIDATE) {
        invalidations++;
        continue;
      }
      TreeSet<Integer> pasids = requesters.computeIfAbsent(op.requester(), any -> new TreeSet<>());
      pasids.add(op.pasid());
      if (requesters.size() > MOST_REQUESTERS || pasids.size() > MOST_PASIDS) {
        throw new TraceException(
            "%s: expected up to %d requesters with %d PASIDs each"
                .formatted(file, MOST_REQUESTERS, MOST_PASIDS));
      }
      if (op.kind() == DmaOp.Kind.ACCESS) {
        accesses++;
        bytes += op.length();
      } else if (op.kind() == DmaOp.Kind.REQUEST) {
        ends++;
      }
    }
    int most = requesters.values().stream().mapToInt(TreeSet::size).max().orElse(0);
    boolean none =
        requesters.values().stream().allMatch(set -> set.size() == 1 && set.contains(-1));
    return new TraceSummary(
        format,
        "",
        requesters.size(),
        none ? 0 : most,
        ends > 0 ? ends : accesses,
        accesses,
        bytes,
        invalidations,
        reader.skipped(),
        last - Math.max(first, 0));
  }

  private TraceSummary sizes(RequestReader reader) throws IOException {
    int units = 0;
    long requests = 0;
    long bytes = 0;
    long first = -1;
    long last = 0;
    for (IoRequest request = reader.next(); request != null; request = reader.next()) {
      first = first < 0 ? request.nanoseconds() : first;
      last = request.nanoseconds();
      units = Math.max(units, request.unit() + 1);
      requests++;
      bytes += request.bytes();
    }
    long time = last - Math.max(first, 0);
    return new TraceSummary(
        format, "", units, 0, requests, requests, bytes, 0, reader.skipped(), time);
  }

  /**
   * A cell that plays all of the trace: tenants, PASIDs, requests and the workload's name are the
   * trace's, everything else stays.
   *
   * @throws TraceException in one line if the trace holds no request
   */
  public Cell cell(Cell cell, TraceSummary summary) {
    if (summary.requests() == 0) {
      throw new TraceException(file + ": expected at least one access");
    }
    return cell.with(Axis.WORKLOAD, "trace:" + name(summary))
        .with(Axis.TENANTS, summary.requesters())
        .with(Axis.PASIDS, format.holdsSizes() ? cell.number(Axis.PASIDS) : summary.pasids())
        .with(Axis.REQUESTS, Math.min(MOST_REQUESTS, summary.requests()));
  }

  /**
   * Refuses a warm-up that leaves no request to count.
   *
   * @param played requests that the trace had for the cell
   * @throws TraceException in one line
   */
  void checkWarmUp(Cell cell, long played) {
    int warmup = cell.number(Axis.WARMUP);
    if (played <= warmup) {
      throw new TraceException(
          "%s: %d requests, of which %d are the warm-up: expected at least one to count"
              .formatted(file, played, Math.min(played, warmup)));
    }
  }

  /** What a cell calls the trace: its form and content, not where it lies. */
  private static String name(TraceSummary summary) {
    return summary.format().label() + "@" + summary.digest().substring(0, 16);
  }

  /** The trace as a workload; each play reads the file anew. */
  public Workload workload() {
    return format.holdsSizes() ? new SizedWorkload(this) : new TraceWorkload(this);
  }

  @Override
  public String toString() {
    return file.toString();
  }

  /** Takes events one by one; false ends the play. */
  interface Sink<T> {
    /** One event. */
    boolean take(T event);
  }

  /** Plays a trace that holds addresses. */
  void ops(Sink<DmaOp> sink) {
    play(this::ops, sink);
  }

  /** Plays a trace that holds sizes. */
  void requests(Sink<IoRequest> sink) {
    play(this::requests, sink);
  }

  private interface Opener<T> {
    EventReader<T> open(InputStream in) throws IOException;
  }

  private <T> void play(Opener<T> opener, Sink<T> sink) {
    try (InputStream in = new BufferedInputStream(bytes(file), BUFFER)) {
      EventReader<T> reader = opener.open(in);
      @Nullable T event = reader.next();
      while (event != null && sink.take(event)) {
        event = reader.next();
      }
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private OpReader ops(InputStream in) {
    TraceLines lines = new TraceLines(file.toString(), in);
    return format == TraceFormat.NESTWALK
        ? new OwnReader(lines)
        : new QemuReader(lines, format == TraceFormat.HYPERSIO);
  }

  private RequestReader requests(InputStream in) throws IOException {
    String name = file.toString();
    return switch (format) {
      case PCAP -> new PcapReader(name, in);
      case BLKPARSE -> new BlkparseReader(new TraceLines(name, in));
      default -> new MsrReader(new TraceLines(name, in));
    };
  }

  private static InputStream bytes(Path file) throws IOException {
    InputStream in = new BufferedInputStream(Files.newInputStream(file), BUFFER);
    try {
      in.mark(2);
      boolean zipped = in.read() == 0x1f && in.read() == 0x8b;
      in.reset();
      return zipped ? new BufferedInputStream(new GZIPInputStream(in, BUFFER), BUFFER) : in;
    } catch (IOException e) {
      in.close();
      throw e;
    }
  }

  private static TraceException unreadable(Path file, IOException e) {
    String why =
        e instanceof EOFException || e instanceof ZipException
            ? "damaged or cut gzip data"
            : IoReason.of(e);
    return new TraceException("%s: cannot be read: %s".formatted(file, why));
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
