package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two vCPUs unmap, invalidate, wait for CMD_SYNC and use their page for something else, while two
 * devices write wherever they may: no byte of theirs arrives after the SYNC.
 */
final class SmmuReuseTest {
  private static final int ROUNDS = 2000;
  private static final int BYTES = 64;
  private static final long FLAGS = 1L << 10 | 1L << 6 | 3;

  private final AtomicBoolean stop = new AtomicBoolean();
  private final AtomicLong written = new AtomicLong();
  private final AtomicLong stale = new AtomicLong();

  @ParameterizedTest(name = "completion by message: {0}")
  @ValueSource(booleans = {false, true})
  void nothingArrivesAfterTheSync(boolean message) throws InterruptedException {
    try (SmmuGuest guest = new SmmuGuest()) {
      guest.start(SmmuGuest.ON & ~4);
      List<Thread> devices = new ArrayList<>();
      List<Thread> vcpus = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        devices.add(new Thread(() -> device(guest)));
        long iova = SmmuGuest.NOWHERE + 4096L * i;
        guest.tables.map(iova, guest.ram.page(0), 3, FLAGS & ~3);
        long leaf = guest.tables.descriptorAddress(iova, 3);
        long page = guest.ram.allocate();
        long flag = guest.ram.allocate();
        vcpus.add(new Thread(() -> vcpu(guest, iova, leaf, page, message ? flag : 0)));
        guest.ram.put(leaf, 0);
      }
      guest.command(0x30, 0);
      devices.forEach(Thread::start);
      vcpus.forEach(Thread::start);
      for (Thread vcpu : vcpus) {
        vcpu.join();
      }
      stop.set(true);
      for (Thread device : devices) {
        device.join();
      }
    }
    assertEquals(0, stale.get());
    assertTrue(written.get() > 100, written + " writes went through");
  }

  private void device(SmmuGuest guest) {
    Port port = guest.unit.port(SmmuGuest.STREAM);
    MemorySegment data = MemorySegment.ofArray(new byte[BYTES]).fill((byte) 0xdd);
    for (long i = 0; !stop.get(); i++) {
      if (port.write(SmmuGuest.NOWHERE + 4096L * (i & 1), data) == BYTES) {
        written.incrementAndGet();
      }
    }
  }

  private void vcpu(SmmuGuest guest, long iova, long leaf, long page, long flag) {
    MemorySegment buffer = guest.memory.slice(page, BYTES);
    for (int round = 1; round <= ROUNDS; round++) {
      guest.ram.put(leaf, page | FLAGS);
      long before = written.get();
      for (int i = 0; i < 1000 && written.get() == before; i++) {
        Thread.onSpinWait();
      }
      guest.ram.put(leaf, 0);
      synchronized (guest) {
        guest.put(0x12, iova);
        guest.put(0x46 | (flag == 0 ? 2L : 1L) << 12 | (long) round << 32, flag);
        guest.ring();
      }
      if (flag != 0 && guest.ram.get(flag) != round) {
        stale.incrementAndGet();
      }
      buffer.fill((byte) round);
      for (int i = 0; i < 200; i++) {
        Thread.onSpinWait();
      }
      for (long at = 0; at < BYTES; at++) {
        if (buffer.get(ValueLayout.JAVA_BYTE, at) != (byte) round) {
          stale.incrementAndGet();
        }
      }
    }
  }

  /** The devices' byte is none of the vCPUs'. */
  @Test
  void theTestSeesAStaleWrite() throws InterruptedException {
    try (SmmuGuest guest = new SmmuGuest()) {
      long page = guest.ram.allocate();
      MemorySegment buffer = guest.memory.slice(page, BYTES);
      guest.start(SmmuGuest.ON & ~4);
      guest.tables.map(SmmuGuest.NOWHERE, page, 3, FLAGS & ~3);
      Port port = guest.unit.port(SmmuGuest.STREAM);
      MemorySegment data = MemorySegment.ofArray(new byte[BYTES]).fill((byte) 0xdd);
      port.write(SmmuGuest.NOWHERE, data);
      guest.ram.put(guest.tables.descriptorAddress(SmmuGuest.NOWHERE, 3), 0);
      buffer.fill((byte) 1);
      assertEquals(BYTES, port.write(SmmuGuest.NOWHERE, data), "nothing was invalidated");
      assertEquals((byte) 0xdd, buffer.get(ValueLayout.JAVA_BYTE, 0));
    }
  }
}
