package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import java.lang.foreign.Arena;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * After a sync no thread uses a dropped entry, for each granularity: one thread changes a leaf,
 * invalidates and syncs, thousands of times, while two others translate; none of their translations
 * that begin after a sync may answer with an older leaf. A batch counts as one that begins with its
 * first address.
 */
class SyncTest {
  private static final long PAGE = SyncSubject.PAGE;
  private static final long OUT = SyncSubject.OUT;
  private static final int VERSIONS = 4000;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);

  @AfterEach
  void close() {
    arena.close();
  }

  @ParameterizedTest
  @EnumSource
  @Timeout(value = 120, unit = TimeUnit.SECONDS)
  void afterSyncNoThreadUsesWhatWasDropped(SyncSubject.Granularity granularity)
      throws InterruptedException {
    SyncSubject subject = SyncSubject.build(granularity.table, memory, 1);
    AtomicLong allowed = new AtomicLong();
    AtomicBoolean going = new AtomicBoolean(true);
    Device[] devices = new Device[2];
    CountDownLatch ready = new CountDownLatch(devices.length);
    for (int i = 0; i < devices.length; i++) {
      devices[i] = new Device(subject.iommu(), i == 1, allowed, going, ready);
      devices[i].start();
    }
    ready.await();
    for (int version = 1; version <= VERSIONS; version++) {
      memory.put(subject.leaf(), OUT + version * 4096L | subject.flags());
      granularity.invalidate.accept(subject.iommu());
      subject.iommu().sync();
      // From here on no translation that begins may answer with an older version.
      allowed.set(version);
    }
    going.set(false);
    for (Device device : devices) {
      device.join();
      assertEquals(0, device.wrong);
      assertTrue(device.answers > 100, "answers " + device.answers);
    }
    subject.iommu().sync();
  }

  /** The translator is still reachable, but nobody can use it any more. */
  @Test
  @Timeout(value = 120, unit = TimeUnit.SECONDS)
  void aThreadThatHasEndedIsNotWaitedFor() throws InterruptedException {
    SyncSubject subject = SyncSubject.build(SyncSubject.Granularity.VTD_GLOBAL.table, memory, 1);
    List<Translator> made = new ArrayList<>();
    Thread device =
        new Thread(
            () -> {
              made.add(subject.iommu().newTranslator());
              made.get(0).translate(1, -1, PAGE, Access.READ);
            });
    device.start();
    device.join();
    try {
      subject.iommu().invalidateAll();
      assertEquals(List.of(), subject.iommu().sync(10, TimeUnit.SECONDS));
      assertEquals(1, made.size());
    } finally {
      Reference.reachabilityFence(made);
    }
  }

  /** A thread that translates, one by one or in batches. */
  private static final class Device extends Thread {
    private final Iommu iommu;
    private final boolean batches;
    private final AtomicLong allowed;
    private final AtomicBoolean going;
    private final CountDownLatch ready;
    long wrong;
    long answers;

    Device(
        Iommu iommu,
        boolean batches,
        AtomicLong allowed,
        AtomicBoolean going,
        CountDownLatch ready) {
      this.iommu = iommu;
      this.batches = batches;
      this.allowed = allowed;
      this.going = going;
      this.ready = ready;
    }

    @Override
    public void run() {
      Translator translator = iommu.newTranslator();
      Endpoint endpoint = translator.endpoint(1, -1);
      long[] iovas = new long[batches ? 40 : 1];
      java.util.Arrays.fill(iovas, PAGE);
      long[] results = new long[iovas.length];
      ready.countDown();
      while (going.get()) {
        long least = allowed.get();
        if (batches) {
          endpoint.translate(iovas, results, 0, iovas.length, Access.READ);
        } else {
          results[0] = endpoint.translate(PAGE, Access.READ);
        }
        for (long answer : results) {
          long version = Translation.address(answer) - OUT >>> 12;
          wrong += Translation.isFault(answer) || version < least ? 1 : 0;
        }
        answers += results.length;
      }
      translator.pause();
    }
  }
}
