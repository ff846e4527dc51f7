package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Features that a driver sets: they do what they say, or are refused (NVMe Base 1.4, 5.21.1). */
@Timeout(60)
final class NvmeFeaturesTest {
  private static final long DATA = 0x10_0000;
  private static final int DO_NOT_RETRY = 1 << 14;
  private static final int FORCE_UNIT_ACCESS = 1 << 30;
  private static final int SET = 9;
  private static final int GET = 10;
  private static final int WRITE_CACHE = 6;
  private static final int READ = 2;
  private static final int WRITE = 1;

  /** A disk that tells what of it is durable. */
  private static final class Cached extends Disk {
    final AtomicInteger volatileWrites = new AtomicInteger();
    final AtomicInteger readsOfVolatile = new AtomicInteger();
    volatile boolean breaks;

    Cached() {
      super(64);
    }

    @Override
    boolean isLostAtEnd() {
      return true;
    }

    @Override
    void read(long block, ByteBuffer into) {
      if (volatileWrites.get() > 0) {
        readsOfVolatile.incrementAndGet();
      }
    }

    @Override
    void write(long block, ByteBuffer from) {
      volatileWrites.incrementAndGet();
    }

    @Override
    void flush() throws IOException {
      if (breaks) {
        throw new IOException("broken");
      }
      volatileWrites.set(0);
    }
  }

  private final Cached disk = new Cached();
  private final NvmeDriver driver = new NvmeDriver(disk).enable().queues();

  @AfterEach
  void end() {
    driver.controller.end();
  }

  private NvmeDriver.Answer set(int id, int value) {
    return driver.ask(0, SET, 0, 0, 0, id, value, 0);
  }

  private NvmeDriver.Answer get(int id, int select) {
    return driver.ask(0, GET, 0, 0, 0, id | select << 8, 0, 0);
  }

  private int transfer(int opcode, int flags) {
    return driver.ask(1, opcode, 1, DATA, 0, 0, 0, flags).status();
  }

  @Test
  void aCompletedWriteIsDurableIfTheCacheIsOffOrItAsksForThat() {
    for (int cache : new int[] {1, 0, 1}) {
      assertEquals(0, set(WRITE_CACHE, cache).status());
      for (int flags : new int[] {0, FORCE_UNIT_ACCESS}) {
        assertEquals(0, driver.ask(1, 0, 1, 0, 0, 0, 0, 0).status(), "flush");
        assertEquals(0, transfer(WRITE, flags));
        boolean durable = cache == 0 || flags != 0;
        assertEquals(durable ? 0 : 1, disk.volatileWrites.get(), "cache %d".formatted(cache));
      }
    }
  }

  @Test
  void switchingTheCacheOffMakesDurableWhatIsInIt() {
    assertEquals(0, transfer(WRITE, 0));
    disk.breaks = true;
    assertEquals(NvmeStatus.WRITE_FAULT, set(WRITE_CACHE, 0).status());
    assertEquals(1, get(WRITE_CACHE, 0).result(), "it is still on");
    assertEquals(0, transfer(WRITE, 0));
    disk.breaks = false;
    assertEquals(0, set(WRITE_CACHE, 0).status());
    assertEquals(0, disk.volatileWrites.get());
    disk.breaks = true;
    assertEquals(NvmeStatus.WRITE_FAULT, transfer(WRITE, 0), "a write that is not durable");
  }

  @Test
  void aForcedReadReadsWhatIsDurable() {
    assertEquals(0, transfer(WRITE, 0));
    assertEquals(0, transfer(READ, 0));
    assertEquals(1, disk.readsOfVolatile.get());
    assertEquals(0, transfer(READ, FORCE_UNIT_ACCESS));
    assertEquals(1, disk.readsOfVolatile.get());
    assertEquals(0, disk.volatileWrites.get());
    disk.breaks = true;
    assertEquals(NvmeStatus.WRITE_FAULT, transfer(READ, FORCE_UNIT_ACCESS));
  }

  @Test
  void aResetSwitchesTheCacheOn() {
    assertEquals(0, set(WRITE_CACHE, 0).status());
    driver.register(Nvme.CC, 0);
    NvmeDriver.await("reset", () -> driver.register(Nvme.CSTS) == 0);
    driver.enable().queues();
    assertEquals(1, get(WRITE_CACHE, 0).result());
    assertEquals(0, transfer(WRITE, 0));
    assertEquals(1, disk.volatileWrites.get());
  }

  /** Of Select: 0 the present value, 1 the initial one, 2 the saved one, which is none. */
  @ParameterizedTest
  @CsvSource({"0, 0", "1, 1", "2, 1", "3, 4"})
  void getTellsTheValueThatIsSelected(int select, int value) {
    assertEquals(0, set(WRITE_CACHE, 0).status());
    assertEquals(value, get(WRITE_CACHE, select).result());
  }

  /**
   * Power states beyond 0, errors for deallocated blocks, vectors beyond 0, 65,536 queues of a
   * kind.
   */
  @ParameterizedTest
  @CsvSource({"2, 1", "2, 1f", "5, 10000", "9, 1", "9, 1ffff", "7, ffff", "7, ffff0000"})
  void whatTheControllerCannotDoIsRefused(int id, String value) {
    int asked = Integer.parseUnsignedInt(value, 16);
    int before = get(id, 0).result();
    assertEquals(NvmeStatus.INVALID_FIELD | DO_NOT_RETRY, set(id, asked).status());
    assertEquals(before, get(id, 0).result());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 5, 6, 8, 9, 0xa, 0xb})
  void theInitialValueCanBeSet(int id) {
    assertEquals(0, set(id, get(id, 1).result()).status());
    assertEquals(get(id, 1).result(), get(id, 0).result());
  }
}
