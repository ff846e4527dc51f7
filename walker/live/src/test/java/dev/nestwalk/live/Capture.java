package dev.nestwalk.live;

import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Step;
import dev.nestwalk.fixtures.ScenarioFiles;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.GuestMemory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.zip.GZIPOutputStream;

/**
 * A scenario (NAME.elf.gz, NAME.json, NAME.csv) of a guest whose program has printed what each
 * address means: {@code ROW r|w PASID ADDRESS GUEST-PHYSICAL}, {@code FROW r|w PASID ADDRESS CODE},
 * with the intermediate address for a fault at stage 2 of an SMMUv3; the PASID is - for none.
 *
 * <p>Every 8 bytes of the program's memory hold their own guest-physical address, so where a page
 * is in RAM is found by its content, without any walk. The image has the pages that the reference
 * walker reads for the rows.
 */
final class Capture {
  private static final long MARK = 0xc0deL << 48;
  private static final long PAGE = 4096;
  private static final ValueLayout.OfLong WORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final boolean vtd;
  private final int sourceId;
  private final GuestMemory memory;
  private final Map<String, Long> registers;
  private final Reference reference;
  private final Map<Long, Long> hosts = new HashMap<>();
  private final TreeSet<Long> pages = new TreeSet<>();

  private Capture(LiveMachine machine, boolean vtd, int sourceId) {
    this.vtd = vtd;
    this.sourceId = sourceId;
    memory = machine.memory().asReadOnly();
    registers = machine.registers();
    reference =
        vtd
            ? References.vtd(memory, registers, LiveMachine.HOST_ADDRESS_WIDTH)
            : References.smmuv3(memory, registers);
  }

  /**
   * Writes the files.
   *
   * @param stem where; its last name is NAME
   */
  static void write(
      Path stem, LiveMachine machine, LiveMode mode, int sourceId, String console, Told told)
      throws IOException {
    new Capture(machine, mode.format() == LiveFormat.VTD, sourceId).write(stem, console, told);
  }

  /** What readers are told. */
  record Told(String shows, String qemu, String commandLine) {}

  private void write(Path stem, String console, Told told) throws IOException {
    find();
    List<String> rows = new ArrayList<>();
    rows.add("source_id,pasid,access,iova,outcome,output,fault,detail");
    String kernel = "";
    for (String line : (Iterable<String>) console.lines()::iterator) {
      String[] words = line.strip().split(" ");
      if (words[0].equals("KERNEL")) {
        kernel = words[1];
      }
      if (words[0].equals("ROW") || words[0].equals("FROW")) {
        rows.add(row(words));
      }
    }
    String name = String.valueOf(stem.getFileName());
    Files.write(stem.resolveSibling(name + ".csv"), rows);
    Files.write(stem.resolveSibling(name + ".elf.gz"), image());
    Files.writeString(stem.resolveSibling(name + ".json"), json(kernel, told));
  }

  /** Where each marked page is in RAM. */
  private void find() {
    for (int run = 0; run < memory.runCount(); run++) {
      MemorySegment bytes = memory.bytes(run);
      for (long at = 0; at + PAGE <= bytes.byteSize(); at += PAGE) {
        long word = bytes.get(WORD, at);
        boolean marked = (word & 0xffffL << 48) == MARK && (word & PAGE - 1) == 0;
        if (marked && bytes.get(WORD, at + PAGE - 8) == word + PAGE - 8) {
          long host = memory.first(run) + at;
          Long other = hosts.put(word & ~MARK, host);
          if (other != null) {
            throw new IllegalStateException(
                "0x%x is at 0x%x and 0x%x".formatted(word & ~MARK, other, host));
          }
        }
      }
    }
  }

  private String row(String[] words) {
    boolean write = words[1].equals("w");
    int pasid = words[2].equals("-") ? -1 : Integer.parseInt(words[2], 16);
    long iova = Long.parseUnsignedLong(words[3], 16);
    long last = Long.parseUnsignedLong(words[4], 16);
    for (Step step : reference.translate(sourceId, pasid, iova, write ? 2 : 1).steps()) {
      if (!step.read().isEmpty()) {
        pages.add(step.host() & -PAGE);
      }
    }
    String asked =
        "0x%04x,%s,%s,0x%x"
            .formatted(sourceId, pasid < 0 ? "" : "0x%x".formatted(pasid), words[1], iova);
    if (words[0].equals("FROW")) {
      long ipa = words.length > 5 ? Long.parseUnsignedLong(words[5], 16) : -1;
      String record =
          vtd ? record(write, pasid, iova, (int) last) : event(write, pasid, iova, (int) last, ipa);
      return "%s,fault,,0x%x,%s".formatted(asked, last, record);
    }
    Long host = hosts.get(last & -PAGE);
    if (host == null) {
      throw new IllegalStateException("0x%x is nowhere in RAM".formatted(last));
    }
    return "%s,ok,0x%x,,by content of RAM".formatted(asked, host | last & PAGE - 1);
  }

  /** The fault recording register (VT-d 11.4.14): F, T, PASID, reason, PP, source id; page. */
  private String record(boolean write, int pasid, long iova, int code) {
    long high = 1L << 63 | (write ? 0 : 1L << 62) | (long) code << 32 | sourceId;
    if (pasid >= 0) {
      high |= (long) pasid << 40 | 1L << 31;
    }
    return "%016x:%016x".formatted(high, iova & -PAGE);
  }

  /**
   * The event record (IHI 0070, 7.3) of a fault at the input address of a stage, as bytes.
   *
   * @param ipa of a fault at stage 2, else -1
   */
  private String event(boolean write, int pasid, long iova, int code, long ipa) {
    long[] words = {code | (long) sourceId << 32, 2L << 40, iova, ipa < 0 ? 0 : ipa};
    if (pasid >= 0) {
      words[0] |= 1 << 11 | (long) pasid << 12;
    }
    if (!write) {
      words[1] |= 1L << 35;
    }
    if (ipa >= 0) {
      words[1] |= 1L << 39;
    }
    StringBuilder text = new StringBuilder();
    for (long word : words) {
      text.append("%016x".formatted(Long.reverseBytes(word)));
    }
    return text.toString();
  }

  private byte[] image() throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (Arena arena = Arena.ofConfined();
        GZIPOutputStream out = new GZIPOutputStream(packed)) {
      TableMemory copy = new TableMemory(arena);
      List<Long> sorted = new ArrayList<>(pages);
      for (int i = 0; i < sorted.size(); ) {
        int end = i + 1;
        while (end < sorted.size() && sorted.get(end) == sorted.get(end - 1) + PAGE) {
          end++;
        }
        copy.run(sorted.get(i), end - i);
        i = end;
      }
      for (TableMemory.Run run : copy.runs()) {
        memory.read(run.first(), run.bytes(), 0, run.bytes().byteSize());
      }
      out.write(ScenarioFiles.core(copy));
    }
    return packed.toByteArray();
  }

  private String json(String kernel, Told told) {
    List<String> values = new ArrayList<>();
    registers.forEach((name, value) -> values.add("  \"%s\": \"0x%x\"".formatted(name, value)));
    List<String> ram = new ArrayList<>();
    for (int run = 0; run < memory.runCount(); run++) {
      long size = memory.last(run) - memory.first(run) + 1;
      ram.add("[\"0x%x\", \"0x%x\"]".formatted(memory.first(run), size));
    }
    return """
    {
     "format": "%s",
     "shows": "%s",
     "source": {
      "producer": "Linux guest in QEMU (TCG) that drives nestwalk serve; outputs by content of RAM",
      "qemu": "%s",
      "kernel": "%s",
      "cmdline": "%s"
     },
     "registers": {
    %s
     },%s
     "ram": [%s],
     "devices": [{"source_id": "0x%04x", "what": "test function under vfio-pci, nested domain"}],
     "notes": ["fault rows: what the tables' author (the guest's program) intends"]
    }
    """
        .formatted(
            vtd ? "vtd" : "smmuv3",
            told.shows,
            told.qemu,
            kernel,
            told.commandLine,
            String.join(",\n", values),
            vtd ? "\n \"host_address_width\": %d,".formatted(LiveMachine.HOST_ADDRESS_WIDTH) : "",
            String.join(", ", ram),
            sourceId);
  }
}
