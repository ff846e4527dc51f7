package dev.nestwalk.bench.cost.trace;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * Packets of a libpcap file, draft-ietf-opsawg-pcap: both byte orders, microseconds and
 * nanoseconds. Only times and lengths count; contents are passed over.
 */
final class PcapReader implements RequestReader {
  private static final int MICROSECONDS = 0xa1b2c3d4;
  private static final int NANOSECONDS = 0xa1b23c4d;
  private static final int NEXT_GENERATION = 0x0a0d0d0a;
  private static final int FILE_HEADER = 24;
  private static final int RECORD_HEADER = 16;
  private static final int MOST_CAPTURED = 1 << 20;
  private static final int MOST_BYTES = 1 << 18;

  private final String file;
  private final InputStream in;
  private final ByteBuffer header = ByteBuffer.allocate(RECORD_HEADER);
  private final int unitsOfTime;
  private long offset;
  private long begin = -1;
  private long time;

  PcapReader(String file, InputStream in) throws IOException {
    this.file = file;
    this.in = in;
    ByteBuffer head = ByteBuffer.wrap(in.readNBytes(FILE_HEADER));
    if (head.remaining() < FILE_HEADER) {
      throw wrong("expected a header of %d bytes".formatted(FILE_HEADER));
    }
    int magic = head.getInt(0);
    if (magic == NEXT_GENERATION) {
      throw wrong("this is pcapng: expected libpcap's form (editcap -F pcap converts)");
    }
    if (magic != MICROSECONDS && magic != NANOSECONDS) {
      header.order(ByteOrder.LITTLE_ENDIAN);
      magic = head.order(ByteOrder.LITTLE_ENDIAN).getInt(0);
    }
    if (magic != MICROSECONDS && magic != NANOSECONDS) {
      throw wrong("expected a magic number 0xa1b2c3d4 or 0xa1b23c4d");
    }
    unitsOfTime = magic == NANOSECONDS ? 1 : 1000;
    offset = FILE_HEADER;
  }

  /** Whether a file that begins so holds packets. */
  static boolean isPcap(byte[] head) {
    if (head.length < 4) {
      return false;
    }
    int magic = ByteBuffer.wrap(head).getInt(0);
    int turned = Integer.reverseBytes(magic);
    return magic == MICROSECONDS
        || magic == NANOSECONDS
        || turned == MICROSECONDS
        || turned == NANOSECONDS
        || magic == NEXT_GENERATION;
  }

  @Override
  public @Nullable IoRequest next() throws IOException {
    byte[] bytes = header.array();
    int read = in.readNBytes(bytes, 0, RECORD_HEADER);
    if (read == 0) {
      return null;
    }
    if (read < RECORD_HEADER) {
      throw wrong("expected a record header of %d bytes".formatted(RECORD_HEADER));
    }
    long seconds = Integer.toUnsignedLong(header.getInt(0));
    long fraction = Integer.toUnsignedLong(header.getInt(4));
    long captured = Integer.toUnsignedLong(header.getInt(8));
    long length = Integer.toUnsignedLong(header.getInt(12));
    if (captured > MOST_CAPTURED || length > MOST_BYTES || length == 0) {
      throw wrong(
          "%d bytes captured of a packet of %d: expected a packet of 1 to %d bytes"
              .formatted(captured, length, MOST_BYTES));
    }
    try {
      in.skipNBytes(captured);
    } catch (EOFException e) {
      throw wrong("expected %d bytes of a packet, the file ends".formatted(captured));
    }
    offset += RECORD_HEADER + captured;
    long now = seconds * 1_000_000_000L + fraction * unitsOfTime;
    if (begin < 0) {
      begin = now;
    }
    time = Math.max(time, now - begin);
    return new IoRequest(time, 0, false, length);
  }

  private TraceException wrong(String expected) {
    return new TraceException("%s: offset %d: %s".formatted(file, offset, expected));
  }
}
