package dev.nestwalk.live;

import dev.nestwalk.device.Port;
import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * Writes down where DMA goes, a line each: microseconds since the beginning, source id, PASID (or
 * {@code -}), {@code r} or {@code w}, address, bytes.
 *
 * <p>Threads: any.
 */
final class DmaTrace implements Closeable {
  private final long begin = System.nanoTime();
  private final BufferedWriter out;
  private final Consumer<String> say;
  private boolean broken;

  DmaTrace(Path file, Consumer<String> say) throws IOException {
    this.say = say;
    out = Files.newBufferedWriter(file);
    out.write("# time_us source_id pasid access address length\n");
  }

  synchronized void access(Port port, boolean write, long address, long length) {
    if (broken) {
      return;
    }
    String pasid = port.pasid() < 0 ? "-" : Integer.toHexString(port.pasid());
    long micros = (System.nanoTime() - begin) / 1000;
    try {
      out.write(
          "%d %04x %s %c %x %x\n"
              .formatted(micros, port.sourceId(), pasid, write ? 'w' : 'r', address, length));
    } catch (IOException e) {
      broken = true;
      say.accept("the DMA trace ends here: " + e.getMessage());
    }
  }

  @Override
  public synchronized void close() throws IOException {
    out.close();
  }
}
