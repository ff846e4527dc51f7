package dev.nestwalk.bench.cost.trace;

import dev.nestwalk.bench.cost.DmaOp;
import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.util.zip.GZIPOutputStream;

/** Writes the product's own form of a trace. */
public final class TraceWriter implements Closeable {
  private final BufferedWriter out;

  /** Begins a trace on a stream, compressed or not; closes the stream with itself. */
  public TraceWriter(OutputStream file, boolean compressed) throws IOException {
    OutputStream bytes = compressed ? new GZIPOutputStream(file) : file;
    out = new BufferedWriter(new OutputStreamWriter(bytes, StandardCharsets.US_ASCII));
    out.write(TraceFormat.HEAD + "\n# time_ns requester pasid r|w|m|u|i|p|e address length\n");
  }

  /** Adds an event. */
  public void write(DmaOp op) throws IOException {
    char letter =
        switch (op.kind()) {
          case ACCESS -> op.write() ? 'w' : 'r';
          case MAP -> 'm';
          case UNMAP -> 'u';
          case INVALIDATE, FLUSH -> 'i';
          case PREFETCH -> 'p';
          case REQUEST -> 'e';
        };
    String who = op.requester() == OpReader.EVERYONE ? "*" : "%04x".formatted(op.requester());
    String pasid = op.pasid() < 0 ? "-" : Integer.toHexString(op.pasid());
    String length = op.length() == OpReader.EVERYTHING ? "*" : Long.toHexString(op.length());
    out.write(
        "%d %s %s %c %x %s\n".formatted(op.nanoseconds(), who, pasid, letter, op.iova(), length));
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
