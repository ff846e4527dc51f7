package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.dma.Completion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Without Bus Master Enable no function makes a request (PCI Express Base 5.0, 7.5.1.1.3). */
@Timeout(60)
final class BusMasterTest {
  private static final long DATA = 0x10_0000;
  private static final long LIST = 0x20_0000;
  private static final int PAGE = 4096;
  private static final byte[] ON = {6, 0};
  private static final byte[] OFF = {2, 0};

  /** Of a write of three pages: the command, a page, the list, two pages, completion, message. */
  private static final int REQUESTS = 7;

  private final NvmeDriver driver = new NvmeDriver(Disk.inMemory(64));
  private final MemoryDma memory = driver.memory;
  private final AtomicInteger requests = new AtomicInteger();
  private final List<Integer> violations = new CopyOnWriteArrayList<>();

  @AfterEach
  void end() {
    driver.controller.end();
    assertEquals(List.of(), violations, "requests without Bus Master Enable");
    assertEquals(List.of(), driver.lines());
  }

  private void busMaster(byte[] command) {
    driver.controller.writeConfig(4, command);
  }

  /** Makes the queues, and returns when the controller has no request left to make. */
  private void ready() throws InterruptedException {
    driver.register(Nvme.INTMS, 1);
    driver.enable().queues();
    driver.register(Nvme.INTMC, 1);
    assertEquals(0x41, memory.messages.poll(10, TimeUnit.SECONDS));
  }

  /** Counts requests, and clears the bit during one of them; 0 clears it now. */
  private void clearDuring(int last) {
    requests.set(0);
    memory.messages.clear();
    memory.before =
        () -> {
          int number = requests.incrementAndGet();
          if (!driver.controller.config.isBusMaster()) {
            violations.add(number);
          }
          if (number == last) {
            busMaster(OFF);
          }
        };
    if (last == 0) {
      busMaster(OFF);
    }
  }

  /** Rings for a write of three pages, and returns when the bit has been cleared during it. */
  private void writeUntilHeld(int last) throws InterruptedException {
    for (long page = 0; page < 3; page++) {
      memory.word(DATA + PAGE * page, 0x1111L * (page + 1));
      memory.word(LIST + 8 * page, DATA + PAGE * (page + 1));
    }
    clearDuring(last);
    driver.put(1, 1, 1, DATA, LIST, 8, 0, 3 * 8 - 1);
    driver.ring(1);
    NvmeDriver.await("cleared", () -> !driver.controller.config.isBusMaster());
    Thread.sleep(10);
    assertEquals(last, requests.get(), "no request follows");
  }

  static Stream<Integer> requests() {
    return Stream.iterate(0, n -> n <= REQUESTS, n -> n + 1);
  }

  @ParameterizedTest
  @MethodSource("requests")
  void aCommandGoesOnWhereItWasWhenTheBitIsSetAgain(int last) throws InterruptedException {
    ready();
    writeUntilHeld(last);
    busMaster(ON);
    assertEquals(0, driver.take(1).status());
    driver.release(1);
    assertEquals(0x41, memory.messages.poll(10, TimeUnit.SECONDS), "one message");
    NvmeDriver.await("all of it", () -> requests.get() == REQUESTS);
    assertEquals(0, driver.read(8, 24, DATA + 0x10000, LIST + PAGE).status());
    assertEquals(0x1111, memory.word(DATA + 0x10000));
  }

  @ParameterizedTest
  @MethodSource("requests")
  void aControllerThatIsDisabledMeanwhileForgetsWhatItHeld(int last) throws InterruptedException {
    ready();
    writeUntilHeld(last);
    driver.register(Nvme.CC, 0);
    NvmeDriver.await("disabled", () -> driver.register(Nvme.CSTS) == 0);
    memory.memory.asSlice(NvmeDriver.COMPLETIONS, PAGE).fill((byte) 0);
    int before = requests.get();
    busMaster(ON);
    driver.enable();
    assertEquals(before, requests.get());
    assertEquals(0, memory.half(NvmeDriver.COMPLETIONS + 12));
    driver.queues();
    assertEquals(0, driver.ask(1, 0, 1, 0, 0, 0, 0, 0).status());
  }

  @ParameterizedTest
  @MethodSource("requests")
  void aControllerShutsDownWithoutIt(int last) throws InterruptedException {
    ready();
    writeUntilHeld(last);
    driver.register(Nvme.CC, driver.register(Nvme.CC) | 1 << 14);
    NvmeDriver.await("shut down", () -> (driver.register(Nvme.CSTS) & 0xc) == 8);
    busMaster(ON);
    // A completion that was written before is still told by its message.
    int all = last == REQUESTS - 1 ? REQUESTS : last;
    NvmeDriver.await("no more", () -> requests.get() == all);
    Thread.sleep(10);
    assertEquals(all, requests.get());
  }

  /** As the client's reset does, or its end. */
  @ParameterizedTest
  @MethodSource("requests")
  void aFunctionThatIsResetMakesNoRequest(int last) throws InterruptedException {
    ready();
    writeUntilHeld(last);
    driver.controller.resetAll();
    NvmeDriver.await("reset", () -> driver.register(Nvme.CSTS) == 0);
    busMaster(ON);
    driver.enable();
    assertEquals(last, requests.get());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 6})
  void aThreadWhoseRequestIsHeldEnds(int last) throws InterruptedException {
    ready();
    writeUntilHeld(last);
    driver.controller.end();
    busMaster(ON);
    Thread.sleep(10);
    assertEquals(last, requests.get(), "nobody is left that goes on");
  }

  /** The message is the one that the guest has set up by then. */
  @Test
  void anInterruptThatIsDueIsSentWhenTheBitIsSet() throws InterruptedException {
    driver.enable();
    driver.register(Nvme.INTMS, 1);
    assertEquals(0, driver.ask(0, 10, 0, 0, 0, 1, 0, 0).status());
    clearDuring(0);
    driver.register(Nvme.INTMC, 1);
    Thread.sleep(10);
    driver.controller.writeConfig(0x4c, new byte[] {0x42, 0});
    busMaster(ON);
    assertEquals(0x42, memory.messages.poll(10, TimeUnit.SECONDS));
  }

  /** A kernel that has cleared the bit may use the memory at once. */
  @Test
  void clearingItWaitsForTheRequestThatIsUnderWay() throws InterruptedException {
    driver.enable().queues();
    CountDownLatch begun = new CountDownLatch(1);
    AtomicInteger ended = new AtomicInteger();
    memory.before =
        () -> {
          begun.countDown();
          sleep(50);
          ended.incrementAndGet();
        };
    driver.put(1, 0, 1, 0, 0, 0, 0, 0);
    driver.ring(1);
    begun.await();
    busMaster(OFF);
    int then = ended.get();
    assertEquals(1, then, "the request is over");
    Thread.sleep(10);
    assertEquals(then, ended.get());
  }

  /** The guest may have to resume it first (SMMUv3 stall). */
  @Test
  void clearingItDoesNotWaitForeverForARequestThatTheUnitHolds() throws InterruptedException {
    ready();
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch resumed = new CountDownLatch(1);
    memory.before =
        () -> {
          begun.countDown();
          await(resumed);
        };
    driver.put(1, 0, 1, 0, 0, 0, 0, 0);
    driver.ring(1);
    begun.await();
    busMaster(OFF);
    memory.before = () -> violations.add(0);
    resumed.countDown();
    Thread.sleep(10);
    assertEquals(List.of(), violations, "what follows is held");
    memory.before = () -> {};
    busMaster(ON);
    assertEquals(0, driver.take(1).status());
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void sleep(int millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void aRequestThatIsNotHeldIsRefusedWhateverItIs() {
    PciConfig config = new PciConfig(PciConfig.CONVENTIONAL, 1, 2, 3);
    Dma dma = new BusMaster(config).guard(memory, false, () -> true);
    MemorySegment word = Arena.ofAuto().allocate(8);
    clearDuring(-1);
    assertEquals(0, dma.read(DATA, word));
    assertEquals(0, dma.write(DATA, word));
    assertEquals(0, dma.write(MemoryDma.MESSAGES, word));
    assertFalse(dma.atomic(DATA, 8, Dma.Atomic.SWAP, 1, 2, new long[1]));
    assertEquals(
        Completion.UNSUPPORTED_REQUEST, AtsReply.status(dma.requestTranslation(DATA, Access.READ)));
    assertEquals(0, dma.moveTranslated(DATA, word, false));
    assertEquals(0, dma.moveTranslated(DATA, word, true));
    assertFalse(dma.requestPage(DATA, Access.READ));
    assertEquals(0, dma.refusal(), "no unit refused it");
    assertEquals(0, requests.get());

    config.write(4, ON);
    assertEquals(8, dma.read(DATA, word));
    assertEquals(8, dma.write(DATA, word));
    assertTrue(dma.atomic(DATA, 8, Dma.Atomic.SWAP, 1, 2, new long[1]));
    assertEquals(Completion.SUCCESS, AtsReply.status(dma.requestTranslation(DATA, Access.READ)));
    assertEquals(8, dma.moveTranslated(DATA, word, false));
    assertEquals(8, dma.moveTranslated(DATA, word, true));
    assertTrue(dma.requestPage(DATA, Access.READ));
    assertEquals(0x71, dma.refusal(), "the unit's");
  }

  /** The guest clears the bit after the function has looked at it. */
  @Test
  void theTestFunctionsCommandsAreRefusedHoweverLateItIsCleared() {
    for (int command = 1; command <= 11; command++) {
      TestFunction[] made = new TestFunction[1];
      Consumer<String> nobody = line -> {};
      TestFunction function =
          new TestFunction(
              "test",
              TestFunction.CLASS,
              0x20,
              (source, pasid) -> {
                made[0].writeConfig(4, OFF);
                return memory;
              },
              nobody);
      made[0] = function;
      function.writeConfig(4, ON);
      byte[] word = new byte[4];
      PciFunction.put(command, word);
      clearDuring(-1);
      function.write(0, TestFunction.COMMAND, word);
      NvmeDriver.await(
          "status",
          () -> {
            function.read(0, TestFunction.STATUS, word);
            return PciFunction.value(word) != TestFunction.BUSY;
          });
      assertEquals(TestFunction.REFUSED, PciFunction.value(word) & 0xff, "command " + command);
      assertEquals(0, requests.get(), "command " + command);
      function.end();
    }
  }
}
