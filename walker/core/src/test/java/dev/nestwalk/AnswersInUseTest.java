package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A page is taken from a device, invalidated, synced and given to somebody else, again and again,
 * while the device is in one call after the other that covers the page and many others: for each
 * kind of call and each granularity, and with each kind of translator. After the sync the device
 * has no answer in its hands that leads to the page, and neither reads nor writes it.
 */
class AnswersInUseTest {
  private static final int PAGES = 128;
  private static final int ADDRESSES = 2048;
  private static final int CYCLES = 25;
  private static final long BYTES = PAGES * 4096L;

  /** What a page holds while it is somebody else's, and while it is the device's. */
  private static final byte FOREIGN = 0x5a;

  private static final byte WRITTEN = 0x3c;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory =
      new TableMemory(arena).run(0x10_0000, 64).run(SyncSubject.OUT, PAGES);

  @AfterEach
  void close() {
    arena.close();
  }

  /** What the device does. */
  enum Call {
    SINGLE,
    BATCH_FROM_ARRAY,
    BATCH_FROM_MEMORY,
    RANGE,
    SLICE,
    READ,
    WRITE
  }

  /** How the device translates: the IOTLB holds fewer pages than a call covers, or nothing. */
  enum Kind {
    CACHED,
    WALKING,
    UNCACHED
  }

  /** Every call with every granularity; the kinds of translators in turn. */
  static List<Arguments> combinations() {
    Kind[] kinds = Kind.values();
    List<Arguments> all = new ArrayList<>();
    for (Call call : Call.values()) {
      for (SyncSubject.Granularity granularity : SyncSubject.Granularity.values()) {
        all.add(Arguments.of(call, granularity, kinds[all.size() % kinds.length]));
      }
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource("combinations")
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void afterSyncNoAnswerIsInUse(Call call, SyncSubject.Granularity granularity, Kind kind)
      throws InterruptedException {
    SyncSubject subject = SyncSubject.build(granularity.table, memory, PAGES);
    MemorySegment page = memory.runs().get(1).bytes().asSlice(0, 4096);
    Device device = new Device(subject.iommu(), call, kind);
    device.start();
    while (device.calls == 0 && device.isAlive()) {
      Thread.onSpinWait();
    }
    boolean kept = true;
    for (int cycle = 0; cycle < CYCLES; cycle++) {
      long calls = device.calls;
      memory.put(subject.leaf(), 0);
      granularity.invalidate.accept(subject.iommu());
      subject.iommu().sync();
      // The page is no longer the device's.
      page.fill(FOREIGN);
      device.taken = true;
      for (int looks = 0; looks < 50 || device.calls - calls < 2 && device.isAlive(); looks++) {
        kept &= page.get(ValueLayout.JAVA_BYTE, looks & 0xfff) == FOREIGN;
        Thread.onSpinWait();
      }
      kept &= page.mismatch(MemorySegment.ofArray(foreignPage())) < 0;
      device.taken = false;
      page.fill((byte) 0);
      memory.put(subject.leaf(), SyncSubject.OUT | subject.flags());
      granularity.invalidate.accept(subject.iommu());
      subject.iommu().sync();
      for (calls = device.calls; device.calls - calls < 2 && device.isAlive(); ) {
        Thread.onSpinWait();
      }
    }
    device.going = false;
    device.join();
    assertEquals(null, device.thrown.get());
    assertEquals(0, device.wrong, "calls that led to the page after the sync");
    assertTrue(kept, "the device wrote to the page after the sync");
    assertTrue(device.reached > 0, "the device reached the page while it was its own");
  }

  private static byte[] foreignPage() {
    byte[] bytes = new byte[4096];
    Arrays.fill(bytes, FOREIGN);
    return bytes;
  }

  /** A thread with one kind of call. */
  private static final class Device extends Thread {
    private final Iommu iommu;
    private final Call call;
    private final Kind kind;
    private final Arena own = Arena.ofShared();
    private final long[] iovas = new long[ADDRESSES];
    private final long[] answers = new long[ADDRESSES];
    private final MemorySegment iovaSegment = own.allocate(8L * ADDRESSES, 8);
    private final MemorySegment answerSegment = own.allocate(8L * ADDRESSES, 8);
    private final MemorySegment buffer = own.allocate(BYTES, 8);
    private final DmaRuns runs = new DmaRuns(2);
    final AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
    volatile boolean going = true;
    volatile boolean taken;
    volatile long calls;
    long wrong;
    long reached;

    Device(Iommu iommu, Call call, Kind kind) {
      this.iommu = iommu;
      this.call = call;
      this.kind = kind;
      setUncaughtExceptionHandler((thread, e) -> thrown.set(e));
      for (int i = 0; i < ADDRESSES; i++) {
        // The page that is taken comes first, and never again.
        long index = i == 0 ? 0 : 1 + (i * 7L) % (PAGES - 1);
        iovas[i] = SyncSubject.PAGE + index * 4096;
      }
      iovaSegment.copyFrom(MemorySegment.ofArray(iovas));
    }

    @Override
    public void run() {
      Translator translator =
          switch (kind) {
            case CACHED -> iommu.newTranslator(new CacheOptions(16, 4, 4, 4, 8, false));
            case WALKING -> iommu.newTranslator(CacheOptions.NONE);
            case UNCACHED -> iommu.newUncachedTranslator();
          };
      Endpoint endpoint = translator.endpoint(1, -1);
      assertNotNull(endpoint);
      for (long made = 1; going; made++) {
        boolean leadsThere = leadsToPage(endpoint);
        // What this thread would do with the page follows here.
        boolean gone = taken;
        reached += leadsThere ? 1 : 0;
        wrong += leadsThere && gone ? 1 : 0;
        calls = made;
      }
      translator.pause();
    }

    private boolean leadsToPage(Endpoint endpoint) {
      return switch (call) {
        case SINGLE -> isPage(endpoint.translate(SyncSubject.PAGE, Access.READ));
        case BATCH_FROM_ARRAY -> {
          endpoint.translate(iovas, answers, 0, ADDRESSES, Access.READ);
          yield isPage(answers[0]);
        }
        case BATCH_FROM_MEMORY -> {
          endpoint.translate(iovaSegment, answerSegment, Access.READ);
          yield isPage(answerSegment.get(ValueLayout.JAVA_LONG, 0));
        }
        case RANGE -> {
          endpoint.translateRange(SyncSubject.PAGE, BYTES, Access.READ, runs);
          yield runs.count() > 0 && runs.address(0) == SyncSubject.OUT;
        }
        case SLICE -> endpoint.slice(SyncSubject.PAGE, BYTES, Access.READ) != null;
        case READ -> {
          long read = endpoint.read(SyncSubject.PAGE, buffer);
          // Content of the other owner was read after the sync.
          wrong += read >= 4096 && buffer.asSlice(0, 4096).mismatch(zeroes()) >= 0 ? 1 : 0;
          reached += read == BYTES ? 1 : 0;
          yield false;
        }
        case WRITE -> {
          buffer.fill(WRITTEN);
          reached += endpoint.write(SyncSubject.PAGE, buffer) == BYTES ? 1 : 0;
          yield false;
        }
      };
    }

    private static MemorySegment zeroes() {
      return MemorySegment.ofArray(new byte[4096]);
    }

    private static boolean isPage(long answer) {
      return !Translation.isFault(answer) && Translation.address(answer) == SyncSubject.OUT;
    }
  }
}
