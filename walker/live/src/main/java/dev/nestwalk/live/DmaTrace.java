package dev.nestwalk.live;

import dev.nestwalk.cache.InvalidationListener;
import dev.nestwalk.device.Port;
import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.zip.GZIPOutputStream;

/**
 * Records the addresses of DMA in the form that {@code nestwalk cost --trace} reads
 * (docs/cost/traces.md), one event a line: nanoseconds since the start, requester, PASID (or {@code
 * -}), {@code r} or {@code w}, address, bytes. The letter of an invalidation is {@code i}. It has
 * {@code @} and its domain (VMID) in place of a requester, or {@code *} for all domains, and the
 * length {@code *} stands for every address. Its range is the one that the invalidation names;
 * below a first stage these are intermediate addresses.
 *
 * <p>Threads: any.
 */
final class DmaTrace implements Closeable, InvalidationListener {
  private final BufferedWriter out;
  private final boolean namesPasids;
  private final LongSupplier clock;
  private final long begin;
  private final Consumer<String> say;
  private boolean broken;

  /**
   * Starts a trace; if the name ends in {@code .gz} it is compressed.
   *
   * @param namesPasids whether the process of an invalidation is a PASID (VT-d); that of an SMMUv3
   *     is an ASID, which no request carries
   * @param clock nanoseconds
   * @throws IOException if the file cannot be written, or another server writes it
   */
  DmaTrace(Path file, boolean namesPasids, LongSupplier clock, Consumer<String> say)
      throws IOException {
    this.namesPasids = namesPasids;
    this.clock = clock;
    this.say = say;
    begin = clock.getAsLong();
    OutputStream bytes = LockedFile.output(file);
    if (file.toString().endsWith(".gz")) {
      bytes = new GZIPOutputStream(bytes);
    }
    out = new BufferedWriter(new OutputStreamWriter(bytes, StandardCharsets.US_ASCII));
    out.write("# nestwalk-trace 1\n# time_ns requester pasid r|w|m|u|i|p|e address length\n");
  }

  /** Records one access through a port. */
  void access(Port port, boolean write, long address, long length) {
    access(port.sourceId(), port.pasid(), write, address, length);
  }

  /** Records one access; PASID -1 for none. */
  void access(int sourceId, int pasid, boolean write, long address, long length) {
    String process = pasid < 0 ? "-" : Integer.toHexString(pasid);
    line("%04x %s %c %x %x".formatted(sourceId, process, write ? 'w' : 'r', address, length));
  }

  @Override
  public void unmapped(Stage stage, int domain, int process, long first, long last) {
    String who = domain < 0 ? "*" : "@" + Integer.toHexString(domain);
    String pasid = process < 0 || !namesPasids ? "-" : Integer.toHexString(process);
    boolean all = last - first + 1 <= 0;
    String range = all ? "0 *" : "%x %x".formatted(first, last - first + 1);
    line("%s %s i %s".formatted(who, pasid, range));
  }

  private synchronized void line(String text) {
    if (broken) {
      return;
    }
    try {
      out.write(clock.getAsLong() - begin + " " + text + "\n");
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
