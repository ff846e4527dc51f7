package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.device.UnitOptions;
import dev.nestwalk.device.VtdUnit;
import dev.nestwalk.fixtures.trace.RegisterTrace;
import dev.nestwalk.fixtures.trace.TraceLine;
import dev.nestwalk.memory.GuestMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A live machine whose guest is this test: registers over a socket, tables in the RAM's file. */
@Timeout(60)
final class LiveMachineTest {
  private static final long SIZE = LiveOptions.USUAL_SIZE;
  private static final ValueLayout.OfLong WORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final long ROOT = 0x10_0000;
  private static final long CONTEXT = 0x10_1000;
  private static final long TABLES = 0x10_2000;
  private static final long PAGE = 0x20_0000;
  private static final long OTHER_PAGE = 0x20_1000;
  private static final long IOVA = 0x4567_8000;
  private static final int TEST_FUNCTION = 0x20;

  @TempDir Path folder;
  private final List<String> lines = new ArrayList<>();
  private final Arena arena = Arena.ofShared();
  private MemorySegment ram = MemorySegment.NULL;

  @AfterEach
  void unmap() {
    arena.close();
  }

  private synchronized void say(String line) {
    lines.add(line);
  }

  private synchronized List<String> lines() {
    return List.copyOf(lines);
  }

  private LiveOptions legacy() {
    return LiveOptions.of(LiveMode.LEGACY, 4, folder);
  }

  /** A machine, its unit with tables for the test function, and that function. */
  private final class Running implements AutoCloseable {
    final LiveMachine machine;
    final VfioClient unit;
    final VfioClient test;

    Running(LiveProbes probes) throws IOException {
      machine = start(legacy().withProbes(probes));
      unit = unit(LiveMachine.SEABIOS_REGISTERS);
      test = connect("test");
      translate(unit);
      test.write(7, 4, new byte[] {6, 0}); // memory space, bus master
    }

    @Override
    public void close() throws IOException {
      test.close();
      unit.close();
      machine.close();
    }
  }

  private LiveMachine start(LiveOptions options) throws IOException {
    LiveMachine machine = LiveMachine.start(options, this::say);
    try (FileChannel file =
        FileChannel.open(options.ram(), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ram = file.map(FileChannel.MapMode.READ_WRITE, 0, SIZE, arena);
    }
    return machine;
  }

  private VfioClient connect(String name) throws IOException {
    return VfioClient.ready(folder.resolve(name + ".sock"));
  }

  /** The unit's registers, placed as firmware does. */
  private VfioClient unit(long address) throws IOException {
    VfioClient client = connect("unit");
    byte[] bar = new byte[4];
    PciFunction.put(address, bar);
    client.write(7, 0x10, bar);
    return client;
  }

  private static void set(VfioClient client, long offset, int size, long value) throws IOException {
    byte[] bytes = new byte[size];
    PciFunction.put(value, bytes);
    assertFalse(client.write(0, offset, bytes).isError());
  }

  private static long get(VfioClient client, long offset, int size) throws IOException {
    byte[] bytes = new byte[size];
    client.read(0, offset, size).body().get(16, bytes);
    return PciFunction.value(bytes);
  }

  /** Legacy tables of four levels, which map {@link #IOVA} to {@link #PAGE}; translation on. */
  private void translate(VfioClient unit) throws IOException {
    ram.set(WORD, ROOT, CONTEXT | 1);
    ram.set(WORD, CONTEXT + 16 * TEST_FUNCTION, TABLES | 1);
    ram.set(WORD, CONTEXT + 16 * TEST_FUNCTION + 8, 2 | 1 << 8); // 4 levels, domain 1
    for (int level = 4; level > 1; level--) {
      ram.set(WORD, entry(level), TABLES + 0x1000L * (5 - level) | 3);
    }
    ram.set(WORD, entry(1), PAGE | 3);
    set(unit, 0x20, 8, ROOT);
    set(unit, 0x18, 4, 1 << 30); // SRTP
    set(unit, 0x18, 4, 1 << 31); // TE
    assertEquals(0xc000_0000L, get(unit, 0x1c, 4) & 0xc000_0000L);
  }

  private static long entry(int level) {
    long table = TABLES + 0x1000L * (4 - level);
    return table + 8 * (IOVA >>> 12 + 9 * (level - 1) & 511);
  }

  private static int dma(VfioClient test, int command, long address) throws IOException {
    set(test, TestFunction.ADDRESS, 8, address);
    set(test, TestFunction.COMMAND, 4, command);
    long status = TestFunction.BUSY;
    while (status == TestFunction.BUSY) {
      status = get(test, TestFunction.STATUS, 4);
    }
    return (int) status;
  }

  @Test
  void aGuestsTablesTranslateItsDevicesDma() throws IOException, InterruptedException {
    try (Running running = new Running(LiveProbes.NONE)) {
      VfioClient unit = running.unit;
      VfioClient test = running.test;
      ram.set(WORD, PAGE + 0x10, 0x1122334455667788L);
      assertEquals(TestFunction.DONE, dma(test, 1, IOVA + 0x10));
      assertEquals(0x1122334455667788L, get(test, TestFunction.DATA, 8));
      set(test, TestFunction.DATA, 8, 5);
      assertEquals(TestFunction.DONE, dma(test, 3, IOVA + 0x10));
      assertEquals(0x112233445566778dL, ram.get(WORD, PAGE + 0x10));

      assertEquals(TestFunction.REFUSED | 5 << 8, dma(test, 2, 0x1000));
      assertEquals(2, get(unit, 0x34, 4) & 2, "a fault is pending");
      assertEquals(TEST_FUNCTION, get(unit, 0x228, 8) & 0xffff, "who it was");
      assertEquals(1, lines().size(), lines().toString());
      assertTrue(lines().get(0).contains("write of 0x1000 refused: 0x05 LGN.2"), lines().get(0));
      assertEquals(ROOT, running.machine.registers().get("RTADDR"));
      assertEquals(0xc000_0000L, running.machine.registers().get("GSTS"));
      assertFalse(running.machine.awaitEnd(1));
    }
  }

  @Test
  void everyModeHasItsUnit() throws IOException {
    for (LiveMode mode : LiveMode.values()) {
      boolean vtd = mode.format() == LiveFormat.VTD;
      for (int levels : vtd ? new int[] {4, 5} : new int[] {4}) {
        LiveOptions options = LiveOptions.of(mode, levels, folder);
        try (LiveMachine machine = LiveMachine.start(options, this::say)) {
          mode.registers(levels)
              .forEach(
                  (name, value) -> {
                    if (machine.registers().containsKey(name)) {
                      assertEquals(value, machine.registers().get(name), mode + " " + name);
                    }
                  });
        }
      }
    }
    assertEquals(List.of(), lines());
  }

  @Test
  void aMissingInvalidationIsTold() throws IOException {
    try (Running running = new Running(new LiveProbes(null, null, true))) {
      VfioClient unit = running.unit;
      VfioClient test = running.test;
      assertEquals(TestFunction.DONE, dma(test, 1, IOVA));
      ram.set(WORD, entry(1), OTHER_PAGE | 3);
      set(unit, 0xf8, 8, 1L << 63 | 1L << 60); // global IOTLB invalidation
      assertEquals(TestFunction.DONE, dma(test, 1, IOVA));
      assertEquals(List.of(), lines(), "told of the change");
      ram.set(WORD, entry(1), 0);
      assertEquals(TestFunction.DONE, dma(test, 1, IOVA), "what caches are for");
      assertEquals(1, lines().size(), lines().toString());
      String line = lines().get(0);
      assertTrue(line.contains("read of 0x%x uses what is no longer".formatted(IOVA)), line);
      assertTrue(line.contains("caches say 0x%x".formatted(OTHER_PAGE)), line);
      assertTrue(line.contains("tables say fault 0x6"), line);
      assertTrue(running.machine.counters().translations() > 0);
    }
  }

  @Test
  void whatHappensIsWrittenDown() throws IOException {
    Path record = folder.resolve("record.trace");
    Path trace = folder.resolve("trace");
    long queue = 0x30_0000;
    long status = 0x30_1000;
    try (Running running = new Running(new LiveProbes(record, trace, false))) {
      VfioClient unit = running.unit;
      ram.set(WORD, queue, 0x25L | 7L << 32); // wait: status data 7
      ram.set(WORD, queue + 8, status);
      set(unit, 0x90, 8, queue);
      set(unit, 0x18, 4, 1 << 31 | 1 << 26);
      set(unit, 0x88, 8, 0x10);
      assertEquals(7, ram.get(WORD, status));
      assertEquals(TestFunction.DONE, dma(running.test, 1, IOVA + 8));
      String counters = running.machine.counters().line();
      assertTrue(counters.contains("1 doorbells"), counters);
    }
    List<String> written = Files.readAllLines(record);
    assertTrue(written.get(0).startsWith("#"));
    int doorbell = written.indexOf("w 88 8 10");
    assertEquals("q 300000 25000000070000000010300000000000", written.get(doorbell - 1));
    assertEquals("s 301000 07000000", written.get(doorbell + 1));
    assertTrue(written.contains("w 20 8 100000"), written.toString());
    replay(RegisterTrace.load(record));
    List<String> accesses = Files.readAllLines(trace);
    assertTrue(accesses.get(2).endsWith(" 0020 - r 45678008 8"), accesses.toString());
  }

  /** Another unit answers a trace in the same way. */
  private void replay(RegisterTrace trace) {
    MemorySegment bytes = arena.allocate(8 << 20, 8);
    UnitOptions given = UnitOptions.of(GuestMemory.of(bytes, 0), (address, data) -> true);
    VtdUnit unit = VtdUnit.of(given, trace.machine().registers(), 46);
    assertTrue(trace.lines().size() > 8, "lines");
    for (TraceLine line : trace.lines()) {
      if (line instanceof TraceLine.Write w) {
        unit.mmioWrite(w.offset(), w.size(), w.value());
      } else if (line instanceof TraceLine.Read r) {
        assertEquals(r.value(), unit.mmioRead(r.offset(), r.size()), line.text());
      } else if (line instanceof TraceLine.Queue q) {
        byte[] entry = HexFormat.of().parseHex(q.bytes());
        MemorySegment.copy(entry, 0, bytes, ValueLayout.JAVA_BYTE, q.address(), entry.length);
      } else if (line instanceof TraceLine.Status status) {
        byte[] word = bytes.asSlice(status.address(), 4).toArray(ValueLayout.JAVA_BYTE);
        assertEquals(status.bytes(), HexFormat.of().formatHex(word), line.text());
      }
    }
  }

  @Test
  void endsWhenTheClientsAreGoneAndHarmsNothing() throws IOException, InterruptedException {
    Path disk = folder.resolve("disk");
    byte[] content = new byte[8 * 512];
    content[700] = 9;
    Files.write(disk, content);
    try (LiveMachine machine =
        start(LiveOptions.of(LiveMode.STAGE1, 4, folder).withDisks(List.of(disk)))) {
      VfioClient unit = unit(VirtTree.REGISTERS);
      VfioClient nvme = connect("nvme0");
      VfioClient test = connect("test");
      assertEquals(0xd44_341b, get(unit, 0, 4));
      assertEquals(0x10400, get(nvme, Nvme.VS, 4));
      unit.close();
      nvme.close();
      assertFalse(machine.awaitEnd(100), "one is still there");
      test.close();
      assertTrue(machine.awaitEnd(10_000));
      assertEquals(List.of(), lines());
    }
    assertEquals(-1, Files.mismatch(disk, Files.write(folder.resolve("same"), content)));
    assertFalse(Files.exists(folder.resolve("unit.sock")));
  }

  /** It probes the sockets, and finds them in use before it opens any other file. */
  @Test
  void aSecondServerInTheSameFolderDoesNotHarmTheFirst() throws IOException, InterruptedException {
    Path trace = folder.resolve("trace");
    LiveOptions options = legacy().withProbes(new LiveProbes(null, trace, false));
    try (LiveMachine machine = start(options)) {
      Files.delete(folder.resolve("dmar.bin"));
      Files.delete(trace); // the first server's stays open; another would be the second one's
      for (int i = 0; i < 10; i++) {
        assertRefused(options, "another server");
      }
      assertFalse(machine.awaitEnd(100), "nobody has been there yet");
      assertFalse(Files.exists(trace));
      assertFalse(Files.exists(folder.resolve("dmar.bin")));
      VfioClient unit = unit(LiveMachine.SEABIOS_REGISTERS);
      for (int i = 0; i < 10; i++) {
        assertRefused(options, "another server");
      }
      unit.close();
      assertTrue(machine.awaitEnd(10_000));
      assertEquals(List.of(), lines());
    }
  }

  /** Whoever looks whether somebody listens is no client. */
  @Test
  void aConnectionWithoutAVersionDoesNotCount() throws IOException, InterruptedException {
    try (LiveMachine machine = start(legacy())) {
      Path socket = folder.resolve("test.sock");
      new VfioClient(socket).close();
      try (VfioClient client = new VfioClient(socket)) {
        assertEquals(22, client.ask(4, VfioClient.body(16)).errno());
        assertEquals(22, client.version(1, 0).errno());
      }
      try (VfioClient client = new VfioClient(socket)) {
        client.raw(VfioClient.body(7).position(7).flip());
      }
      assertFalse(machine.awaitEnd(100));
      try (VfioClient client = new VfioClient(socket)) {
        assertFalse(client.version(0, 1).isError());
        assertFalse(client.version(0, 1).isError());
        assertFalse(machine.awaitEnd(100));
      }
      assertTrue(machine.awaitEnd(10_000), "a client counts once");
    }
  }

  @Test
  void guestMemoryThatGoesAwayIsOneLine() throws IOException {
    try (LiveMachine machine = start(legacy());
        VfioClient unit = unit(LiveMachine.SEABIOS_REGISTERS)) {
      set(unit, 0x90, 8, 0x100_0000);
      set(unit, 0x18, 4, 1 << 26); // queued invalidation on
      try (FileChannel file = FileChannel.open(folder.resolve("ram"), StandardOpenOption.WRITE)) {
        file.truncate(0);
      }
      assertThrows(IOException.class, () -> set(unit, 0x88, 8, 0x10));
      NvmeDriver.await("a line", () -> !lines().isEmpty());
      assertEquals(1, lines().size(), lines().toString());
      assertTrue(lines().get(0).contains("memory"), lines().get(0));
      assertFalse(machine.shellCommand().isEmpty());
    }
  }

  @Test
  void refusesWhatDoesNotFitWithOneLine() throws IOException {
    Files.write(folder.resolve("ram"), new byte[4096]);
    assertRefused(legacy(), "4096 bytes, expected");
    Files.delete(folder.resolve("ram"));
    Path missing = folder.resolve("missing");
    assertRefused(legacy().withDisks(List.of(missing)), "no such disk");
    Path deep = folder.resolve("d".repeat(100));
    LiveOptions long1 = LiveOptions.of(LiveMode.LEGACY, 4, deep);
    assertRefused(long1, "too long for sockets");
    for (int levels : new int[] {3, 6}) {
      LiveOptions options = LiveOptions.of(LiveMode.LEGACY, levels, folder);
      assertRefused(options, "expected 4 or 5");
    }
    try (LiveMachine one = start(legacy())) {
      assertRefused(legacy(), "another server");
      assertTrue(one.shellCommand().contains("-acpitable file="), one.shellCommand());
      assertTrue(one.shellCommand().contains("\"addr\":\"4.0\""), one.shellCommand());
    }
  }

  private void assertRefused(LiveOptions options, String words) {
    IOException refused =
        assertThrows(IOException.class, () -> LiveMachine.start(options, this::say).close());
    String line = String.valueOf(refused.getMessage());
    assertTrue(line.contains(words), line);
    assertEquals(1, line.lines().count());
  }
}
