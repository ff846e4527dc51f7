package dev.nestwalk.live;

import dev.nestwalk.memory.GuestMemory;
import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Records a guest's register accesses in the form that {@code nestwalk replay-registers} reads:
 * accesses, the queue entries that software wrote before it rang the doorbell, the status words of
 * waits, and the unit's messages. {@code NAME.json} beside it describes the unit's capabilities and
 * the memory. DMA is not recorded, so a trace can be replayed if no access was refused and nothing
 * was reset.
 *
 * <p>Threads: registers are used by the socket's thread; messages may come from any, and those
 * during a write are recorded.
 */
final class TracedPage implements RegisterPage, Closeable {
  static final String ENDING = ".trace";

  private static final int VTD_IQT = 0x88;
  private static final int VTD_IQA = 0x90;
  private static final int WAIT = 5;
  private static final int SMMU_PROD = 0x98;
  private static final int SMMU_CONS = 0x9c;
  private static final int SMMU_BASE = 0x90;
  private static final long ADDRESS = 0xf_ffff_ffff_ffe0L;

  /** Number of entries of one doorbell that are recorded; Linux rings for a few at a time. */
  private static final int MOST_ENTRIES = 1 << 15;

  private final RegisterPage page;
  private final GuestMemory memory;
  private final boolean vtd;
  private final BufferedWriter out;
  private final List<String> after = new ArrayList<>();
  private final Consumer<String> say;
  private @Nullable Thread writing;
  private boolean broken;

  /**
   * Starts a trace.
   *
   * @param registers the unit's capabilities, by architectural name
   * @param file its name ends in {@value #ENDING}
   * @param say receives a line if the file can no longer be written
   * @throws IOException if the name is another, or the file cannot be written or another server
   *     writes it
   */
  TracedPage(
      RegisterPage page,
      GuestMemory memory,
      boolean vtd,
      Map<String, Long> registers,
      Path file,
      Consumer<String> say)
      throws IOException {
    this.page = page;
    this.memory = memory;
    this.vtd = vtd;
    this.say = say;
    String name = String.valueOf(file.getFileName());
    if (!name.endsWith(ENDING)) {
      throw new IOException(file + ": expected a name that ends in " + ENDING);
    }
    String stem = name.substring(0, name.length() - ENDING.length());
    OutputStream bytes = LockedFile.output(file);
    Files.writeString(file.resolveSibling(stem + ".json"), machine(registers));
    out = new BufferedWriter(new OutputStreamWriter(bytes, StandardCharsets.US_ASCII));
    out.write("# register trace, version 1, by nestwalk serve: DMA is not in it\n");
  }

  private String machine(Map<String, Long> registers) {
    String values =
        new TreeMap<>(registers)
            .entrySet().stream()
                .map(e -> "\"%s\": \"0x%x\"".formatted(e.getKey(), e.getValue()))
                .collect(Collectors.joining(", "));
    String ram =
        IntStream.range(0, memory.runCount())
            .mapToObj(
                run ->
                    "[\"0x%x\", \"0x%x\"]"
                        .formatted(memory.first(run), memory.last(run) - memory.first(run) + 1))
            .collect(Collectors.joining(", "));
    String format = vtd ? "vtd" : "smmuv3";
    return """
    {
      "format": "%s",
      "source": "nestwalk serve",
      "registers": {%s},
      "ram": [%s]
    }
    """
        .formatted(format, values, ram);
  }

  @Override
  public long size() {
    return page.size();
  }

  @Override
  public long read(long offset, int size) {
    long value = page.read(offset, size);
    line("r %x %d %x".formatted(offset, size, value));
    return value;
  }

  @Override
  public void write(long offset, int size, long value) {
    List<Long> statuses = offset == (vtd ? VTD_IQT : SMMU_PROD) ? entries(value) : List.of();
    synchronized (this) {
      writing = Thread.currentThread();
      after.clear();
    }
    page.write(offset, size, value);
    line("w %x %d %x".formatted(offset, size, value));
    for (long status : statuses) {
      line("s %x %s".formatted(status, bytes(status, 4)));
    }
    synchronized (this) {
      writing = null;
      after.forEach(this::line);
    }
  }

  @Override
  public void reset() {
    page.reset();
  }

  /** Records a message of a VT-d unit. */
  synchronized void message(long address, int data) {
    if (vtd && Thread.currentThread().equals(writing)) {
      after.add("i %x %x".formatted(address, data));
    }
  }

  /**
   * Records the entries between the old and the new tail.
   *
   * @return the addresses of their status words
   */
  private List<Long> entries(long tail) {
    List<Long> statuses = new ArrayList<>();
    long base = page.read(vtd ? VTD_IQA : SMMU_BASE, 8);
    long from;
    long mask;
    int size;
    if (vtd) {
      size = (base & 1 << 11) != 0 ? 32 : 16;
      mask = (1L << 12 + (base & 7)) - 1;
      from = page.read(VTD_IQT, 8) & mask;
      base &= -4096;
    } else {
      size = 16;
      mask = (16L << Math.min(base & 31, 20)) - 1;
      from = page.read(SMMU_CONS, 4) * 16 & mask;
      base &= ADDRESS;
    }
    long to = (vtd ? tail : tail * 16) & mask & -size;
    for (int i = 0; i < MOST_ENTRIES && from != to; i++) {
      long at = base + from;
      line("q %x %s".formatted(at, bytes(at, size)));
      if (vtd && (word(at) & 0xf) == WAIT && (word(at) & 1 << 5) != 0) {
        statuses.add(word(at + 8) & -4);
      }
      from = from + size & mask;
    }
    return statuses;
  }

  private long word(long at) {
    int run = memory.find(at);
    return run < 0 ? 0 : memory.load(run, at);
  }

  private String bytes(long at, int length) {
    byte[] bytes = new byte[length];
    memory.read(at, MemorySegment.ofArray(bytes), 0, length);
    return HexFormat.of().formatHex(bytes);
  }

  private synchronized void line(String text) {
    if (broken) {
      return;
    }
    try {
      out.write(text);
      out.write('\n');
    } catch (IOException e) {
      broken = true;
      say.accept("the register trace ends here: " + e.getMessage());
    }
  }

  @Override
  public synchronized void close() throws IOException {
    out.close();
  }
}
