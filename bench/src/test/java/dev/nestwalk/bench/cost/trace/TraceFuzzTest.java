package dev.nestwalk.bench.cost.trace;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.nestwalk.bench.cost.DmaOp;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;

/**
 * DMA traces of any content are read or refused in one line. The build replays the inputs beside
 * (resources); CONTRIBUTING tells how to search for new ones.
 */
class TraceFuzzTest {
  @FuzzTest(maxDuration = "10m")
  void ofAnyKind(byte[] bytes) throws IOException {
    try {
      read(TraceFormat.detect(bytes), new ByteArrayInputStream(bytes));
    } catch (TraceException | IllegalArgumentException e) {
      String message = e.getMessage();
      if (message == null || message.isBlank() || message.chars().anyMatch(c -> c < ' ')) {
        throw new AssertionError("a refusal is one line that says why: " + message, e);
      }
    } catch (EOFException e) {
      // a cut file
    }
  }

  private static void read(TraceFormat format, InputStream in) throws IOException {
    TraceLines lines = new TraceLines("trace", in);
    switch (format) {
      case NESTWALK -> ops(new OwnReader(lines));
      case QEMU -> ops(new QemuReader(lines, false));
      case HYPERSIO -> ops(new QemuReader(lines, true));
      case PCAP -> requests(new PcapReader("trace", in));
      case BLKPARSE -> requests(new BlkparseReader(lines));
      case MSR -> requests(new MsrReader(lines));
    }
  }

  private static void ops(OpReader reader) throws IOException {
    for (DmaOp op = reader.next(); op != null; op = reader.next()) {
      if (op.kind() == DmaOp.Kind.ACCESS && op.length() <= 0) {
        throw new AssertionError("an access of " + op.length() + " bytes");
      }
    }
  }

  private static void requests(RequestReader reader) throws IOException {
    for (IoRequest request = reader.next(); request != null; request = reader.next()) {
      if (request.unit() < 0 || request.unit() >= RequestReader.MOST_UNITS) {
        throw new AssertionError("unit " + request.unit());
      }
    }
  }
}
