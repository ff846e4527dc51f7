package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The NVMe controller, driven through its registers and queues. */
@Timeout(60)
final class NvmeTest {
  private static final int BLOCKS = 1024;
  private static final long DATA = 0x10_0000;
  private static final long LIST = 0x20_0000;
  private static final int DO_NOT_RETRY = 1 << 14;

  private final NvmeDriver driver = new NvmeDriver(Disk.inMemory(BLOCKS));
  private final MemoryDma memory = driver.memory;

  @AfterEach
  void end() {
    driver.controller.end();
  }

  private void fill(long at, int length, int seed) {
    for (int i = 0; i < length; i += 8) {
      memory.word(at + i, seed * 0x9e37_79b9_7f4a_7c15L + i);
    }
  }

  private void assertFilled(long at, int length, int seed, int from) {
    for (int i = 0; i < length; i += 8) {
      assertEquals(seed * 0x9e37_79b9_7f4a_7c15L + from + i, memory.word(at + i), "byte " + i);
    }
  }

  @Test
  void identifiesItselfAndItsNamespace() {
    driver.enable();
    assertEquals(0, driver.ask(0, 6, 0, DATA, 0, 1, 0, 0).status());
    byte[] text = new byte[40];
    ByteBuffer.wrap(text);
    java.lang.foreign.MemorySegment.copy(
        memory.memory, java.lang.foreign.ValueLayout.JAVA_BYTE, DATA + 24, text, 0, 40);
    assertEquals("nestwalk NVMe", new String(text, StandardCharsets.US_ASCII).strip());
    assertEquals(0x10400, memory.half(DATA + 80));
    assertEquals(0, driver.ask(0, 6, 1, DATA, 0, 0, 0, 0).status());
    assertEquals(BLOCKS, memory.word(DATA));
    assertEquals(0, driver.ask(0, 6, 0, DATA, 0, 2, 0, 0).status());
    assertEquals(1, memory.half(DATA));
    assertEquals(0, memory.half(DATA + 4));
    assertEquals(2 | DO_NOT_RETRY, driver.ask(0, 6, 0, DATA, 0, 0x1c, 0, 0).status());
  }

  @Test
  void keepsWhatIsWrittenInEveryShapeOfTransfer() {
    driver.enable().queues();
    // One page from its middle on; two pages; a list; all crossing as they may.
    fill(DATA + 0x800, 2048, 1);
    assertEquals(0, driver.write(0, 4, DATA + 0x800, 0).status());
    assertEquals(0, driver.read(0, 4, LIST + 0x600, 0).status());
    assertFilled(LIST + 0x600, 2048, 1, 0);

    fill(DATA + 0x800, 4096, 2);
    assertEquals(0, driver.write(8, 8, DATA + 0x800, DATA + 0x1000).status());
    assertEquals(0, driver.read(8, 8, LIST, 0).status());
    assertFilled(LIST, 4096, 2, 0);

    int length = NvmeTransfer.MOST;
    fill(DATA, length, 3);
    for (int i = 1; i < 32; i++) {
      memory.word(LIST + 8L * (i - 1), DATA + 4096L * i);
    }
    assertEquals(0, driver.write(100, length / 512, DATA, LIST).status());
    long back = 0x30_0000;
    // Read back through a list that begins near the end of its page, so that it chains.
    long start = LIST + 0x2000 + 4096 - 8 * 5;
    for (int i = 1; i <= 4; i++) {
      memory.word(start + 8L * (i - 1), back + 4096L * i);
    }
    memory.word(start + 8 * 4, LIST + 0x4000);
    for (int i = 5; i < 32; i++) {
      memory.word(LIST + 0x4000 + 8L * (i - 5), back + 4096L * i);
    }
    assertEquals(0, driver.read(100, length / 512, back, start).status());
    assertFilled(back, length, 3, 0);
    assertEquals(0, driver.ask(1, 0, 1, 0, 0, 0, 0, 0).status(), "flush");
    assertTrue(driver.lines().isEmpty(), driver.lines().toString());
  }

  @Test
  void endsACommandWhoseDataIsRefusedAndChangesNothing() {
    driver.enable().queues();
    fill(DATA, 8192, 4);
    assertEquals(0, driver.write(0, 16, DATA, DATA + 4096).status());
    fill(DATA, 8192, 5);
    memory.forbidden = DATA + 4096;
    assertEquals(4, driver.write(0, 16, DATA, DATA + 4096).status(), "data transfer error");
    assertEquals(4, driver.read(0, 16, DATA, DATA + 4096).status());
    memory.forbidden = -1;
    assertEquals(0, driver.read(0, 16, DATA, DATA + 4096).status());
    assertFilled(DATA, 8192, 4, 0);
    memory.forbidden = LIST;
    assertEquals(4, driver.read(0, 32, DATA, LIST).status(), "the list itself");
  }

  @Test
  void stopsWhenAQueueCannotBeReachedUntilItIsReset() {
    driver.enable().queues();
    memory.forbidden = NvmeDriver.SUBMISSIONS;
    driver.put(1, 0, 1, 0, 0, 0, 0, 0);
    driver.ring(1);
    NvmeDriver.await("fatal status", () -> (driver.register(0x1c) & 2) != 0);
    assertEquals(1, driver.lines().size());
    memory.forbidden = -1;
    driver.register(0x14, 0);
    NvmeDriver.await("disabled", () -> driver.register(0x1c) == 0);
    driver.enable().queues();
    assertEquals(0, driver.ask(1, 0, 1, 0, 0, 0, 0, 0).status());
    memory.forbidden = NvmeDriver.COMPLETIONS;
    driver.put(1, 0, 1, 0, 0, 0, 0, 0);
    driver.ring(1);
    NvmeDriver.await("fatal status", () -> (driver.register(0x1c) & 2) != 0);
  }

  @Test
  void answersBadCommandsWithTheirStatus() {
    driver.enable();
    int size = 1 | 7 << 16;
    assertEquals(0x101 | DO_NOT_RETRY, driver.ask(0, 5, 0, 0x4000, 0, 7 << 16, 1, 0).status());
    assertEquals(0x101 | DO_NOT_RETRY, driver.ask(0, 5, 0, 0x4000, 0, 99 | 7 << 16, 1, 0).status());
    assertEquals(0x102 | DO_NOT_RETRY, driver.ask(0, 5, 0, 0x4000, 0, 1, 1, 0).status());
    assertEquals(
        0x102 | DO_NOT_RETRY, driver.ask(0, 5, 0, 0x4000, 0, 1 | 256 << 16, 1, 0).status());
    assertEquals(2 | DO_NOT_RETRY, driver.ask(0, 5, 0, 0x4000, 0, size, 0, 0).status());
    assertEquals(0x13 | DO_NOT_RETRY, driver.ask(0, 5, 0, 0x4008, 0, size, 1, 0).status());
    assertEquals(
        0x108 | DO_NOT_RETRY, driver.ask(0, 5, 0, 0x4000, 0, size, 1 | 1 << 16, 0).status());
    assertEquals(
        0x100 | DO_NOT_RETRY, driver.ask(0, 1, 0, 0x3000, 0, size, 1 | 1 << 16, 0).status());
    assertEquals(0x101 | DO_NOT_RETRY, driver.ask(0, 0, 0, 0, 0, 1, 0, 0).status());
    assertEquals(0x101 | DO_NOT_RETRY, driver.ask(0, 4, 0, 0, 0, 1, 0, 0).status());
    assertEquals(1 | DO_NOT_RETRY, driver.ask(0, 0x7f, 0, 0, 0, 0, 0, 0).status());
    driver.queues();
    assertEquals(0x10c | DO_NOT_RETRY, driver.ask(0, 4, 0, 0, 0, 1, 0, 0).status());
    assertEquals(0x80 | DO_NOT_RETRY, driver.read(BLOCKS, 1, DATA, 0).status());
    assertEquals(0x80 | DO_NOT_RETRY, driver.read(BLOCKS - 1, 2, DATA, 0).status());
    assertEquals(0x80 | DO_NOT_RETRY, driver.read(-1, 1, DATA, 0).status());
    assertEquals(0x80 | DO_NOT_RETRY, driver.write(Long.MAX_VALUE, 1, DATA, 0).status());
    assertEquals(2 | DO_NOT_RETRY, driver.read(0, 257, DATA, LIST).status(), "beyond MDTS");
    assertEquals(0x0b | DO_NOT_RETRY, driver.ask(1, 2, 2, DATA, 0, 0, 0, 0).status());
    assertEquals(1 | DO_NOT_RETRY, driver.ask(1, 9, 1, DATA, 0, 0, 0, 0).status());
    assertEquals(0x13 | DO_NOT_RETRY, driver.read(0, 1, DATA + 2, 0).status());
    assertEquals(0x13 | DO_NOT_RETRY, driver.read(0, 16, DATA, DATA + 8).status());
    memory.word(LIST + 4096 - 8, LIST + 4096 - 8);
    assertEquals(
        0x13 | DO_NOT_RETRY,
        driver.read(0, 256, DATA, LIST + 4096 - 8).status(),
        "a chain that leads to itself");
    assertEquals(0, driver.ask(0, 0, 0, 0, 0, 1, 0, 0).status());
    assertEquals(0, driver.ask(0, 4, 0, 0, 0, 1, 0, 0).status());
  }

  /** SGLs (PSDT) and fused operations (FUSE) are not offered: no address is taken for another. */
  @Test
  void refusesCommandsOfAnotherShapeBeforeTheyDoAnything() {
    driver.enable().queues();
    int refused = 2 | DO_NOT_RETRY;
    for (int shape = 1; shape < 16; shape++) {
      int flags = (shape & 3) << 8 | (shape & 12) << 12;
      String what = "flags %x".formatted(flags);
      fill(DATA, 4096, shape);
      memory.word(LIST, shape);
      assertEquals(refused, driver.ask(1, 1 | flags, 1, DATA, 0, 0, 0, 7).status(), what);
      assertEquals(refused, driver.ask(1, 2 | flags, 1, LIST, 0, 0, 0, 0).status(), what);
      assertEquals(refused, driver.ask(1, flags, 1, 0, 0, 0, 0, 0).status(), what);
      assertEquals(refused, driver.ask(0, 6 | flags, 0, LIST, 0, 1, 0, 0).status(), what);
      assertEquals(refused, driver.ask(0, 2 | flags, 0, LIST, 0, 2, 0, 0).status(), what);
      assertEquals(refused, driver.ask(0, flags, 0, 0, 0, 1, 0, 0).status(), what);
      assertEquals(shape, memory.word(LIST), what);
    }
    assertEquals(0, driver.read(0, 8, DATA, 0).status(), "the queue is still there");
    assertEquals(0, memory.word(DATA), "and nothing was written");
  }

  @Test
  void refusesToIdentifyNamespacesThatItDoesNotHave() {
    driver.enable();
    int refused = 0x0b | DO_NOT_RETRY;
    assertEquals(refused, driver.ask(0, 6, 0, DATA, 0, 0, 0, 0).status());
    assertEquals(refused, driver.ask(0, 6, 2, DATA, 0, 0, 0, 0).status());
    assertEquals(refused, driver.ask(0, 6, -1, DATA, 0, 0, 0, 0).status());
    assertEquals(refused, driver.ask(0, 6, 2, DATA, 0, 3, 0, 0).status());
    assertEquals(refused, driver.ask(0, 6, -2, DATA, 0, 2, 0, 0).status());
    assertEquals(0, driver.ask(0, 6, -3, DATA, 0, 2, 0, 0).status());
  }

  @Test
  void tellsItsFeatures() {
    driver.enable();
    assertEquals(7 | 7 << 16, driver.ask(0, 9, 0, 0, 0, 7, 0, 0).result());
    assertEquals(1, driver.ask(0, 10, 0, 0, 0, 6, 0, 0).result());
    assertEquals(0, driver.ask(0, 9, 0, 0, 0, 0xb, 0x1234, 0).status());
    assertEquals(0x1234, driver.ask(0, 10, 0, 0, 0, 0xb, 0, 0).result());
    assertEquals(2 | DO_NOT_RETRY, driver.ask(0, 10, 0, 0, 0, 0xc0, 0, 0).status());
    assertEquals(0, driver.ask(0, 2, 0, DATA, 0, 2 | 127 << 16, 0, 0).status());
    assertEquals(300, memory.half(DATA + 1) & 0xffff, "temperature in the health log");
    assertEquals(0x109 | DO_NOT_RETRY, driver.ask(0, 2, 0, DATA, 0, 0xd0, 0, 0).status());
    assertEquals(2 | DO_NOT_RETRY, driver.ask(0, 2, 0, DATA, 0, 2 | -1 << 16, -1, 0).status());
  }

  @Test
  void waitsForRoomInACompletionQueue() {
    driver.enable().queues();
    for (int i = 0; i < NvmeDriver.ENTRIES - 1; i++) {
      driver.put(1, 0, 1, 0, 0, 0, 0, 0);
    }
    driver.ring(1);
    for (int i = 0; i < NvmeDriver.ENTRIES - 1; i++) {
      driver.take(1);
    }
    long done = driver.controller.counters.commands.sum();
    driver.put(1, 0, 1, 0, 0, 0, 0, 0); // its completion would meet the head
    driver.ring(1);
    driver.register(0x10, 0); // wakes it once more
    assertEquals(0, driver.ask(0, 10, 0, 0, 0, 1, 0, 0).status(), "the admin queue goes on");
    assertEquals(done + 1, driver.controller.counters.commands.sum());
    driver.release(1);
    assertEquals(0, driver.take(1).status());
  }

  @Test
  void sendsOneMessagePerBatchAndNoneWhileMasked() throws InterruptedException {
    driver.enable();
    memory.messages.clear();
    driver.ask(0, 10, 0, 0, 0, 1, 0, 0);
    assertEquals(0x41, memory.messages.poll(10, TimeUnit.SECONDS));
    driver.register(0x0c, 1);
    driver.ask(0, 10, 0, 0, 0, 1, 0, 0);
    assertNull(memory.messages.poll(50, TimeUnit.MILLISECONDS));
    driver.register(0x10, 1);
    assertEquals(0x41, memory.messages.poll(10, TimeUnit.SECONDS), "unmasked");
    driver.controller.writeConfig(0x42, new byte[] {0, 0});
    driver.ask(0, 10, 0, 0, 0, 1, 0, 0);
    assertNull(memory.messages.poll(50, TimeUnit.MILLISECONDS), "MSI switched off");
  }

  @Test
  void holdsEventRequestsAndShutsDown() {
    driver.enable();
    for (int i = 0; i < NvmePages.EVENT_REQUESTS; i++) {
      driver.put(0, 0x0c, 0, 0, 0, 0, 0, 0);
    }
    driver.ring(0);
    assertEquals(0x105 | DO_NOT_RETRY, driver.ask(0, 0x0c, 0, 0, 0, 0, 0, 0).status());
    driver.register(0x14, driver.register(0x14) | 1 << 14);
    NvmeDriver.await("shut down", () -> (driver.register(0x1c) & 0xc) == 8);
  }

  @Test
  void refusesToStartWithQueuesItCannotHave() {
    long[][] settings = {
      {1 << 7, 7, 7, 0x1000},
      {1 << 4, 7, 7, 0x1000},
      {0, 0, 7, 0x1000},
      {0, 7, 0, 0x1000},
      {0, 7, 7, 0x1008}
    };
    for (long[] s : settings) {
      driver.register(0x24, (int) (s[1] | s[2] << 16));
      driver.wide(0x28, s[3]);
      driver.wide(0x30, 0x2000);
      driver.register(0x14, (int) (1 | s[0]));
      NvmeDriver.await("fatal", () -> (driver.register(0x1c) & 3) == 2);
      driver.register(0x14, 0);
      NvmeDriver.await("reset", () -> driver.register(0x1c) == 0);
    }
  }

  @Test
  void survivesWhateverAGuestWrites() {
    Random random = new Random(1818);
    for (int round = 0; round < 40; round++) {
      driver.enable();
      for (int i = 0; i < 200; i++) {
        switch (random.nextInt(4)) {
          case 0 -> {
            int at = 0x1000 + 16 * random.nextInt(0x100);
            memory.word(at, random.nextLong());
            memory.word(at + 8, random.nextLong() >>> random.nextInt(64));
          }
          case 1 -> driver.register(0x1000 + 4 * random.nextInt(24), random.nextInt(40));
          case 2 -> driver.register(random.nextInt(0x40) & ~3, random.nextInt());
          default -> {
            byte[] value = new byte[1 << random.nextInt(4)];
            random.nextBytes(value);
            driver.controller.write(0, random.nextInt(0x4000 - 8), value);
            driver.controller.read(0, random.nextInt(0x4000 - 8), value);
          }
        }
      }
      driver.register(0x14, 0);
      NvmeDriver.await("reset", () -> (driver.register(0x1c) & 3) == 0);
    }
    driver.enable().queues();
    assertEquals(0, driver.ask(1, 0, 1, 0, 0, 0, 0, 0).status());
  }

  @Test
  void keepsAFileOfWholeBlocksAndNothingElse(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("disk");
    assertThrows(IOException.class, () -> Disk.file(file).close(), "missing");
    Files.write(file, new byte[1000]);
    assertThrows(IOException.class, () -> Disk.file(file).close(), "no whole blocks");
    byte[] before = new byte[64 * 512];
    new Random(7).nextBytes(before);
    Files.write(file, before);
    try (Disk disk = Disk.file(file)) {
      assertThrows(IOException.class, () -> Disk.file(file).close(), "in use");
      NvmeDriver other = new NvmeDriver(disk).enable().queues();
      other.memory.word(DATA, 0x1122334455667788L);
      assertEquals(0, other.write(5, 1, DATA, 0).status());
      assertEquals(0, other.ask(1, 0, 1, 0, 0, 0, 0, 0).status());
      Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 10 * 512));
      assertEquals(0x281, other.read(20, 1, DATA, 0).status(), "the file became shorter");
      assertEquals(1, other.lines().size());
      assertEquals(0, other.read(5, 1, DATA + 4096, 0).status());
      assertEquals(0x1122334455667788L, other.memory.word(DATA + 4096));
      other.controller.end();
    }
    byte[] after = Files.readAllBytes(file);
    assertNotEquals(before[5 * 512], after[5 * 512]);
    assertFalse(Arrays.equals(before, after));
    System.arraycopy(before, 5 * 512, after, 5 * 512, 512);
    assertTrue(
        Arrays.equals(Arrays.copyOf(before, after.length), after), "other blocks are as before");
  }
}
