package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What an NVMe controller keeps, and what it forgets, as queues go round and come back. */
class NvmeEdgesTest {
  private static final long DATA = 0x10_0000;
  private static final long LIST = 0x20_0000;
  private static final int DO_NOT_RETRY = 1 << 14;

  private final NvmeDriver driver = new NvmeDriver(Disk.inMemory(64));

  @AfterEach
  void end() {
    driver.controller.end();
  }

  /** Each completion has the phase of its round: 1, 0, 1 and so on. */
  @Test
  void thePhaseTurnsWithEachRoundOfACompletionQueue() {
    driver.enable().queues();
    for (int i = 0; i < 5 * NvmeDriver.ENTRIES; i++) {
      assertEquals(0, driver.read(i, 1, DATA, 0).status(), "command " + i);
    }
  }

  @Test
  void noFeatureCanBeSaved() {
    driver.enable();
    int saved = 1 << 31;
    assertEquals(2 | DO_NOT_RETRY, driver.ask(0, 9, 0, 0, 0, 0xb | saved, 0x1234, 0).status());
    assertEquals(0, driver.ask(0, 10, 0, 0, 0, 0xb, 0, 0).result(), "nor is it set");
  }

  /**
   * An engine that saw CC.EN without its reset would be ready, and then reset itself and lose the
   * doorbells that were rung meanwhile.
   */
  @Test
  void aChangeOfEnableIsSeenWithItsReset() throws InterruptedException {
    driver.controller.end();
    AtomicBoolean ends = new AtomicBoolean();
    Thread guest =
        new Thread(
            () -> {
              for (int i = 1; !ends.get(); i ^= 1) {
                driver.register(Nvme.CC, i);
              }
            });
    guest.start();
    int torn = 0;
    for (int i = 0; i < 1_000_000; i++) {
      Nvme.Control now = driver.controller.control();
      torn += (now.resets() & 1) != 0 == now.isEnabled() ? 0 : 1;
    }
    ends.set(true);
    guest.join();
    assertEquals(0, torn);
  }

  /** Of a read of three pages: the command, two pages, the list, a page, completion, message. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7})
  void anErrorOfOursIsFatalUntilAResetAndIsTold(int last) {
    driver.enable().queues();
    driver.memory.word(LIST, DATA + 4096);
    driver.memory.word(LIST + 8, DATA + 8192);
    AtomicInteger requests = new AtomicInteger();
    driver.register(Nvme.INTMS, 1);
    driver.memory.before =
        () -> {
          if (requests.incrementAndGet() == last) {
            throw new IllegalStateException("odd");
          }
        };
    driver.put(1, 2, 1, DATA, LIST, 0, 0, 23);
    driver.ring(1);
    driver.register(Nvme.INTMC, 1);
    NvmeDriver.await("fatal", () -> (driver.register(Nvme.CSTS) & Nvme.FATAL) != 0);
    NvmeDriver.await("a line", () -> !driver.lines().isEmpty());
    assertEquals(
        List.of("nvme-test: internal error: java.lang.IllegalStateException: odd"), driver.lines());
    driver.register(Nvme.CC, 0);
    NvmeDriver.await("reset", () -> driver.register(Nvme.CSTS) == 0);
    driver.enable().queues();
    assertEquals(0, driver.read(0, 1, DATA, 0).status());
  }

  @Test
  void aResetForgetsFeatures() {
    driver.enable();
    assertEquals(0, driver.ask(0, 9, 0, 0, 0, 0xb, 0x1234, 0).status());
    driver.register(0x14, 0);
    NvmeDriver.await("reset", () -> driver.register(0x1c) == 0);
    driver.enable();
    assertEquals(0, driver.ask(0, 10, 0, 0, 0, 0xb, 0, 0).result());
  }

  /** Its tail is 0 whatever was rung for the queue that had its number before. */
  @Test
  void aQueueThatIsMadeAgainBeginsEmpty() {
    driver.enable().queues();
    for (int i = 0; i < 3; i++) {
      assertEquals(0, driver.read(i, 1, DATA, 0).status());
    }
    assertEquals(0, driver.ask(0, 0, 0, 0, 0, 1, 0, 0).status());
    assertEquals(0, driver.ask(0, 4, 0, 0, 0, 1, 0, 0).status());
    // Old entries of the submission queue would be carried out once more, and fill the new one.
    driver.queues();
    assertEquals(0, driver.memory.half(NvmeDriver.COMPLETIONS + 12), "nothing is complete");
    assertEquals(0, driver.read(7, 1, DATA, 0).status());
    assertEquals(0, driver.memory.half(NvmeDriver.COMPLETIONS + 16 + 12), "one is");
  }

  @ParameterizedTest
  @CsvSource({"1008, 2000", "1000, 2008", "1800, 2000", "1000, 2800"})
  void adminQueuesBeginWithAPage(String submissions, String completions) {
    driver.register(0x24, 7 | 7 << 16);
    driver.wide(0x28, Long.parseLong(submissions, 16));
    driver.wide(0x30, Long.parseLong(completions, 16));
    driver.register(0x14, 1);
    NvmeDriver.await("fatal", () -> (driver.register(0x1c) & 3) == 2);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 256, 511, 513, 768})
  void aDiskIsMadeOfWholeBlocks(int bytes, @TempDir Path folder) throws IOException {
    Path file = folder.resolve("disk");
    Files.write(file, new byte[bytes]);
    assertThrows(IOException.class, () -> Disk.file(file).close());
    Files.write(file, new byte[512]);
    Disk.file(file).close();
  }
}
