package dev.nestwalk.bench.cost.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.DmaOp.Kind;
import dev.nestwalk.fixtures.Scenarios;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every form of trace gives the events that it holds, and hostile ones a line. */
class TraceFileTest {
  private static final Path SAMPLES = Scenarios.fixtures().resolve("dma");
  private static final Map<String, TraceFormat> FORMATS =
      Map.of(
          "live.trace", TraceFormat.NESTWALK,
          "qemu-vtd.log", TraceFormat.QEMU,
          "qemu-vtd-first-stage.log", TraceFormat.QEMU,
          "qemu-smmuv3.log", TraceFormat.QEMU,
          "hypersio.log", TraceFormat.HYPERSIO,
          "blkparse.txt", TraceFormat.BLKPARSE,
          "msr.csv", TraceFormat.MSR);

  @TempDir private Path folder = Path.of("");

  private static TraceFile sample(String name) {
    return TraceFile.open(SAMPLES.resolve(name), null);
  }

  private static List<DmaOp> ops(TraceFile file) {
    List<DmaOp> ops = new ArrayList<>();
    file.ops(ops::add);
    return ops;
  }

  private static List<IoRequest> requests(TraceFile file) {
    List<IoRequest> requests = new ArrayList<>();
    file.requests(requests::add);
    return requests;
  }

  private static DmaOp everything(int requester, int pasid, long time) {
    return new DmaOp(Kind.INVALIDATE, requester, pasid, 0, Long.MAX_VALUE, false, time);
  }

  private static DmaOp pages(long address, long length, long time) {
    return new DmaOp(Kind.INVALIDATE, -1, -1, address, length, false, time);
  }

  @Test
  void everyFormIsRecognised() {
    FORMATS.forEach((name, format) -> assertEquals(format, sample(name).format(), name));
  }

  @Test
  void tracesOfServeAreRead() {
    assertEquals(
        List.of(
            DmaOp.access(0x10, -1, 0xfffff000L, 0x40, false, 1000),
            DmaOp.access(0x10, -1, 0xffffe000L, 0x1000, true, 2000),
            DmaOp.access(0x18, 5, 0xffffc040L, 0x10, false, 3000),
            pages(0xfffff000L, 0x1000, 4000),
            everything(-1, 5, 5000),
            everything(-1, -1, 6000),
            DmaOp.access(0xa8, -1, 0x10, 1, true, 7000)),
        ops(sample("live.trace")));
  }

  @Test
  void translationsOfQemuAreAccesses() {
    assertEquals(
        List.of(
            DmaOp.access(0x10, -1, 0xfffff000L, 1, false, 100_000),
            DmaOp.access(0x10, -1, 0xffffe000L, 1, false, 101_000),
            pages(0xffffe000L, 0x2000, 205_000),
            DmaOp.access(0x18, -1, 0xffffe000L, 1, false, 210_000),
            everything(-1, -1, 300_000),
            DmaOp.access(0x101, -1, 0x1000, 1, false, 350_000)),
        ops(sample("qemu-vtd.log")));
    assertEquals(
        List.of(
            DmaOp.access(0x10, -1, 0xfffff000L, 1, false, 100_000),
            DmaOp.access(0x10, -1, 0xffffe040L, 1, true, 110_000),
            pages(0xfffff000L, 0x1000, 150_000),
            everything(-1, -1, 160_000),
            DmaOp.access(0x18, -1, 0x8000, 1, false, 300_000)),
        ops(sample("qemu-smmuv3.log")));
  }

  /** Granules that no command has count as 4 KiB; low bits of an address are none of its page. */
  @Test
  void invalidationsOfQemuAreOfWholePagesAndTimeNeverRunsBack() throws IOException {
    String range = "smmuv3_range_inval vmid=0 asid=1 addr=0x%x tg=%d num_pages=0x2 ttl=0 leaf=1%n";
    StringBuilder text = new StringBuilder();
    int[] times = {10, 20, 15, 5, 30, 30};
    for (int granule = 0; granule < times.length; granule++) {
      text.append("1234@%d.%06d:".formatted(1000, times[granule]));
      text.append(range.formatted(0x10_0000 | granule, granule));
    }
    text.append("1234@1000.000040:smmuv3_translate_success smmuv3-iommu-memory-region-0-3 ");
    text.append("sid=0x10 iova=0x1000 translated=0x2000 perm=0x3 stage=1\n");
    Path file = folder.resolve("qemu.log");
    Files.writeString(file, text);
    assertEquals(
        List.of(
            pages(0x10_0000L, 2 << 12, 0),
            pages(0x10_0000L, 2 << 12, 10_000),
            pages(0x10_0000L, 2 << 14, 10_000),
            pages(0x10_0000L, 2 << 16, 10_000),
            pages(0x10_0000L, 2 << 12, 20_000),
            pages(0x10_0000L, 2 << 12, 20_000),
            DmaOp.access(0x10, -1, 0x1000, 1, false, 30_000)),
        ops(TraceFile.open(file, TraceFormat.QEMU)));
  }

  /**
   * The lines of releases that have a first stage, and those of the releases before. No event tells
   * the PASID of a DMA, so they concern all.
   */
  @Test
  void pasidBasedInvalidationsOfQemuAreRead() throws IOException {
    List<DmaOp> recorded =
        ops(sample("qemu-vtd-first-stage.log")).stream()
            .filter(op -> op.kind() == Kind.INVALIDATE)
            .map(op -> DmaOp.invalidate(op.requester(), op.pasid(), op.iova(), op.length(), 0))
            .toList();
    assertEquals(
        List.of(
            pages(0xfffdf000L, 0x1000, 0),
            pages(0xfffdf000L, 0x1000, 0),
            pages(0xfffc0000L, 0x10000, 0)),
        recorded);
    List<String> lines =
        List.of(
            "vtd_inv_desc invalidate desc type p-iotlb high 0x0 low 0x500030026",
            "vtd_inv_desc invalidate desc type p-iotlb high 0x1237045 low 0x500030036",
            "vtd_inv_desc invalidate desc type p-iotlb high 0x7f low 0x36",
            "vtd_inv_desc invalidate desc type p-iotlb high 0xfffffffffffff000 low 0x36",
            "vtd_inv_desc invalidate desc type p-iotlb high 0x1000 low 0x16",
            "vtd_inv_desc invalidate desc type iotlb high 0x1000 low 0x32",
            "vtd_inv_desc invalidate desc type wait high 0x4ea804 low 0x200000025",
            "vtd_inv_desc_iotlb_pasid iotlb invalidate domain 0x3 pasid 0x5",
            "vtd_inv_desc_iotlb_pasid_pages iotlb invalidate domain 0x3 addr 0x5000 mask 0x1 pasid"
                + " 0x5",
            "vtd_dmar_translate dev 00:02.00 iova 0x1000 -> gpa 0x12345000 mask 0xfff");
    Path file = folder.resolve("qemu.log");
    Files.write(file, lines);
    assertEquals(
        List.of(
            everything(-1, -1, 1),
            pages(0x1220000L, 0x20000, 2),
            everything(-1, -1, 3),
            pages(0xfffffffffffff000L, 0x1000, 4),
            everything(-1, -1, 8),
            pages(0x4000, 0x2000, 9),
            DmaOp.access(0x10, -1, 0x1000, 1, false, 10)),
        ops(TraceFile.open(file, null)));
  }

  /** An end at 2^63 or across it is within 64 bits, as is one at 2^64. */
  @ParameterizedTest
  @CsvSource({
    "r 7fffffffffffffff 1, true",
    "r 7fffffffffffffff 2, true",
    "w 7ffffffffffff000 2000, true",
    "r ffffffffffffffff 1, true",
    "r fffffffffffff000 1000, true",
    "i 7ffffffffffff000 2000, true",
    "i 1000 7ffffffffffffffe, true",
    "i fffffffffffff000 1000, true",
    "i 0 *, true",
    "u ffffffffffffffff 1, true",
    "e ffffffffffffffff 0, true",
    "r ffffffffffffffff 2, false",
    "w fffffffffffff001 1000, false",
    "m ffffffffc0000001 40000000, false",
    "i fffffffffffff000 1001, false",
    "i 8000000000000002 7ffffffffffffffe, true",
    "i 8000000000000003 7ffffffffffffffe, false"
  })
  void aRangeEndsWithin64Bits(String event, boolean taken) throws IOException {
    Path file = folder.resolve("end.trace");
    Files.writeString(file, "# nestwalk-trace 1\n0 10 - %s\n".formatted(event));
    TraceFile trace = TraceFile.open(file, null);
    if (taken) {
      assertEquals(1, ops(trace).size());
    } else {
      TraceException told = assertThrows(TraceException.class, () -> ops(trace));
      assertTrue(String.valueOf(told.getMessage()).endsWith("a last byte within 64 bits"));
    }
  }

  @Test
  void hyperSioLogsTellEachDmaOnce() {
    assertEquals(
        List.of(
            DmaOp.access(0x10, -1, 0xfffe0000L, 1, false, 2000),
            DmaOp.access(0x10, -1, 0xfffe0000L, 1, false, 100_000),
            DmaOp.access(0x18, -1, 0xbbf00000L, 1, false, 200_000)),
        ops(sample("hypersio.log")));
  }

  @Test
  void requestsToDisksKeepSizeDirectionAndDisk() {
    assertEquals(
        List.of(
            new IoRequest(4000, 0, true, 4096),
            new IoRequest(1_000_000, 1, false, 131072),
            new IoRequest(4_000_000, 0, false, 8192)),
        requests(sample("blkparse.txt")));
    assertEquals(
        List.of(
            new IoRequest(0, 0, false, 24576),
            new IoRequest(1_332_052_600L, 1, true, 8192),
            new IoRequest(2_332_061_600L, 0, false, 4096),
            new IoRequest(2_332_061_600L, 0, true, 512)),
        requests(sample("msr.csv")));
  }

  private static byte[] pcap(ByteOrder order, boolean nanoseconds, int... sizes) {
    ByteBuffer bytes = ByteBuffer.allocate(24 + sizes.length * (16 + 60)).order(order);
    bytes.putInt(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4).putShort((short) 2).putShort((short) 4);
    bytes.putInt(0).putInt(0).putInt(65535).putInt(1);
    for (int i = 0; i < sizes.length; i++) {
      int captured = Math.min(sizes[i], 60);
      bytes.putInt(100).putInt(i * 7).putInt(captured).putInt(sizes[i]).put(new byte[captured]);
    }
    byte[] used = new byte[bytes.position()];
    bytes.rewind().get(used);
    return used;
  }

  @Test
  void packetsAreReadInBothOrdersAndResolutions() throws IOException {
    for (ByteOrder order : List.of(ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN)) {
      for (boolean nanoseconds : new boolean[] {false, true}) {
        Path file = folder.resolve("packets.pcap");
        Files.write(file, pcap(order, nanoseconds, 64, 1514, 40));
        TraceFile trace = TraceFile.open(file, null);
        assertEquals(TraceFormat.PCAP, trace.format());
        int unit = nanoseconds ? 1 : 1000;
        assertEquals(
            List.of(
                new IoRequest(0, 0, false, 64),
                new IoRequest(7L * unit, 0, false, 1514),
                new IoRequest(14L * unit, 0, false, 40)),
            requests(trace));
      }
    }
  }

  @Test
  void summariesCountWhatATraceHolds() {
    TraceSummary live = sample("live.trace").scan();
    assertEquals(3, live.requesters());
    assertEquals(1, live.pasids());
    assertEquals(4, live.accesses());
    assertEquals(4, live.requests());
    assertEquals(3, live.invalidations());
    assertEquals(0x40 + 0x1000 + 0x10 + 1, live.bytes());
    assertEquals(6000, live.nanoseconds());
    assertEquals(64, live.digest().length());
    assertEquals(5, sample("blkparse.txt").scan().skipped() - 2);
    assertEquals(2, sample("msr.csv").scan().requesters());
    assertEquals(2, sample("qemu-smmuv3.log").scan().skipped());
  }

  @Test
  void aTraceThatWasWrittenIsReadAsItWas() throws IOException {
    for (String name :
        List.of(
            "live.trace",
            "qemu-vtd.log",
            "qemu-vtd-first-stage.log",
            "qemu-smmuv3.log",
            "hypersio.log")) {
      List<DmaOp> before = ops(sample(name));
      Path file = folder.resolve(name + ".gz");
      try (TraceWriter writer = new TraceWriter(Files.newOutputStream(file), true)) {
        for (DmaOp op : before) {
          writer.write(op);
        }
      }
      assertEquals(before, ops(TraceFile.open(file, null)), name);
    }
  }

  @Test
  void theCellOfATraceFitsItWhereverItLies() throws IOException {
    TraceFile live = sample("live.trace");
    Cell cell = live.cell(Cell.standard(), live.scan());
    assertEquals("3", cell.get(Axis.TENANTS));
    assertEquals("1", cell.get(Axis.PASIDS));
    assertEquals("4", cell.get(Axis.REQUESTS));
    Path copy = folder.resolve("elsewhere.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(copy))) {
      Files.copy(SAMPLES.resolve("live.trace"), out);
    }
    TraceFile other = TraceFile.open(copy, null);
    assertEquals(cell, other.cell(Cell.standard(), other.scan()));
  }

  private static String refusal(Path file) {
    TraceException told =
        assertThrows(
            TraceException.class,
            () -> {
              TraceFile trace = TraceFile.open(file, null);
              trace.scan();
              trace.workload().play(Cell.standard(), op -> {});
            });
    String message = String.valueOf(told.getMessage());
    assertTrue(message.startsWith(file.toString()), message);
    assertFalse(message.contains("\n"), message);
    assertTrue(message.length() < 400, message);
    return message.substring(file.toString().length());
  }

  private String refusal(String text) throws IOException {
    Path file = folder.resolve("hostile");
    Files.writeString(file, text);
    return refusal(file);
  }

  @Test
  void whatCannotBeReadIsToldWithItsPlace() throws IOException {
    String head = "# nestwalk-trace 1\n";
    assertTrue(refusal(head + "0 0010 - r 1000\n").startsWith(":2: "));
    assertTrue(refusal(head + "x 0010 - r 1000 1\n").startsWith(":2: time 'x'"));
    assertTrue(refusal(head + "0 10000 - r 1000 1\n").startsWith(":2: requester"));
    assertTrue(refusal(head + "0 10 100000 r 1000 1\n").startsWith(":2: PASID"));
    assertTrue(refusal(head + "0 10 - q 1000 1\n").startsWith(":2: 'q'"));
    assertTrue(refusal(head + "0 10 - r 1000 0\n").startsWith(":2: length"));
    assertTrue(refusal(head + "0 10 - r 1000 40000001\n").startsWith(":2: length"));
    assertTrue(refusal(head + "0 10 - r ffffffffffffffff 2\n").startsWith(":2: "));
    for (String end :
        List.of("7fffffffffffffff 1", "7fffffffffffffff 2", "7ffffffffffff000 1000")) {
      assertTrue(refusal(head + "0 10 - r " + end + "\n").contains("47 bits"), end);
    }
    assertTrue(refusal(head + "0 * - i 0 7fffffffffffffff\n").startsWith(":2: length"));
    assertTrue(refusal(head + "0 10 - r 1000000000000000 2\n").contains("47 bits"));
    assertTrue(refusal(head + "0 * - r 1000 1\n").startsWith(":2: requester"));
    assertTrue(refusal(head + "\n# only words\n" + "y".repeat(5000)).startsWith(":4: "));
    assertTrue(refusal("").startsWith(": expected '# nestwalk-trace 1'"));
    assertTrue(refusal("nothing of the kind\n").contains("expected"));
    assertTrue(refusal(folder.resolve("absent")).contains("no such file"));
    assertTrue(refusal("1,h,0,Read,0,4096,1\n1,h,0,Trim,0,4096,1\n").startsWith(":2: Type"));
    assertTrue(refusal("1,h,0,Read,0,4096,1\n1,h,0,Read,0,-1,1\n").startsWith(":2: Size"));
    assertTrue(refusal(" 8,0 1 1 0.000000001 1 D R 1 + 99999999 [x]\n").startsWith(":1: sectors"));
    assertTrue(refusal(" 8,0 1 1 0.000000001 1 Q R 1 + 8 [x]\n").contains("action D"));
    assertTrue(refusal("vtd_dmar_translate dev 00:02.0 iova 0xZ\n").startsWith(":1: "));
    assertTrue(
        refusal("vtd_dmar_translate dev 00:02.0 iova 0x11112222333344445\n").startsWith(":1: "));
  }

  @Test
  void damagedPacketsAndArchivesAreTold() throws IOException {
    byte[] whole = pcap(ByteOrder.LITTLE_ENDIAN, false, 1500, 1500);
    Path file = folder.resolve("cut.pcap");
    for (int length : new int[] {4, 23, 30, 50, whole.length - 1}) {
      Files.write(file, java.util.Arrays.copyOf(whole, length));
      assertTrue(refusal(file).startsWith(": offset "), length + "");
    }
    ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).putInt(24 + 8, Integer.MAX_VALUE);
    Files.write(file, whole);
    assertTrue(refusal(file).contains("expected a packet"));
    Files.write(file, new byte[] {0x0a, 0x0d, 0x0d, 0x0a, 1, 2, 3});
    assertTrue(refusal(file).contains("expected a header"));
    ByteArrayOutputStream zipped = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(zipped)) {
      out.write(
          "# nestwalk-trace 1\n0 10 - r 1000 1\n".repeat(9).getBytes(StandardCharsets.US_ASCII));
    }
    byte[] bytes = zipped.toByteArray();
    Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length - 12));
    assertTrue(refusal(file).contains("gzip"));
  }

  @Test
  void moreRequestersThanACellTakesAreTold() throws IOException {
    StringBuilder text = new StringBuilder("# nestwalk-trace 1\n");
    for (int i = 0; i < 1025; i++) {
      text.append("0 %04x - r 1000 1\n".formatted(i));
    }
    assertTrue(refusal(text.toString()).contains("1024 requesters"));
  }

  @Test
  void aDenseHeapOfPagesIsBoundedAndTold() throws IOException {
    // A page in each range of 2 MiB, more ranges than a space may have.
    StringBuilder text = new StringBuilder("# nestwalk-trace 1\n");
    for (long i = 0; i <= 1 << 18; i++) {
      text.append("0 10 - r ").append(Long.toHexString(i << 21)).append(" 1\n");
    }
    Path file = folder.resolve("wide");
    Files.writeString(file, text);
    TraceFile trace = TraceFile.open(file, null);
    Cell cell = trace.cell(Cell.standard().with(Axis.FORMAT, "smmuv3"), trace.scan());
    TraceException told =
        assertThrows(TraceException.class, () -> trace.workload().play(cell, op -> {}));
    assertTrue(String.valueOf(told.getMessage()).contains("ranges of 2 MiB"));
  }

  @Test
  void changedBytesAreReadOrToldButNeverHang() throws IOException {
    Random random = new Random(19);
    List<byte[]> seeds = new ArrayList<>();
    for (String name : FORMATS.keySet().stream().sorted().toList()) {
      seeds.add(Files.readAllBytes(SAMPLES.resolve(name)));
    }
    seeds.add(pcap(ByteOrder.BIG_ENDIAN, true, 64, 9000, 1));
    Path file = folder.resolve("changed");
    for (int round = 0; round < 1500; round++) {
      byte[] bytes = seeds.get(round % seeds.size()).clone();
      for (int i = random.nextInt(6); i >= 0; i--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      Files.write(file, java.util.Arrays.copyOf(bytes, 1 + random.nextInt(bytes.length)));
      assertTimeoutPreemptively(Duration.ofSeconds(20), () -> readOrTold(file));
    }
  }

  private static void readOrTold(Path file) {
    try {
      TraceFile trace = TraceFile.open(file, null);
      TraceSummary summary = trace.scan();
      Cell cell = trace.cell(Cell.standard(), summary);
      trace.workload().play(cell, op -> {});
    } catch (TraceException e) {
      String message = String.valueOf(e.getMessage());
      assertTrue(message.startsWith(file.toString()) && !message.contains("\n"), message);
    }
  }

  @Test
  void longLinesTakeLinearTime() throws IOException {
    Path file = folder.resolve("long");
    String line = "sid 0x1 iova 0x".repeat(272);
    Files.writeString(
        file, "x vtd_iotlb_page_hit sid 0x1 iova 0x1000\n" + ("vtd_a" + line + "\n").repeat(3000));
    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> assertEquals(1, TraceFile.open(file, null).scan().accesses()));
    String digits = "8,0 1 1 " + "1 ".repeat(2000) + "\n";
    Files.writeString(file, " 8,0 1 1 0.000000001 1 D R 1 + 8 [x]\n" + digits.repeat(3000));
    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () -> assertEquals(1, TraceFile.open(file, null).scan().accesses()));
  }
}
