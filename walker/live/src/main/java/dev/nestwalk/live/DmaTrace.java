package dev.nestwalk.live;

import dev.nestwalk.cache.InvalidationListener;
import dev.nestwalk.device.Port;
import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * Writes down where DMA goes, a line each: microseconds since the beginning, source id, PASID (or
 * {@code -}), {@code r} or {@code w}, address, bytes. Between them {@code i}: an invalidation with
 * its domain (VMID), its PASID (ASID), {@code -} for every one, first address and bytes.
 *
 * <p>Threads: any.
 */
final class DmaTrace implements Closeable, InvalidationListener {
  private final long begin = System.nanoTime();
  private final BufferedWriter out;
  private final Consumer<String> say;
  private boolean broken;

  DmaTrace(Path file, Consumer<String> say) throws IOException {
    this.say = say;
    out = Files.newBufferedWriter(file);
    out.write("# time_us source_id pasid access address length\n");
  }

  /** One access. */
  void access(Port port, boolean write, long address, long length) {
    String who = "%04x %s".formatted(port.sourceId(), idOrNone(port.pasid()));
    line("%s %c %x %x".formatted(who, write ? 'w' : 'r', address, length));
  }

  @Override
  public void unmapped(Stage stage, int domain, int process, long first, long last) {
    String what = idOrNone(domain) + " " + idOrNone(process);
    line("%s i %x %x".formatted(what, first, last - first + 1));
  }

  private static String idOrNone(int id) {
    return id < 0 ? "-" : Integer.toHexString(id);
  }

  private synchronized void line(String text) {
    if (broken) {
      return;
    }
    try {
      out.write((System.nanoTime() - begin) / 1000 + " " + text + "\n");
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
