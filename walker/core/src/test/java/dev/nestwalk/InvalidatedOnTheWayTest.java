package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.PromptingMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A guest invalidates while a device is in a call that gives several answers, at each of its reads.
 * Whether or not the call applied the invalidation on its way, a sync waits for its answers, and no
 * longer than until the device asks for the next one, although the IOTLB has that.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class InvalidatedOnTheWayTest {
  private static final long PAGE = SyncSubject.PAGE;

  /** More than a batch answers between two looks for invalidations. */
  private static final int PAGES = Batch.SCAN + 8;

  private static final long BYTES = PAGES * 4096L;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory =
      new TableMemory(arena).run(0x10_0000, 64).run(SyncSubject.OUT, PAGES);
  private final ExecutorService thread = Executors.newSingleThreadExecutor();

  @AfterEach
  void close() {
    thread.shutdown();
    arena.close();
  }

  /** A call that gives an answer for each page; the number of bytes or answers that it gave. */
  enum Call {
    BATCH(
        device -> {
          long[] answers = new long[PAGES];
          return (long) PAGES - device.translate(addresses(), answers, 0, PAGES, Access.READ);
        }),
    BATCH_IN_MEMORY(
        device -> {
          MemorySegment answers = MemorySegment.ofArray(new long[PAGES]);
          return PAGES - device.translate(MemorySegment.ofArray(addresses()), answers, Access.READ);
        }),
    RANGE(device -> device.translateRange(PAGE, BYTES, Access.READ, new DmaRuns(PAGES)) >>> 12),
    SLICE(device -> device.slice(PAGE, BYTES, Access.READ) == null ? 0 : PAGES);

    @SuppressWarnings("ImmutableEnumChecker") // every one is a lambda without state
    private final ToLongFunction<Endpoint> answered;

    Call(ToLongFunction<Endpoint> answered) {
      this.answered = answered;
    }

    private static long[] addresses() {
      long[] iovas = new long[PAGES];
      for (int i = 0; i < PAGES; i++) {
        iovas[i] = PAGE + i * 4096L;
      }
      return iovas;
    }
  }

  static Stream<Arguments> callsAndInvalidations() {
    return Stream.of(Call.values())
        .flatMap(
            call ->
                Stream.of(SyncSubject.Granularity.values())
                    .map(granularity -> Arguments.of(call, granularity)));
  }

  private <T> T device(Callable<T> what) throws InterruptedException {
    try {
      return thread.submit(what).get();
    } catch (ExecutionException e) {
      throw new AssertionError("the device's thread", e.getCause());
    }
  }

  @ParameterizedTest
  @MethodSource("callsAndInvalidations")
  void aSyncWaitsForTheCallsAnswersUntilTheNextOne(Call call, SyncSubject.Granularity granularity)
      throws InterruptedException {
    PromptingMemory seen = new PromptingMemory(Comparison.over(memory));
    SyncSubject subject = SyncSubject.build(granularity.table, memory, PAGES, seen);
    // Few are kept, so that each call walks; the last page's answer is kept whenever it was given.
    Translator translator =
        device(() -> subject.iommu().newTranslator(CacheOptions.NONE.withIotlb(16, 4)));
    Endpoint endpoint = device(() -> translator.endpoint(1, -1));
    assertEquals(PAGES, device(() -> call.answered.applyAsLong(endpoint)));
    int applied = 0;
    for (long n = 1; ; n += 1 + n / 16) {
      seen.before(n, () -> granularity.invalidate.accept(subject.iommu()));
      assertEquals(PAGES, device(() -> call.answered.applyAsLong(endpoint)));
      if (seen.reads() < n) {
        assertTrue(n > PAGES, "each page's entry was read: " + n);
        break;
      }
      applied += translator.spaces.applied() == translator.log.latest() ? 1 : 0;
      seen.before(Long.MAX_VALUE, () -> {});
      assertTrue(isWaitedFor(subject), "its answers are in use, read " + n);
      long last = PAGE + BYTES - 4096;
      assertTrue(!Translation.isFault(device(() -> endpoint.translate(last, Access.READ))));
      assertEquals(false, isWaitedFor(subject), "it has asked again, read " + n);
    }
    assertTrue(applied > 0, "some calls apply an invalidation on their way");
  }

  private static boolean isWaitedFor(SyncSubject subject) throws InterruptedException {
    return !subject.iommu().sync(1, TimeUnit.MILLISECONDS).isEmpty();
  }
}
