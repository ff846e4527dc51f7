package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Translation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Random traffic, alone against a model and with device threads beside it (test list 35, 38, 39).
 */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
final class VtdTrafficTest {
  private static final int[] OFFSETS = {
    0x18, 0x18, 0x20, 0x28, 0x2c, 0x34, 0x38, 0x3c, 0x40, 0x44, 0x64, 0x68, 0x6c, 0x70, 0x78, 0x80,
    0x88, 0x88, 0x88, 0x90, 0x9c, 0xa0, 0xa4, 0xb0, 0xb8, 0xc0, 0xc8, 0xd0, 0xdc, 0xe0, 0xf0, 0xf8,
    0xfc, 0x220, 0x228, 0x22c, 0x300, 0xffc, 0x1000
  };

  @Test
  @DisplayName("35 the handshakes come out as an independent model has them")
  void asTheModel() {
    assertEquals("", VtdTraffic.run(150_000, 1, 0));
  }

  @Test
  @DisplayName(
      "35 any address, size and value, with two device threads: no exception, bounded time")
  void anything() throws InterruptedException, ExecutionException {
    try (VtdRig rig = new VtdRig(VtdRig.CAP | 1 << 5 | 3L << 40, VtdRig.SCALABLE | 1 << 3);
        ExecutorService threads = Executors.newFixedThreadPool(3)) {
      AtomicBoolean stop = new AtomicBoolean();
      List<Future<?>> devices = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        int source = 0x10 + 8 * i;
        devices.add(threads.submit(() -> device(rig, source, stop)));
      }
      Future<Long> second = threads.submit(() -> accesses(rig, 2, 60_000));
      long longest = Math.max(accesses(rig, 1, 60_000), second.get());
      stop.set(true);
      for (Future<?> one : devices) {
        one.get();
      }
      // A queue of 128 pages holds 32,768 descriptors at most: more work than a second is a loop.
      assertTrue(longest < 20_000_000_000L, longest + " ns");
      rig.unit.reset();
      rig.queue(0, false).putWait(5).ring();
      assertEquals(5, rig.status(), "the unit still works");
    }
  }

  private static void device(VtdRig rig, int source, AtomicBoolean stop) {
    Random random = new Random(source);
    Port plain = rig.unit.port(source);
    Port tagged = rig.unit.port(source, 3);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(64);
      while (!stop.get()) {
        Port port = random.nextBoolean() ? plain : tagged;
        switch (random.nextInt(4)) {
          case 0 -> port.read(VtdRig.IOVA + random.nextInt(8192), buffer);
          case 1 -> port.requestPage(random.nextLong(), 1 + random.nextInt(3), 1, true);
          case 2 -> port.translate(random.nextLong(), 1);
          default -> port.translate(VtdRig.IOVA, 2);
        }
      }
      plain.done();
    }
  }

  /** Random accesses; the longest time that one took. */
  private static long accesses(VtdRig rig, long seed, int count) {
    Random random = new Random(seed);
    long longest = 0;
    for (int i = 0; i < count; i++) {
      long offset =
          random.nextInt(20) == 0
              ? random.nextInt(0x2000)
              : OFFSETS[random.nextInt(OFFSETS.length)];
      int size = random.nextInt(30) == 0 ? random.nextInt(10) : random.nextBoolean() ? 4 : 8;
      long value =
          switch (random.nextInt(6)) {
            case 0 -> random.nextLong();
            case 1 -> VtdRig.QUEUE | random.nextInt(8) | random.nextInt(2) << 11;
            case 2 -> 1L << random.nextInt(64);
            case 3 -> random.nextInt(1 << 12) * 16L;
            case 4 -> rig.rootTable();
            default -> 0xc400_0000L ^ 1L << random.nextInt(32);
          };
      if (random.nextInt(4) == 0) {
        long at = VtdRig.QUEUE + random.nextInt(1 << 14) * 8L;
        rig.poke64(at, random.nextInt(16) | random.nextInt(8) << 4 | (long) random.nextInt() << 32);
      }
      long begin = System.nanoTime();
      if (random.nextInt(3) == 0) {
        rig.unit.mmioRead(offset, size);
      } else {
        rig.unit.mmioWrite(offset, size, value);
      }
      longest = Math.max(longest, System.nanoTime() - begin);
    }
    return longest;
  }

  @Test
  @DisplayName("35 no interrupt is lost: a handler that only runs when told finds everything")
  void noLostInterrupt() throws InterruptedException, ExecutionException {
    Semaphore told = new Semaphore(0);
    try (VtdRig rig = VtdRig.withRecords(4);
        ExecutorService threads = Executors.newFixedThreadPool(3)) {
      VtdUnit unit =
          VtdUnit.of(
              UnitOptions.of(
                  rig.unit.options().memory(),
                  (address, data) -> {
                    told.release();
                    return true;
                  }),
              java.util.Map.of("CAP", rig.cap, "ECAP", rig.ecap),
              -1);
      unit.mmioWrite(0x38, 4, 0);
      unit.mmioWrite(0x20, 8, rig.machine.root());
      unit.mmioWrite(0x18, 4, 0x4000_0000L);
      unit.mmioWrite(0x18, 4, 0x8000_0000L);
      AtomicBoolean stop = new AtomicBoolean();
      Future<?> handler = threads.submit(() -> handle(unit, told, stop));
      List<Future<?>> devices = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        int first = 0x1000 + 0x100 * i;
        devices.add(
            threads.submit(
                () -> {
                  for (int j = 0; j < 40_000; j++) {
                    unit.port(first + j % 7).translate(0x7000_0000L, 1);
                  }
                }));
      }
      for (Future<?> one : devices) {
        one.get();
      }
      // Whatever is pending now was told of: the handler comes to it without help.
      while (told.availablePermits() > 0) {
        Thread.sleep(1);
      }
      stop.set(true);
      told.release();
      handler.get();
      assertEquals(0, unit.mmioRead(0x34, 4) & 0xff);
      assertEquals(0, unit.mmioRead(0x38, 4));
    }
  }

  /** As Linux does it: from FRI on until a record is free, then the status. */
  private static void handle(VtdUnit unit, Semaphore told, AtomicBoolean stop) {
    while (true) {
      told.acquireUninterruptibly();
      if (stop.get()) {
        return;
      }
      int index = (int) (unit.mmioRead(0x34, 4) >>> 8 & 0xff);
      while ((unit.mmioRead(0x22c + 16L * index, 4) & 0x8000_0000L) != 0) {
        unit.mmioWrite(0x22c + 16L * index, 4, 0x8000_0000L);
        index = (index + 1) % 4;
      }
      unit.mmioWrite(0x34, 4, 0x83);
    }
  }

  @Test
  @DisplayName("38 after unmap, invalidation and wait a page is never written any more")
  void noStaleUse() throws InterruptedException, ExecutionException {
    try (VtdRig rig = VtdRig.legacy().translate().queue(0, false);
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      AtomicBoolean stop = new AtomicBoolean();
      List<Future<?>> devices = new ArrayList<>();
      for (int source : new int[] {VtdRig.SOURCE, VtdRig.OTHER}) {
        devices.add(threads.submit(() -> write(rig, source, stop)));
      }
      try {
        long now = rig.page;
        for (int round = 1; round <= 3000; round++) {
          long before = now;
          now = rig.page + (round % 16) * 0x1000L;
          rig.second.map(VtdRig.IOVA, now, 12, 3);
          rig.put(0x32 | (long) VtdRig.DOMAIN << 16, VtdRig.IOVA).putWait(round).ring();
          assertEquals(round, rig.status());
          rig.poke64(before, -round);
          for (int i = 0; i < 500; i++) {
            assertEquals(-round, rig.peek64(before), "round " + round);
            Thread.onSpinWait();
          }
        }
      } finally {
        stop.set(true);
      }
      for (Future<?> one : devices) {
        one.get();
      }
    }
  }

  /** Keeps each answer for a while, as a device in the middle of a transfer does. */
  private static void write(VtdRig rig, int source, AtomicBoolean stop) {
    Port port = rig.unit.port(source);
    while (!stop.get()) {
      long at = Translation.address(port.translate(VtdRig.IOVA, 2));
      for (int i = 0; i < 200; i++) {
        rig.poke64(at, i);
        Thread.onSpinWait();
      }
    }
    port.done();
  }

  @Test
  @DisplayName("threads that hold answers and ring the doorbell do not wait for each other")
  void vcpusThatAreDevices() throws InterruptedException, ExecutionException {
    try (VtdRig rig = VtdRig.legacy().translate().queue(0, false);
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      for (int i = 0; i < 256; i++) {
        rig.poke64(VtdRig.QUEUE + 16L * i, i % 2 == 0 ? 0x12 : 0x25 | 1L << 32);
        rig.poke64(VtdRig.QUEUE + 16L * i + 8, i % 2 == 0 ? 0 : VtdRig.STATUS);
      }
      List<Future<?>> both = new ArrayList<>();
      for (int source : new int[] {VtdRig.SOURCE, VtdRig.OTHER}) {
        both.add(
            threads.submit(
                () -> {
                  Port port = rig.unit.port(source);
                  for (int i = 1; i <= 2000; i++) {
                    port.translate(VtdRig.IOVA, 1);
                    rig.unit.mmioWrite(0x88, 8, i % 128 * 32L);
                  }
                  port.done();
                }));
      }
      for (Future<?> one : both) {
        one.get();
      }
      assertEquals(0, rig.r32(0x34));
      assertEquals(rig.r64(0x88), rig.head());
    }
  }

  @Test
  @DisplayName("39 a 64-bit read of a record is not torn")
  void wholeReads() throws InterruptedException, ExecutionException {
    try (VtdRig rig = VtdRig.withRecords(1).translate();
        ExecutorService threads = Executors.newSingleThreadExecutor()) {
      Future<?> device =
          threads.submit(
              () -> {
                for (int i = 0; i < 50_000; i++) {
                  rig.unit.port(0x1000 + i % 2).translate(0x7000_0000L, 1 + i % 2);
                }
              });
      while (!device.isDone()) {
        long high = rig.r64(0x228);
        if (high < 0) {
          long source = high & 0xffff;
          // The kind of request goes with the requester: read of 0x1000, write of 0x1001.
          assertEquals(source == 0x1000, (high >>> 62 & 1) == 1, "%x".formatted(high));
          rig.w32(0x22c, 0x8000_0000L);
          rig.w32(0x34, 1);
        }
      }
      device.get();
    }
  }
}
