package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two vCPUs unmap pages, invalidate, wait and reuse them, while two devices read and write. Once
 * the wait is over the page is the vCPU's own: no device sees what is in it, none changes it.
 */
class StressTest {
  private static final long FIRST = 0x4000_0000L;
  private static final int PAGES = 8;
  private static final int ROUNDS = 3000;
  private static final long SECRET = 0x5ec4e75ec4e75ec4L;
  private static final long DEVICE = 0x1111_1111_1111_1111L;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

  private volatile boolean going = true;
  private final List<String> wrong = new ArrayList<>();

  private synchronized void wrong(String what) {
    wrong.add(what);
    going = false;
  }

  @ParameterizedTest
  @ValueSource(strings = {"vtd", "smmuv3"})
  @Timeout(value = 120, unit = TimeUnit.SECONDS)
  void noDeviceUsesAPageAfterItsInvalidationWasWaitedFor(String format)
      throws InterruptedException {
    try (Arena arena = Arena.ofShared()) {
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 128);
      AtomicLong interrupts = new AtomicLong();
      InterruptSink sink =
          new InterruptSink() {
            @Override
            public boolean message(long address, int data) {
              interrupts.incrementAndGet();
              return true;
            }

            @Override
            public void wire(InterruptLine line) {
              interrupts.incrementAndGet();
            }
          };
      UnitOptions options = UnitOptions.of(PlainUnit.over(memory), sink);
      QueueGuest guest = QueueGuest.of(format, memory, options, FIRST, PAGES);
      guest.switchOn();
      long[] frames = new long[PAGES];
      for (int page = 0; page < PAGES; page++) {
        frames[page] = memory.allocate();
        guest.map(FIRST + page * 4096L, frames[page]);
      }
      List<Thread> devices = new ArrayList<>();
      AtomicLong accesses = new AtomicLong();
      AtomicLong refusals = new AtomicLong();
      for (int i = 0; i < 2; i++) {
        int seed = i;
        devices.add(start("device " + i, () -> device(guest.unit(), seed, accesses, refusals)));
      }
      List<Thread> vcpus = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        int from = i * PAGES / 2;
        vcpus.add(start("vCPU " + i, () -> vcpu(guest, frames, from, from + PAGES / 2)));
      }
      for (Thread vcpu : vcpus) {
        vcpu.join();
      }
      going = false;
      for (Thread device : devices) {
        device.join();
      }
      assertEquals(List.of(), wrong);
      assertTrue(accesses.get() > 1000, "accesses " + accesses);
      assertTrue(refusals.get() > 10, "refusals " + refusals);
      assertTrue(interrupts.get() > 0, "interrupts " + interrupts);
      // Refused accesses may fill the event queue; no vCPU waited long.
      List<String> lines = guest.unit().guestErrors().lines();
      assertTrue(lines.stream().noneMatch(line -> line.startsWith("waited")), lines.toString());
    }
  }

  private Thread start(String name, Runnable work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (RuntimeException | Error e) {
                wrong(name + ": " + e);
                throw e;
              }
            },
            name);
    thread.start();
    return thread;
  }

  private void vcpu(QueueGuest guest, long[] frames, int from, int to) {
    Random random = new Random(from);
    for (int round = 0; round < ROUNDS && going; round++) {
      int page = from + random.nextInt(to - from);
      long iova = FIRST + page * 4096L;
      guest.map(iova, 0);
      guest.invalidate(iova);
      // The frame is this vCPU's now.
      for (int word = 0; word < 512; word++) {
        guest.memory.put(frames[page] + word * 8L, SECRET);
      }
      for (int look = 0; look < 3; look++) {
        for (int word = 0; word < 512; word++) {
          long found = guest.memory.get(frames[page] + word * 8L);
          if (found != SECRET) {
            wrong("round %d: 0x%x written into page %d".formatted(round, found, page));
            return;
          }
        }
      }
      for (int word = 0; word < 512; word++) {
        guest.memory.put(frames[page] + word * 8L, 0);
      }
      guest.map(iova, frames[page]);
      guest.invalidate(iova);
    }
  }

  private void device(Unit unit, int seed, AtomicLong accesses, AtomicLong refusals) {
    Port port = unit.port(QueueGuest.SOURCE);
    Random random = new Random(seed);
    MemorySegment out = MemorySegment.ofArray(new long[512]);
    MemorySegment in = MemorySegment.ofArray(new long[512]);
    for (int word = 0; word < 512; word++) {
      out.set(LONG, word * 8L, DEVICE);
    }
    while (going) {
      long iova = FIRST + random.nextInt(PAGES) * 4096L;
      long bytes = 4096;
      switch (random.nextInt(4)) {
        case 0 -> bytes = port.write(iova, out);
        case 1 -> {
          bytes = port.read(iova, in);
          check(in, bytes, "read");
        }
        case 2 -> port.fetchAdd(iova + 8, 8, 0);
        default -> {
          MemorySegment window = port.slice(iova, 4096, Access.ATOMIC);
          if (window != null) {
            check(window, 4096, "slice");
            window.copyFrom(out);
          }
          port.done();
        }
      }
      accesses.incrementAndGet();
      refusals.addAndGet(bytes < 4096 || Translation.isFault(port.stoppedBy()) ? 1 : 0);
    }
  }

  private void check(MemorySegment bytes, long count, String how) {
    for (long at = 0; at + 8 <= count; at += 8) {
      if (bytes.get(LONG, at) == SECRET) {
        wrong(how + " sees what the vCPU keeps");
        return;
      }
    }
  }
}
