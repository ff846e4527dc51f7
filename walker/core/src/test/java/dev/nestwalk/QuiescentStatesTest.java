package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.lang.foreign.Arena;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which translators a sync waits for and for how long, and which of them a unit remembers. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class QuiescentStatesTest {
  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 16);
  private final Iommu iommu =
      Iommu.vtd(Comparison.over(memory), new VtdMachine(memory).registers(), 46);

  @AfterEach
  void close() {
    arena.close();
  }

  private static void run(Thread thread) throws InterruptedException {
    thread.start();
    thread.join();
  }

  /** A thread may look for invalidations while it is away; it stays away until it resumes. */
  @Test
  void aPollInAPauseDoesNotEndIt() throws InterruptedException {
    CountDownLatch polled = new CountDownLatch(1);
    CountDownLatch invalidated = new CountDownLatch(1);
    CountDownLatch resumed = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    Thread device =
        new Thread(
            () -> {
              Translator translator = iommu.newTranslator();
              translator.pause();
              iommu.invalidateAll();
              translator.poll();
              polled.countDown();
              awaitQuietly(invalidated);
              translator.poll();
              translator.resume();
              resumed.countDown();
              awaitQuietly(end);
              translator.pause();
            });
    device.start();
    polled.await();
    iommu.invalidateAll();
    assertEquals(List.of(), iommu.sync(1, TimeUnit.MILLISECONDS), "it is away");
    invalidated.countDown();
    resumed.await();
    assertEquals(List.of(), iommu.sync(1, TimeUnit.MILLISECONDS), "it has seen all there is");
    iommu.invalidateAll();
    assertEquals(1, iommu.sync(1, TimeUnit.MILLISECONDS).size(), "it is back");
    end.countDown();
    iommu.sync();
    device.join();
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** A limit that is a thousand times too short would be over before the device looks. */
  @ParameterizedTest
  @CsvSource({
    "40000000000, NANOSECONDS",
    "40000000, MICROSECONDS",
    "40000, MILLISECONDS",
    "40, SECONDS",
    "1, MINUTES",
    "1, DAYS"
  })
  void aSyncWaitsForATranslatorThatLooksWithinItsTimeLimit(long limit, TimeUnit unit)
      throws InterruptedException {
    CountDownLatch made = new CountDownLatch(1);
    CountDownLatch waiting = new CountDownLatch(1);
    Thread device =
        new Thread(
            () -> {
              Translator translator = iommu.newTranslator();
              made.countDown();
              awaitQuietly(waiting);
              try {
                Thread.sleep(150);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              translator.poll();
            });
    device.start();
    made.await();
    iommu.invalidateAll();
    waiting.countDown();
    assertEquals(List.of(), iommu.sync(limit, unit));
    device.join();
  }

  /** Translators come and go with devices and their threads; nothing of them stays. */
  @Test
  void aUnitForgetsTranslatorsThatAreGoneOnceAnotherIsMade() throws InterruptedException {
    List<WeakReference<QuiescentState>> gone = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      gone.add(new WeakReference<>(iommu.newTranslator().presence));
      run(new Thread(() -> gone.add(new WeakReference<>(iommu.newTranslator().presence))));
    }
    Translator alive = iommu.newTranslator();
    WeakReference<QuiescentState> kept = new WeakReference<>(alive.presence);
    try {
      boolean some = true;
      for (int tries = 0; tries < 200 && some; tries++) {
        System.gc();
        Thread.sleep(2);
        // A state whose translator was collected just now is forgotten with the next one.
        iommu.newTranslator();
        some = gone.stream().anyMatch(state -> state.get() != null);
      }
      assertEquals(0, gone.stream().filter(state -> state.get() != null).count());
      assertTrue(kept.get() != null);
    } finally {
      Reference.reachabilityFence(alive);
    }
  }

  /** The translator may still be reachable: no thread can use it. */
  @Test
  void theStateOfAThreadThatEndedIsForgotten() throws InterruptedException {
    QuiescentStates states = new QuiescentStates();
    Translator translator = iommu.newTranslator();
    Thread ended = new Thread(() -> {});
    run(ended);
    WeakReference<QuiescentState> gone = addOne(states, ended, translator);
    WeakReference<QuiescentState> kept = addOne(states, Thread.currentThread(), translator);
    try {
      for (int tries = 0; tries < 200 && gone.get() != null; tries++) {
        System.gc();
        Thread.sleep(2);
      }
      assertEquals(null, gone.get());
      assertTrue(kept.get() != null);
    } finally {
      Reference.reachabilityFence(states);
      Reference.reachabilityFence(translator);
    }
  }

  private static WeakReference<QuiescentState> addOne(
      QuiescentStates states, Thread owner, Translator translator) {
    QuiescentState state = new QuiescentState(owner, translator, 0);
    states.add(state);
    return new WeakReference<>(state);
  }
}
