package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The vfio-user server, asked by a client of its own, well and badly. */
@Timeout(60)
final class VfioUserServerTest {
  private static final int BAR = 0x1000;

  /** A function of plain memory. */
  private static final class Memory extends PciFunction {
    final byte[] bytes = new byte[BAR];
    int resets;

    Memory() {
      super(new PciConfig(PciConfig.CONVENTIONAL, 0x1234, 0x5678, 0xff0000));
      config.bar(0, 12, false);
    }

    @Override
    String name() {
      return "memory";
    }

    @Override
    long barSize(int bar) {
      return bar == 0 ? BAR : 0;
    }

    @Override
    void read(int bar, long offset, byte[] into) {
      System.arraycopy(bytes, (int) offset, into, 0, into.length);
    }

    @Override
    void write(int bar, long offset, byte[] value) {
      System.arraycopy(value, 0, bytes, (int) offset, value.length);
    }

    @Override
    void reset() {
      resets++;
    }

    @Override
    int interrupts(int kind) {
      return kind == VfioUser.MSI ? 1 : 0;
    }
  }

  private static final class Ears implements VfioUserServer.Listener {
    final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    final BlockingQueue<String> maps = new LinkedBlockingQueue<>();
    final BlockingQueue<Boolean> leavings = new LinkedBlockingQueue<>();

    @Override
    public void say(String line) {
      lines.add(line);
    }

    @Override
    public void mapped(long address, long size, long fileOffset, boolean writable) {
      maps.add("%x %x %x %b".formatted(address, size, fileOffset, writable));
    }

    @Override
    public void connected() {}

    @Override
    public void disconnected() {
      leavings.add(true);
    }

    void left() throws InterruptedException {
      assertTrue(leavings.poll(10, TimeUnit.SECONDS) != null, "connection ended");
    }
  }

  @TempDir Path folder;
  private final Memory function = new Memory();
  private final Ears ears = new Ears();
  private Path socket;
  private VfioUserServer server;

  @BeforeEach
  void listen() throws IOException {
    socket = folder.resolve("s");
    server = new VfioUserServer(socket, function, ears);
  }

  @AfterEach
  void close() throws IOException {
    server.close();
    assertFalse(Files.exists(socket), "the socket's file is removed");
  }

  @Test
  void agreesOnVersionAndSaysWhatItTakes() throws IOException {
    try (VfioClient client = new VfioClient(socket)) {
      VfioClient.Message reply = client.version(0, 1);
      assertFalse(reply.isError());
      assertEquals(0, reply.body().getShort(0));
      assertEquals(1, reply.body().getShort(2));
      byte[] json = new byte[reply.body().remaining() - 4];
      reply.body().get(4, json);
      assertEquals(0, json[json.length - 1], "NUL-terminated");
      assertTrue(new String(json, java.nio.charset.StandardCharsets.US_ASCII).contains("65536"));
    }
  }

  @Test
  void refusesAnotherMajorVersionAndCommandsBeforeOne() throws IOException {
    try (VfioClient client = new VfioClient(socket)) {
      assertEquals(22, client.ask(4, VfioClient.body(16)).errno());
      assertEquals(22, client.version(1, 0).errno());
      assertEquals(22, client.ask(4, VfioClient.body(16)).errno());
      assertFalse(client.version(0, 0).isError());
      assertFalse(client.ask(4, VfioClient.body(16)).isError());
    }
  }

  @Test
  void describesDeviceRegionsAndInterrupts() throws IOException {
    try (VfioClient client = VfioClient.ready(socket)) {
      ByteBuffer device = client.ask(4, VfioClient.body(16).putInt(16).position(16)).body();
      assertEquals(3, device.getInt(4), "resettable PCI device");
      assertEquals(9, device.getInt(8));
      assertEquals(5, device.getInt(12));
      long[] sizes = {BAR, 0, 0, 0, 0, 0, 0, 256, 0};
      for (int region = 0; region < 9; region++) {
        ByteBuffer info = client.ask(5, VfioClient.body(32).putInt(8, region).position(32)).body();
        assertEquals(sizes[region], info.getLong(16));
        assertEquals(sizes[region] == 0 ? 0 : 3, info.getInt(4));
      }
      assertEquals(22, client.ask(5, VfioClient.body(32).putInt(8, 9).position(32)).errno());
      assertEquals(22, client.ask(5, VfioClient.body(32).putInt(8, -1).position(32)).errno());
      for (int kind : new int[] {0, 1, 2, 4}) {
        ByteBuffer info = client.ask(7, VfioClient.body(16).putInt(8, kind).position(16)).body();
        assertEquals(kind == 1 ? 1 : 0, info.getInt(12));
      }
      int told = ears.lines.size();
      assertEquals(22, client.ask(7, VfioClient.body(16).putInt(8, 3).position(16)).errno());
      assertEquals(told, ears.lines.size(), "an answer to a question is no news");
      assertEquals(22, client.ask(7, VfioClient.body(16).putInt(8, 5).position(16)).errno());
    }
  }

  @Test
  void readsAndWritesRegionsAndConfiguration() throws IOException {
    try (VfioClient client = VfioClient.ready(socket)) {
      byte[] value = {1, 2, 3, 4, 5, 6, 7, 8};
      assertFalse(client.write(0, 0xff8, value).isError());
      ByteBuffer reply = client.read(0, 0xff8, 8).body();
      assertEquals(0xff8, reply.getLong(0));
      assertEquals(8, reply.getInt(12));
      byte[] back = new byte[8];
      reply.get(16, back);
      assertArrayEquals(value, back);
      assertEquals(0x5678_1234, client.read(7, 0, 4).body().getInt(16));
      client.write(7, 0x10, new byte[] {-1, -1, -1, -1});
      assertEquals(0xffff_f000, client.read(7, 0x10, 4).body().getInt(16), "the BAR's size");
      client.write(7, 0, new byte[] {9, 9, 9, 9});
      assertEquals(0x5678_1234, client.read(7, 0, 4).body().getInt(16), "read-only");
      client.ask(13, VfioClient.body(0));
      assertEquals(0, client.read(7, 0x10, 4).body().getInt(16), "reset");
      assertEquals(1, function.resets);
    }
  }

  @Test
  void refusesAccessesThatAreNotInsideARegion() throws IOException {
    long[][] accesses = {
      {0, BAR, 1},
      {0, BAR - 7, 8},
      {0, -1, 1},
      {0, -8, 8},
      {0, Long.MAX_VALUE, 8},
      {0, Long.MIN_VALUE, 8},
      {0, 0, -1},
      {0, 0, BAR + 1},
      {0, 0, 0x10001},
      {1, 0, 4},
      {7, 254, 4},
      {7, 256, 1},
      {8, 0, 1},
      {9, 0, 4},
      {-1, 0, 4},
      {0x7fffffff, 0, 4}
    };
    try (VfioClient client = VfioClient.ready(socket)) {
      for (long[] a : accesses) {
        String what = List.of(a[0], a[1], a[2]).toString();
        assertEquals(22, client.read((int) a[0], a[1], (int) a[2]).errno(), what);
        ByteBuffer write =
            VfioClient.body(24).putLong(a[1]).putInt((int) a[0]).putInt((int) a[2]).putLong(0);
        assertEquals(22, client.ask(10, write).errno(), what);
      }
      assertEquals(0x5678_1234, client.read(7, 0, 4).body().getInt(16), "still served");
    }
  }

  @Test
  void refusesShortBodies() throws IOException {
    int[] fixed = {0, 4, 32, 24, 0, 12, 0, 12, 20, 16, 16};
    try (VfioClient client = VfioClient.ready(socket)) {
      for (int command = 1; command < fixed.length; command++) {
        for (int size = 0; size < fixed[command]; size++) {
          VfioClient.Message reply = client.ask(command, VfioClient.body(size).position(size));
          assertTrue(reply.isError(), "command " + command + " of " + size + " bytes");
        }
      }
      ByteBuffer write = VfioClient.body(19).putLong(0).putInt(0).putInt(8).position(19);
      assertEquals(22, client.ask(10, write).errno(), "less data than it says");
    }
  }

  @Test
  void refusesUnknownCommands() throws IOException {
    try (VfioClient client = VfioClient.ready(socket)) {
      for (int command : new int[] {0, 6, 11, 12, 14, 15, 16, 0xffff}) {
        assertEquals(38, client.ask(command, VfioClient.body(0)).errno());
      }
    }
  }

  @Test
  void tellsOfMapsAndRefusesThoseThatWrap() throws IOException, InterruptedException {
    try (VfioClient client = VfioClient.ready(socket)) {
      ByteBuffer map =
          VfioClient.body(32).putInt(32).putInt(3).putLong(0).putLong(0x100000).putLong(0x2000);
      assertFalse(client.ask(2, map).isError());
      assertEquals("100000 2000 0 true", ears.maps.poll(10, TimeUnit.SECONDS));
      ByteBuffer wraps =
          VfioClient.body(32).putInt(32).putInt(3).putLong(0).putLong(-0x1000).putLong(0x1001);
      assertEquals(22, client.ask(2, wraps).errno());
      ByteBuffer empty = VfioClient.body(32).putInt(32).putInt(3).putLong(0).putLong(0).putLong(0);
      assertEquals(22, client.ask(2, empty).errno());
    }
  }

  /** The last byte of the address space can be mapped; writing is bit 1 of the flags. */
  @Test
  void tellsWhichMapsAreWritableUpToTheLastAddress() throws IOException, InterruptedException {
    try (VfioClient client = VfioClient.ready(socket)) {
      for (int flags = 0; flags < 4; flags++) {
        ByteBuffer map = VfioClient.body(32).putInt(32).putInt(flags).putLong(flags);
        assertFalse(client.ask(2, map.putLong(-0x1000).putLong(0x1000)).isError());
        assertEquals(
            "fffffffffffff000 1000 %d %b".formatted(flags, flags >= 2),
            ears.maps.poll(10, TimeUnit.SECONDS));
      }
    }
  }

  @Test
  void agreesOnTheLowerMinorVersion() throws IOException {
    for (int minor = 0; minor < 4; minor++) {
      try (VfioClient client = new VfioClient(socket)) {
        assertEquals(Math.min(minor, 1), client.version(0, minor).body().getShort(2));
      }
    }
  }

  @Test
  void tellsTheFirstRefusalsOfAClientAlone() throws IOException {
    try (VfioClient client = VfioClient.ready(socket)) {
      for (int i = 0; i < 20; i++) {
        assertEquals(38, client.ask(99, VfioClient.body(0)).errno());
      }
    }
    List<String> told = List.copyOf(ears.lines);
    assertEquals(8, told.size());
    assertTrue(told.get(7).endsWith("unknown command 99 (more are not told)"), told.get(7));
    assertTrue(told.get(6).endsWith("unknown command 99"), told.get(6));
  }

  @Test
  void aRefusalThatNobodyWaitsForIsNotAnswered() throws IOException {
    try (VfioClient client = VfioClient.ready(socket)) {
      client.send(1, 99, 0x10, 16, VfioClient.body(0));
      assertFalse(client.read(0, 4, 4).isError(), "the first reply is its own");
    }
  }

  @Test
  void answersNothingWhereNoAnswerIsWanted() throws IOException {
    try (VfioClient client = VfioClient.ready(socket)) {
      ByteBuffer write = VfioClient.body(20).putLong(4).putInt(0).putInt(4).putInt(0x1234);
      client.send(1, 10, 0x10, 16 + 20, write);
      VfioClient.Message next = client.read(0, 4, 4); // checks that the first reply is its own
      assertEquals(0x1234, next.body().getInt(16));
    }
  }

  @Test
  void writesMessagesThatNobodyAnswers() throws IOException {
    assertFalse(function.bus().writeMessage(0xfee00000L, 1), "nobody is connected");
    try (VfioClient client = VfioClient.ready(socket)) {
      assertTrue(function.bus().writeMessage(0xfee0_1000L, 0x41));
      VfioClient.Message message = client.receive();
      assertEquals(12, message.command());
      assertEquals(0x10, message.flags(), "a command without reply");
      assertEquals(0xfee0_1000L, message.body().getLong(0));
      assertEquals(4, message.body().getLong(8));
      assertEquals(0x41, message.body().getInt(16));
      ByteBuffer strayReply = VfioClient.body(0);
      client.send(message.id(), 12, 1, 16, strayReply);
      assertFalse(client.read(0, 0, 4).isError(), "a reply nobody wanted is passed over");
    }
  }

  @Test
  void endsAConnectionThatIsFramedWronglyWithOneLine() throws IOException, InterruptedException {
    int[][] headers = {
      {0, 0}, {15, 0}, {-1, 0}, {1 << 30, 0}, {VfioUser.MAX_MESSAGE + 1, 0}, {16, 5}
    };
    for (int[] header : headers) {
      try (VfioClient client = VfioClient.ready(socket)) {
        client.send(7, 4, header[1], header[0], VfioClient.body(0));
        assertThrows(EOFException.class, client::receive);
      }
      ears.left();
      String line = ears.lines.poll(10, TimeUnit.SECONDS);
      assertTrue(line != null && line.contains("expected"), line);
      assertTrue(ears.lines.isEmpty(), "one line");
    }
  }

  @Test
  void survivesASocketThatIsClosedInTheMiddleOfAMessage() throws IOException, InterruptedException {
    for (int sent = 1; sent < 40; sent += 3) {
      try (VfioClient client = VfioClient.ready(socket)) {
        ByteBuffer message = VfioClient.body(40);
        message.putShort((short) 1).putShort((short) 10).putInt(40).putInt(0).putInt(0);
        message.putLong(8).putInt(0).putInt(8).putLong(-1L).flip().limit(sent);
        client.raw(message);
      }
      ears.left();
      String line = ears.lines.poll(10, TimeUnit.SECONDS);
      assertTrue(line != null && line.contains("middle of a message"), line);
      assertEquals(0, function.bytes[8], "half a write writes nothing");
    }
  }

  @Test
  void servesTheNextClientAndResetsBetween() throws IOException, InterruptedException {
    try (VfioClient client = VfioClient.ready(socket)) {
      client.write(7, 4, new byte[] {6, 0});
      assertTrue(function.config.isBusMaster());
    }
    ears.left();
    assertFalse(function.config.isBusMaster());
    try (VfioClient client = VfioClient.ready(socket)) {
      assertEquals(0x5678_1234, client.read(7, 0, 4).body().getInt(16));
    }
    assertTrue(ears.lines.isEmpty(), "leaving between messages is no news");
  }

  @Test
  void survivesRandomMessages() throws IOException, InterruptedException {
    Random random = new Random(18);
    long[] odd = {0, 1, 7, 8, 0xfff, 0x1000, -1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 32};
    for (int connection = 0; connection < 20; connection++) {
      try (VfioClient client = VfioClient.ready(socket)) {
        for (int i = 0; i < 200; i++) {
          int size = random.nextInt(65);
          ByteBuffer body = VfioClient.body(size);
          while (body.remaining() >= 8) {
            body.putLong(
                random.nextBoolean() ? random.nextLong() : odd[random.nextInt(odd.length)]);
          }
          client.ask(random.nextInt(16), body.position(size)); // an answer to each
        }
        byte[] noise = new byte[64];
        random.nextBytes(noise);
        client.raw(ByteBuffer.wrap(noise));
      }
      ears.left();
    }
    try (VfioClient client = VfioClient.ready(socket)) {
      assertFalse(client.read(7, 0, 4).isError());
    }
  }

  @Test
  void takesOverASocketThatNobodyServesButNoOther() throws IOException {
    IOException busy =
        assertThrows(
            IOException.class, () -> new VfioUserServer(socket, new Memory(), new Ears()).close());
    assertTrue(busy.toString().contains("another server"), busy.toString());
    Path file = Files.writeString(folder.resolve("file"), "mine");
    IOException taken =
        assertThrows(
            IOException.class, () -> new VfioUserServer(file, new Memory(), new Ears()).close());
    assertTrue(taken.toString().contains("no socket"), taken.toString());
    assertEquals("mine", Files.readString(file));
  }
}
