package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The function that does the DMA it is asked for. */
@Timeout(60)
final class TestFunctionTest {
  private final MemoryDma memory = new MemoryDma();
  private final List<String> opened = new ArrayList<>();
  private final List<String> lines = new CopyOnWriteArrayList<>();

  /** Runs on the device's thread, after it has taken a command and before its request. */
  private volatile Runnable opening = () -> {};

  private final TestFunction function =
      new TestFunction(
          "test",
          TestFunction.CLASS,
          0x20,
          (source, pasid) -> {
            opening.run();
            opened.add("%x %d".formatted(source, pasid));
            return memory;
          },
          lines::add);

  TestFunctionTest() {
    function.writeConfig(4, new byte[] {6, 0});
  }

  @AfterEach
  void end() {
    function.end();
    assertTrue(lines.isEmpty(), lines.toString());
  }

  private void set(int offset, int size, long value) {
    byte[] bytes = new byte[size];
    PciFunction.put(value, bytes);
    function.write(0, offset, bytes);
  }

  private long get(int offset, int size) {
    byte[] bytes = new byte[size];
    function.read(0, offset, bytes);
    return PciFunction.value(bytes);
  }

  private int run(int command) {
    set(TestFunction.COMMAND, 4, command);
    NvmeDriver.await("status", () -> get(TestFunction.STATUS, 4) != TestFunction.BUSY);
    return (int) get(TestFunction.STATUS, 4);
  }

  @Test
  void readsAndWritesEverySize() {
    assertEquals(TestFunction.IDENTITY, get(0, 8));
    memory.word(0x1000, 0x8877665544332211L);
    set(TestFunction.ADDRESS, 8, 0x1000);
    for (int size = 1; size <= 8; size *= 2) {
      set(TestFunction.SIZE, 4, size);
      set(TestFunction.DATA, 8, 0);
      assertEquals(TestFunction.DONE, run(1));
      long mask = size == 8 ? -1 : (1L << 8 * size) - 1;
      assertEquals(0x8877665544332211L & mask, get(TestFunction.DATA, 8));
    }
    for (int size = 1; size <= 8; size *= 2) {
      memory.word(0x1000, 0);
      set(TestFunction.SIZE, 4, size);
      set(TestFunction.DATA, 8, -1);
      assertEquals(TestFunction.DONE, run(2));
      assertEquals(size == 8 ? -1 : (1L << 8 * size) - 1, memory.word(0x1000));
    }
    assertEquals(8, get(TestFunction.COUNT, 8));
    assertEquals(List.of("20 -1"), opened, "one way for requests without PASID");
  }

  @Test
  void doesAtomicOperations() {
    set(TestFunction.ADDRESS, 8, 0x2000);
    memory.word(0x2000, 40);
    set(TestFunction.DATA, 8, 2);
    assertEquals(TestFunction.DONE, run(3));
    assertEquals(42, memory.word(0x2000));
    assertEquals(40, get(TestFunction.DATA, 8), "what was there");
    set(TestFunction.DATA, 8, 7);
    assertEquals(TestFunction.DONE, run(4));
    assertEquals(7, memory.word(0x2000));
    set(TestFunction.EXPECTED, 8, 8);
    set(TestFunction.DATA, 8, 9);
    assertEquals(TestFunction.DONE, run(5));
    assertEquals(7, memory.word(0x2000), "not as expected");
    set(TestFunction.EXPECTED, 8, 7);
    set(TestFunction.DATA, 8, 9);
    assertEquals(TestFunction.DONE, run(5));
    assertEquals(9, memory.word(0x2000));
  }

  @Test
  void tellsRefusalsWithTheirCode() {
    set(TestFunction.ADDRESS, 8, -8);
    assertEquals(TestFunction.REFUSED | 0x71 << 8, run(1));
    assertEquals(TestFunction.REFUSED | 0x71 << 8, run(2));
    assertEquals(TestFunction.REFUSED | 0x71 << 8, run(3));
    function.writeConfig(4, new byte[] {2, 0});
    assertEquals(TestFunction.REFUSED, run(1), "no bus master");
  }

  @Test
  void asksForTranslationsAndUsesThem() {
    set(TestFunction.ADDRESS, 8, 0x3008);
    assertEquals(TestFunction.DONE, run(6));
    assertEquals(0x3000 | 12 << 4 | 3, get(TestFunction.DATA, 8));
    assertEquals(TestFunction.DONE, run(7));
    assertEquals(0x3000 | 12 << 4 | 1, get(TestFunction.DATA, 8));
    set(TestFunction.DATA, 8, 77);
    assertEquals(TestFunction.DONE, run(9));
    assertEquals(77, memory.word(0x3008));
    memory.word(0x3008, 78);
    assertEquals(TestFunction.DONE, run(8));
    assertEquals(78, get(TestFunction.DATA, 8));
    set(TestFunction.ADDRESS, 8, 0xfee0_0000L);
    assertEquals(TestFunction.DONE, run(6));
    assertEquals(12 << 4 | 4 | 2, get(TestFunction.DATA, 8), "untranslated, write, no address");
    set(TestFunction.ADDRESS, 8, -8);
    assertEquals(TestFunction.REFUSED | 4 << 8, run(6), "completer abort");
    assertEquals(TestFunction.REFUSED | 0x71 << 8, run(8));
  }

  @Test
  void withoutBusMasterNoCommandReachesTheBus() {
    set(TestFunction.ADDRESS, 8, 0x3008);
    function.writeConfig(4, new byte[] {2, 0});
    for (int command = 1; command <= 11; command++) {
      assertEquals(TestFunction.REFUSED, run(command), "command " + command);
    }
    assertEquals(List.of(), opened);
    assertEquals(0, get(TestFunction.COUNT, 8));
  }

  @Test
  void atomicOperandsAreAlignedToTheirSize() {
    for (int size = 4; size <= 8; size *= 2) {
      set(TestFunction.SIZE, 4, size);
      for (int at = 0; at < 8; at++) {
        set(TestFunction.ADDRESS, 8, 0x2000 + at);
        int expected = at % size == 0 ? TestFunction.DONE : TestFunction.BAD;
        for (int command = 3; command <= 5; command++) {
          assertEquals(expected, run(command), size + " bytes at " + at);
        }
      }
    }
  }

  @Test
  void halvesOfWideRegistersAreWrittenByThemselves() {
    for (int register :
        new int[] {TestFunction.ADDRESS, TestFunction.DATA, TestFunction.EXPECTED}) {
      set(register, 8, 0x1111_1111_2222_2222L);
      set(register, 4, 0xffff_fffeL);
      assertEquals(0x1111_1111_ffff_fffeL, get(register, 8));
      set(register + 4, 4, 0x8000_0001L);
      assertEquals(0x8000_0001_ffff_fffeL, get(register, 8));
      assertEquals(0x8000_0001L, get(register + 4, 4));
    }
  }

  @Test
  void aResetTakesBackPasidAndSize() {
    long before = get(TestFunction.PASID, 8);
    set(TestFunction.PASID, 4, 5);
    set(TestFunction.SIZE, 4, 2);
    assertEquals(5 | 2L << 32, get(TestFunction.PASID, 8));
    function.reset();
    assertEquals(before, get(TestFunction.PASID, 8));
    assertEquals(8L << 32 | 0x8000_0000L, before);
  }

  @Test
  void asksForPagesAndCountsAnswers() {
    set(TestFunction.ADDRESS, 8, 0x5123);
    assertEquals(TestFunction.DONE, run(10));
    assertEquals(TestFunction.DONE, run(11));
    assertEquals(List.of("5123 1", "5123 3"), memory.pageRequests);
    assertEquals(0, get(TestFunction.RESPONSES, 8));
    function.pageResponse(0);
    function.pageResponse(15);
    assertEquals(2, get(TestFunction.RESPONSES, 4));
    assertEquals(15, get(TestFunction.RESPONSES + 4, 4));
    function.dropTranslations();
    assertEquals(1, get(TestFunction.INVALIDATIONS, 8));
    function.reset();
    assertEquals(0, get(TestFunction.RESPONSES, 8));
    assertEquals(0, get(TestFunction.INVALIDATIONS, 8));
  }

  @Test
  void invalidationsWaitForTranslatedAccesses() throws InterruptedException {
    set(TestFunction.ADDRESS, 8, 0x3008);
    memory.gate = new CountDownLatch(1);
    set(TestFunction.COMMAND, 4, 8);
    NvmeDriver.await("the access has begun", () -> memory.waiting);
    Thread unit = new Thread(function::dropTranslations);
    unit.start();
    unit.join(50);
    assertTrue(unit.isAlive(), "an address from before is in use");
    memory.gate.countDown();
    unit.join();
    NvmeDriver.await("status", () -> get(TestFunction.STATUS, 4) == TestFunction.DONE);
    assertEquals(1, get(TestFunction.INVALIDATIONS, 8));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 8, 9})
  void aCommandUsesWhatTheRegistersHeldWhenItWasWritten(int command) {
    for (int size : new int[] {-1, 0, 3, 9, 16, 1 << 30 | 1}) {
      memory.word(0x2000, 40);
      memory.word(0x2008, 41);
      set(TestFunction.PASID, 4, size & 0xfffff); // another one, which is opened
      set(TestFunction.ADDRESS, 8, 0x2000);
      set(TestFunction.SIZE, 4, 8);
      set(TestFunction.DATA, 8, 40);
      set(TestFunction.EXPECTED, 8, 40);
      opening =
          () -> {
            set(TestFunction.SIZE, 4, size);
            set(TestFunction.ADDRESS, 8, 0x2003);
            set(TestFunction.DATA, 8, 5);
            set(TestFunction.EXPECTED, 8, 6);
            set(TestFunction.PASID, 4, 0x12345);
            set(TestFunction.COMMAND, 4, 2);
          };
      assertEquals(TestFunction.DONE, run(command), "with size " + size);
      opening = () -> {};
      assertEquals(command == 3 ? 80 : 40, memory.word(0x2000));
      assertEquals(41, memory.word(0x2008));
      boolean answers = command != 2 && command != 9;
      assertEquals(answers ? 40 : 5, get(TestFunction.DATA, 8), "an answer, or what was written");
      assertEquals(0x2003, get(TestFunction.ADDRESS, 8));
      assertEquals("20 " + (size & 0xfffff), opened.get(opened.size() - 1));
    }
  }

  @Test
  void aResetEndsACommandThatIsHeld() {
    memory.word(0x3008, 99);
    set(TestFunction.ADDRESS, 8, 0x3008);
    CountDownLatch gate = new CountDownLatch(1);
    memory.gate = gate;
    set(TestFunction.COMMAND, 4, 8);
    NvmeDriver.await("the access has begun", () -> memory.waiting);
    function.reset();
    assertEquals(0, get(TestFunction.COMMAND, 8));
    set(TestFunction.ADDRESS, 8, 0x1000);
    set(TestFunction.DATA, 8, 7);
    set(TestFunction.COMMAND, 4, 2);
    assertEquals(TestFunction.BUSY, get(TestFunction.STATUS, 4));
    gate.countDown();
    NvmeDriver.await("status", () -> get(TestFunction.STATUS, 4) != TestFunction.BUSY);
    assertEquals(TestFunction.DONE, get(TestFunction.STATUS, 4));
    assertEquals(7, memory.word(0x1000), "the command after the reset was carried out");
    assertEquals(7, get(TestFunction.DATA, 8), "and what the other one read is forgotten");
    assertEquals(1, get(TestFunction.COUNT, 8));
  }

  @Test
  void aResetBeforeTheRequestIsMadeBarsIt() throws InterruptedException {
    CountDownLatch over = new CountDownLatch(1);
    set(TestFunction.ADDRESS, 8, 0x1000);
    set(TestFunction.DATA, 8, 7);
    opening =
        () -> {
          function.reset();
          over.countDown();
        };
    set(TestFunction.COMMAND, 4, 2);
    over.await();
    opening = () -> {};
    set(TestFunction.ADDRESS, 8, 0x1008);
    assertEquals(TestFunction.DONE, run(1));
    assertEquals(0, memory.word(0x1000));
    assertEquals(1, get(TestFunction.COUNT, 8));
  }

  /** No guest waits for a command that went wrong here, and the function goes on. */
  @Test
  void anErrorOfOursEndsTheCommandAndIsTold() {
    List<Throwable> errors =
        List.of(
            new IllegalStateException("odd"),
            new IndexOutOfBoundsException("far"),
            new InternalError("the file is shorter"),
            new StackOverflowError());
    set(TestFunction.ADDRESS, 8, 0x1000);
    for (Throwable error : errors) {
      memory.before = () -> sneak(error);
      for (int command = 1; command <= 11; command++) {
        assertEquals(TestFunction.FAILED, run(command), error + " in command " + command);
      }
      memory.before = () -> {};
      assertEquals(TestFunction.DONE, run(1));
    }
    opening = () -> sneak(errors.get(0));
    set(TestFunction.PASID, 4, 1);
    assertEquals(TestFunction.FAILED, run(1));
    opening = () -> {};
    assertEquals(TestFunction.DONE, run(1));
    NvmeDriver.await("lines", () -> lines.size() == 8);
    assertEquals("test: internal error: java.lang.IllegalStateException: odd", lines.get(0));
    assertTrue(lines.get(7).endsWith("odd (more are not told)"), lines.get(7));
    lines.clear();
  }

  @SuppressWarnings("unchecked")
  private static <T extends Throwable> void sneak(Throwable error) throws T {
    throw (T) error;
  }

  @Test
  void usesPasids() {
    for (int pasid : new int[] {5, 0, 5, 0xf_ffff, 0x7fff_ffff}) {
      set(TestFunction.PASID, 4, pasid);
      assertEquals(TestFunction.DONE, run(1));
    }
    assertEquals(List.of("20 5", "20 0", "20 1048575"), opened);
  }

  @Test
  void refusesCommandsThatItDoesNotKnow() {
    for (int command : new int[] {0, 12, -1}) {
      assertEquals(TestFunction.BAD, run(command));
    }
    set(TestFunction.SIZE, 4, 3);
    assertEquals(TestFunction.BAD, run(1));
    set(TestFunction.SIZE, 4, 2);
    assertEquals(TestFunction.BAD, run(3), "no atomic operation of two bytes");
    assertTrue(opened.isEmpty());
  }

  @Test
  void survivesWhateverAGuestWrites() {
    Random random = new Random(19);
    for (int i = 0; i < 20_000; i++) {
      byte[] value = new byte[1 << random.nextInt(4)];
      random.nextBytes(value);
      function.write(0, random.nextInt(0x40), value);
      function.read(0, random.nextInt(0x40), value);
    }
    function.reset();
    NvmeDriver.await("idle", () -> get(TestFunction.STATUS, 4) != TestFunction.BUSY);
    set(TestFunction.ADDRESS, 8, 0);
    assertEquals(TestFunction.DONE, run(1));
  }
}
