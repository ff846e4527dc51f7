package dev.nestwalk;

import dev.nestwalk.flight.UnitEvents;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * What a unit waits for when it syncs: the states of all its translators.
 *
 * <p>Threads: any.
 */
final class QuiescentStates {
  private static final int SPINS = 1000;
  private static final long PARK_NANOS = 50_000;

  private final List<QuiescentState> states = new CopyOnWriteArrayList<>();

  /** Adds a translator's state; those of unreachable translators are forgotten. */
  void add(QuiescentState state) {
    states.removeIf(QuiescentState::isGone);
    states.add(state);
  }

  /** The threads whose translators may still use what was invalidated up to {@code target}. */
  List<Iommu.Laggard> notPast(long target) {
    return states.stream()
        .filter(state -> !state.isPast(target))
        .map(QuiescentState::describe)
        .toList();
  }

  /**
   * Waits until all translators are past {@code target}.
   *
   * @param nanos the longest time, {@link Long#MAX_VALUE} for any
   * @param recorded is told whom the wait is for, or null
   * @return false if the time ran out first
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  boolean await(long target, long nanos, UnitEvents.@Nullable Wait recorded)
      throws InterruptedException {
    long began = nanos == Long.MAX_VALUE ? 0 : System.nanoTime();
    for (QuiescentState state : states) {
      for (int spins = 0; !state.isPast(target); spins++) {
        if (spins == 0 && recorded != null) {
          recorded.waitsFor(state.owner());
        }
        if (Thread.interrupted()) {
          throw new InterruptedException("waiting for a translator to see an invalidation");
        }
        if (spins < SPINS) {
          Thread.onSpinWait();
        } else if (nanos != Long.MAX_VALUE && System.nanoTime() - began >= nanos) {
          return false;
        } else {
          LockSupport.parkNanos(PARK_NANOS);
        }
      }
    }
    return true;
  }
}
