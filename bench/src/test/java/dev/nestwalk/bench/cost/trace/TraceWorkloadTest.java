package dev.nestwalk.bench.cost.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.Counts;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.DmaOp.Kind;
import dev.nestwalk.bench.cost.Runner;
import dev.nestwalk.bench.cost.workload.Workloads;
import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a trace makes of a cell. */
class TraceWorkloadTest {
  private static final Path SAMPLES = Scenarios.fixtures().resolve("dma");

  @TempDir private Path folder = Path.of("");

  private TraceFile trace(String... lines) throws IOException {
    Path file = folder.resolve("given.trace");
    Files.writeString(file, "# nestwalk-trace 1\n" + String.join("\n", lines) + "\n");
    return TraceFile.open(file, null);
  }

  private static Cell cell(TraceFile trace, Cell cell) {
    return trace.cell(cell, trace.scan());
  }

  /** Requests of the warm-up are the trace's first: what is left counts, and is not nothing. */
  @ParameterizedTest
  @CsvSource({"0, 5", "1, 4", "4, 1", "5, -1", "9, -1"})
  void aWarmUpLeavesTheRestOfATraceToCount(int warmup, long counted) throws IOException {
    TraceFile trace =
        trace(
            "0 10 - r 1000 1",
            "1 10 - r 2000 1",
            "1 * - i 0 *",
            "2 18 - r 3000 1",
            "3 10 - w 4000 1",
            "3 10 - i 1000 1000",
            "4 10 - r 1000 1");
    Cell cell = cell(trace, Cell.parse("iotlb=16384x16")).with(Axis.WARMUP, warmup);
    for (String engine : List.of("counted", "timed")) {
      Cell of = cell.with(Axis.ENGINE, engine);
      if (counted < 0) {
        TraceException told =
            assertThrows(TraceException.class, () -> Runner.run(of, trace.workload()));
        assertTrue(
            String.valueOf(told.getMessage())
                .endsWith(
                    ": 5 requests, of which 5 are the warm-up: expected at least one to count"),
            told::toString);
      } else {
        Counts counts = Runner.run(of, trace.workload()).counts();
        assertEquals(counted, counts.get("request"), counts::toString);
        assertEquals(counted, counts.get("access"), counts::toString);
        assertEquals(warmup < 3 ? 1 : 0, counts.get("invalidate.all"), counts::toString);
        assertEquals(1, counts.get("invalidate.page"), counts::toString);
      }
    }
  }

  private static List<DmaOp> played(TraceFile trace, Cell cell) {
    List<DmaOp> ops = new ArrayList<>();
    trace.workload().play(cell, ops::add);
    return ops;
  }

  @Test
  void whatIsTouchedIsMappedBeforeAndDevicesAreNumbered() throws IOException {
    TraceFile trace =
        trace("0 00f8 - r 1ff0 20", "5 0010 - w 1000 10", "9 00f8 - r 2000 10", "9 * - i 0 *");
    Cell cell = cell(trace, Cell.standard());
    assertEquals(
        List.of(
            DmaOp.map(1, -1, 0x1000, 0x2000, 0),
            DmaOp.access(1, -1, 0x1ff0, 0x20, false, 0),
            DmaOp.request(1, -1, 0x20, 0),
            DmaOp.map(2, -1, 0x1000, 0x1000, 5),
            DmaOp.access(2, -1, 0x1000, 0x10, true, 5),
            DmaOp.request(2, -1, 0x10, 5),
            DmaOp.access(1, -1, 0x2000, 0x10, false, 9),
            DmaOp.request(1, -1, 0x10, 9)),
        played(trace, cell));
  }

  /** A command holds two pages itself; more are in a list, which is read page by page. */
  @ParameterizedTest
  @CsvSource({
    "512, Read, w512",
    "4097, Write, r4096 r1",
    "8192, Read, w4096 w4096",
    "12288, Write, r16 r4096 r4096 r4096",
    "8193, Read, r16 w4096 w4096 w1",
  })
  void aDiskRequestReadsItsListAndMovesItsPages(int bytes, String kind, String expected)
      throws IOException {
    Path file = folder.resolve("disk.csv");
    Files.writeString(file, "128166372003061629,host,0,%s,4096,%d,7%n".formatted(kind, bytes));
    TraceFile trace = TraceFile.open(file, TraceFormat.MSR);
    List<String> moved = new ArrayList<>();
    for (DmaOp op : played(trace, cell(trace, Cell.standard()))) {
      if (op.kind() == DmaOp.Kind.ACCESS) {
        moved.add((op.write() ? "w" : "r") + op.length());
      }
    }
    assertEquals("r64 " + expected + " w16", String.join(" ", moved));
  }

  @Test
  void aLongDiskRequestHasAListOfSeveralPages() throws IOException {
    Path file = folder.resolve("disk.csv");
    int pages = 1030;
    Files.writeString(file, "128166372003061629,host,0,Read,0,%d,7%n".formatted(pages * 4096));
    TraceFile trace = TraceFile.open(file, TraceFormat.MSR);
    long list = 0;
    int looks = 0;
    for (DmaOp op : played(trace, cell(trace, Cell.standard()))) {
      if (op.kind() == DmaOp.Kind.ACCESS && !op.write() && op.length() != 64) {
        list += op.length();
        looks++;
      }
    }
    assertEquals((pages - 1) * 8L, list);
    assertEquals(3, looks, "pages of the list");
  }

  /**
   * Where a trace tells no ends, an access is a request of its own; what is ahead of one is not.
   */
  @Test
  void aTranslationAheadIsNoRequest() throws IOException {
    TraceFile trace = trace("0 00f8 - p 1000 10", "1 00f8 - r 1000 10");
    List<DmaOp> ops = played(trace, cell(trace, Cell.standard()));
    assertEquals(
        List.of(DmaOp.Kind.MAP, DmaOp.Kind.PREFETCH, DmaOp.Kind.ACCESS, DmaOp.Kind.REQUEST),
        ops.stream().map(DmaOp::kind).toList());
  }

  @Test
  void anAccessThatLeavesTheLowerHalfIsRefused() throws IOException {
    TraceFile trace = trace("0 00f8 - r 7fffffffff00 200");
    TraceException e =
        assertThrows(TraceException.class, () -> played(trace, cell(trace, Cell.standard())));
    assertTrue(String.valueOf(e.getMessage()).contains("addresses of up to 47 bits"));
    TraceFile last = trace("0 00f8 - r 7fffffffff00 100");
    for (String format : List.of("vtd", "smmuv3")) {
      Cell cell = cell(last, Cell.standard().with(Axis.FORMAT, format));
      assertEquals(0, Runner.run(cell, last.workload()).counts().get("fault"));
    }
  }

  @Test
  void anInvalidationConcernsWhatIsMapped() throws IOException {
    TraceFile trace =
        trace(
            "0 10 5 r 1000 1000",
            "0 10 6 r 3000 1000",
            "1 10 5 i 0 *",
            "2 * - i 2000 1000",
            "3 10 - i 0 *",
            "4 10 5 u 0 2000",
            "5 10 - i 0 4000",
            "6 10 5 r 1000 1");
    List<DmaOp> ops = played(trace, cell(trace, Cell.standard().with(Axis.PASIDS, 2)));
    assertEquals(
        List.of(
            DmaOp.flush(1, 1, 1),
            new DmaOp(Kind.INVALIDATE, 1, 1, 0, 0, false, 2),
            DmaOp.flush(1, 1, 3).followed(true),
            DmaOp.flush(1, 2, 3),
            DmaOp.unmap(1, 1, 0x1000, 0x1000, 4),
            DmaOp.invalidate(1, 2, 0x3000, 0x1000, 5)),
        told(ops));
    // What was unmapped is mapped again.
    assertEquals(3, ops.stream().filter(op -> op.kind() == Kind.MAP).count());
  }

  @Test
  void anInvalidationOfPasid0ConcernsRequestsWithoutPasid() throws IOException {
    TraceFile trace =
        trace("0 18 - r 1000 1000", "0 18 7 r 1000 1000", "1 @2 0 i 1000 1000", "2 18 - r 1000 1");
    List<DmaOp> ops = played(trace, cell(trace, Cell.standard().with(Axis.PASIDS, 2)));
    assertEquals(List.of(DmaOp.invalidate(1, 1, 0x1000, 0x1000, 1)), told(ops));
  }

  private static List<DmaOp> told(List<DmaOp> ops) {
    Set<Kind> kinds = Set.of(Kind.INVALIDATE, Kind.FLUSH, Kind.UNMAP);
    return ops.stream().filter(op -> kinds.contains(op.kind())).toList();
  }

  /** However many runs of pages and devices a line concerns: software waits once. */
  @ParameterizedTest
  @CsvSource({
    "* - i 0 *, 0 1",
    "* - i 0 400000, 1 0",
    "@7 - i 0 400000, 1 0",
    "10 - i 0 *, 0 1",
    "10 - i 0 3000, 1 0",
    "18 - i 40000000 1000, 1 0",
    "99 - i 0 *, 0 1",
    "* 5 i 0 *, 0 1",
    "10 - u 0 400000, 1 0",
    "10 - m 0 400000, 0 0",
  })
  void aLineCountsOnceHoweverManyPagesItConcerns(String event, String expected) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      lines.add("0 %s - r %x 1".formatted(i % 2 == 0 ? "10" : "18", i * 0x2000));
    }
    TraceFile without = trace(lines.toArray(String[]::new));
    Cell plain = cell(without, Cell.parse("iotlb=16384x16 invalidate=strict"));
    Counts before = Runner.run(plain, without.workload()).counts();
    lines.add("1 " + event);
    lines.add("2 10 - r 0 1");
    TraceFile trace = trace(lines.toArray(String[]::new));
    for (String format : List.of("vtd", "smmuv3")) {
      for (String stages : List.of("1", "2", "nested")) {
        Cell cell = cell(trace, plain.with(Axis.FORMAT, format).with(Axis.STAGES, stages));
        Counts counts = Runner.run(cell, trace.workload()).counts();
        String found = counts.get("invalidate.page") + " " + counts.get("invalidate.all");
        assertEquals(expected, found, counts::toString);
        assertEquals(event.contains("u") ? 1 : 0, counts.get("unmap"), counts::toString);
        long maps = event.contains("m") || event.contains("u") ? 1 : 0;
        assertEquals(before.get("map") + maps, counts.get("map"), counts::toString);
        Counts timed = Runner.run(cell.with(Axis.ENGINE, "timed"), trace.workload()).counts();
        for (String name : List.of("invalidate.page", "invalidate.all", "iotlb.miss")) {
          assertEquals(counts.get(name), timed.get(name), name);
        }
      }
    }
  }

  /** As a flush of the policy's does; one that names pages leaves the tables above them cached. */
  @ParameterizedTest
  @CsvSource({
    "vtd, 1, pwc1", "vtd, 2, pwc2", "vtd, nested, pwc1",
    "smmuv3, 1, pwc1", "smmuv3, 2, pwc2", "smmuv3, nested, pwc1"
  })
  void anInvalidationOfEveryAddressDropsPartialWalks(String format, String stages, String cache)
      throws IOException {
    List<Long> hits = new ArrayList<>();
    for (String event : List.of("# nothing", "1 * - i 0 400000", "1 * - i 0 *", "1 10 - i 0 *")) {
      TraceFile trace = trace("0 10 - r 1000 1", "0 10 - r 2000 1", event, "2 10 - r 3000 1");
      Cell cell = Cell.parse("pwc1=64 pwc2=64 format=" + format).with(Axis.STAGES, stages);
      hits.add(Runner.run(cell(trace, cell), trace.workload()).counts().get(cache + ".hit"));
    }
    assertEquals(hits.get(0), hits.get(1), "pages");
    assertEquals(hits.get(2), hits.get(3), "of everyone, of the device");
    assertTrue(hits.get(2) < hits.get(1), hits::toString);
  }

  /** A lazy driver counts a buffer once, and flushes when all of it is unmapped. */
  @Test
  void anUnmapOfSeveralRunsOfPagesWaitsAsOneBuffer() throws IOException {
    TraceFile trace =
        trace(
            "0 10 - r 1000 1",
            "0 10 - r 3000 1",
            "0 10 - r 5000 1",
            "0 10 - r 8000 1",
            "1 10 - u 0 6000",
            "2 10 - u 8000 1000",
            "3 10 - r 1000 1");
    Cell cell = cell(trace, Cell.parse("invalidate=lazy:2"));
    Counts counts = Runner.run(cell, trace.workload()).counts();
    assertEquals(2, counts.get("unmap"), counts::toString);
    assertEquals(1, counts.get("invalidate.all"), counts::toString);
    assertEquals(5, counts.get("iotlb.miss"), counts::toString);
  }

  /**
   * A boot of Linux, whose driver unmaps strictly: it invalidates each buffer that it is done with,
   * and so the translations of the NVMe controller's data are new each time.
   */
  @ParameterizedTest
  @CsvSource({"vtd, 11782", "smmuv3, 12326"})
  void aBootOfLinuxRunsThroughBothEngines(String format, long requests) {
    TraceFile trace = TraceFile.open(SAMPLES.resolve("linux-" + format + ".trace.gz"), null);
    Cell cell = cell(trace, Cell.standard().with(Axis.FORMAT, format));
    Cell large = cell.with(Axis.IOTLB, "16384x16");
    long pages =
        played(trace, cell).stream()
            .filter(op -> op.kind() == Kind.ACCESS)
            .map(op -> op.iova() >>> 12)
            .distinct()
            .count();
    assertTrue(pages > 300 && pages < 1000, () -> pages + " pages");
    List<Counts> kept = new ArrayList<>();
    for (String stages : List.of("1", "nested")) {
      Cell walks = cell.with(Axis.STAGES, stages).with(Axis.IOTLB, "0");
      Counts counted = Runner.run(walks, trace.workload()).counts();
      Counts timed = Runner.run(walks.with(Axis.ENGINE, "timed"), trace.workload()).counts();
      assertEquals(requests, counted.get("request"));
      assertEquals(counted.get("ref"), (stages.equals("1") ? 4 : 24) * counted.get("access"));
      assertEquals(counted.get("access"), timed.get("access"));
      // The product counts the second-stage reads that find the configuration among them.
      assertTrue(Math.abs(counted.get("ref") - timed.get("ref")) <= 24, timed::toString);
      Cell both = large.with(Axis.STAGES, stages);
      Counts hits = Runner.run(both, trace.workload()).counts();
      Counts same = Runner.run(both.with(Axis.ENGINE, "timed"), trace.workload()).counts();
      assertEquals(hits.get("iotlb.miss"), same.get("iotlb.miss"), stages);
      assertEquals(hits.get("invalidate.page"), same.get("invalidate.page"));
      assertEquals(hits.get("invalidate.all"), same.get("invalidate.all"));
      // Each line up to the last access, which is all but those of the shutdown.
      long lines = hits.get("invalidate.page") + hits.get("invalidate.all");
      long shutdown = trace.scan().invalidations() - lines;
      assertTrue(shutdown >= 0 && shutdown < 5, () -> lines + " invalidations");
      assertEquals(0, hits.get("fault") + same.get("fault"));
      // Far more misses than pages, for what was invalidated is looked up anew.
      assertTrue(hits.get("iotlb.miss") > 4 * pages, hits::toString);
      kept.add(hits);
    }
    assertEquals(kept.get(0).get("iotlb.miss"), kept.get(1).get("iotlb.miss"));
    assertEquals(6 * kept.get(0).get("ref"), kept.get(1).get("ref"));
  }

  @Test
  void thePageOnTracesHasTheFiguresOfTheBoots() throws IOException {
    Map<String, TraceFile> traces = new TreeMap<>();
    for (String format : List.of("vtd", "smmuv3")) {
      traces.put(format, TraceFile.open(SAMPLES.resolve("linux-" + format + ".trace.gz"), null));
    }
    Path page = Scenarios.fixtures().resolveSibling("docs/cost/traces.md");
    int rows = 0;
    for (String line : Files.readAllLines(page)) {
      if (!line.startsWith("| `iotlb=")) {
        continue;
      }
      rows++;
      String caches = line.substring(3, line.indexOf('`', 3));
      StringBuilder expected = new StringBuilder("| `" + caches + "` |");
      for (String format : List.of("vtd", "smmuv3")) {
        TraceFile trace = Objects.requireNonNull(traces.get(format));
        Cell cell = cell(trace, Cell.parse(caches + " stages=1 format=" + format));
        Counts one = Runner.run(cell, trace.workload()).counts();
        Counts two = Runner.run(cell.with(Axis.STAGES, "nested"), trace.workload()).counts();
        assertEquals(one.get("iotlb.hit"), two.get("iotlb.hit"));
        double single = one.per("ref", "request");
        double nested = two.per("ref", "request");
        expected.append(
            String.format(
                Locale.ROOT,
                " %.1f %% | %.3f | %.3f | %.2f |",
                100 * one.per("iotlb.hit", "access"),
                single,
                nested,
                nested / single));
      }
      assertEquals(expected.toString(), line);
    }
    assertEquals(4, rows);
  }

  @Test
  void interruptsAreNoDmaOfVtd() throws IOException {
    TraceFile trace = trace("0 10 - w fee00000 4", "0 10 - w 1000 4");
    Cell cell = cell(trace, Cell.standard());
    assertEquals(1, accesses(trace, cell));
    assertEquals(2, accesses(trace, cell.with(Axis.FORMAT, "smmuv3")));
  }

  private static long accesses(TraceFile trace, Cell cell) {
    return played(trace, cell).stream().filter(op -> op.kind() == Kind.ACCESS).count();
  }

  @Test
  void aWorkloadAndItsTraceCountTheSame() throws IOException {
    for (String text :
        List.of(
            "workload=random:1m iotlb=16x4lru requests=600",
            "workload=scan:256k invalidate=strict requests=300 tenants=3",
            "workload=random:4m format=smmuv3 stages=1 requests=400 tenants=2 pasids=2",
            "workload=random:4m stages=1 pages1=2m iotlb=0 warmup=50 requests=200")) {
      Cell cell = Cell.parse(text);
      Path file = folder.resolve("own.trace.gz");
      try (TraceWriter writer = new TraceWriter(Files.newOutputStream(file), true)) {
        Workloads.of(cell.get(Axis.WORKLOAD))
            .play(
                cell,
                op -> {
                  try {
                    writer.write(op);
                  } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                  }
                });
      }
      TraceFile trace = TraceFile.open(file, null);
      Cell same = cell(trace, cell);
      // The trace holds those of the warm-up, too.
      Cell played = same.with(Axis.REQUESTS, cell.number(Axis.REQUESTS));
      Counts counts = Runner.run(played, trace.workload()).counts();
      assertEquals(Runner.run(cell).counts(), counts, text);
      assertTrue(counts.get("ref") > 0, text);
    }
  }

  @Test
  void sampleTracesOfAddressesRunInBothFormats() {
    for (String name : List.of("live.trace", "qemu-vtd.log", "qemu-smmuv3.log", "hypersio.log")) {
      for (String format : List.of("vtd", "smmuv3")) {
        TraceFile trace = TraceFile.open(SAMPLES.resolve(name), null);
        Cell cell = cell(trace, Cell.standard().with(Axis.FORMAT, format));
        Counts counts = Runner.run(cell, trace.workload()).counts();
        assertEquals(0, counts.get("fault"), name);
        assertEquals(trace.scan().accesses(), counts.get("request"), name);
        assertEquals(counts, Runner.run(cell, trace.workload()).counts(), name);
      }
    }
  }

  @Test
  void sizesOfDiskRequestsDriveAQueuePair() {
    TraceFile trace = TraceFile.open(SAMPLES.resolve("blkparse.txt"), null);
    List<DmaOp> ops =
        played(trace, cell(trace, Cell.standard().with(Axis.INVALIDATE, "strict"))).stream()
            .filter(op -> op.kind() != Kind.MAP)
            .toList();
    // A write of 4 KiB: its command, its data, its completion.
    assertEquals(
        List.of(Kind.ACCESS, Kind.ACCESS, Kind.ACCESS, Kind.UNMAP, Kind.REQUEST),
        ops.stream().limit(5).map(DmaOp::kind).toList());
    assertEquals(List.of(64L, 4096L, 16L), ops.stream().limit(3).map(DmaOp::length).toList());
    assertEquals(List.of(false, false, true), ops.stream().limit(3).map(DmaOp::write).toList());
    // A read of 128 KiB by another disk: 31 entries of its list, 32 pages.
    List<DmaOp> second = ops.stream().filter(op -> op.requester() == 2).toList();
    assertEquals(248, second.get(1).length());
    assertEquals(32, second.stream().filter(op -> op.write() && op.length() == 4096).count());
    assertEquals(
        List.of(4096L, 131072L, 8192L),
        ops.stream().filter(op -> op.kind() == Kind.REQUEST).map(DmaOp::length).toList());
  }

  @Test
  void sizesOfPacketsDriveARing() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(24 + 2 * 16);
    bytes.putInt(0xa1b2c3d4).putInt(0x2_0004).putInt(0).putInt(0).putInt(65535).putInt(1);
    bytes.putInt(0).putInt(0).putInt(0).putInt(64).putInt(0).putInt(9).putInt(0).putInt(9000);
    Path file = folder.resolve("two.pcap");
    Files.write(file, bytes.array());
    TraceFile trace = TraceFile.open(file, null);
    List<DmaOp> ops = played(trace, cell(trace, Cell.standard()));
    List<Long> lengths =
        ops.stream().filter(op -> op.kind() == Kind.ACCESS).map(DmaOp::length).toList();
    assertEquals(List.of(16L, 64L, 16L, 16L, 4096L, 16L, 4096L, 16L, 808L, 16L), lengths);
    assertEquals(9000, ops.get(ops.size() - 1).length());
    assertEquals(9000, ops.get(ops.size() - 1).nanoseconds());
    Counts counts = Runner.run(cell(trace, Cell.standard()), trace.workload()).counts();
    assertEquals(2, counts.get("request"));
    assertEquals(9064, counts.get("bytes"));
  }
}
