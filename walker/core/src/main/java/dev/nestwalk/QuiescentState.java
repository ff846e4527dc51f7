package dev.nestwalk;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.WeakReference;
import org.jspecify.annotations.Nullable;

/**
 * How far a translator has come with the invalidations, for threads that wait for it. This is the
 * per-reader state of quiescent-state-based reclamation (QSBR): a translator that asks for its next
 * answer, or pauses, no longer uses any earlier answer, and {@code Iommu.sync} waits for the grace
 * period. See Hart, McKenney, Brown, Walpole: Performance of memory reclamation for lockless
 * synchronization (JPDC 67, 2007), section 2.
 *
 * <p>Threads: written by the translator's thread, read by any.
 */
final class QuiescentState {
  private static final long AWAY = Long.MAX_VALUE;
  private static final VarHandle SEEN;

  static {
    try {
      SEEN = MethodHandles.lookup().findVarHandle(QuiescentState.class, "seen", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final Thread owner;
  private final WeakReference<Translator> translator;
  private volatile long seen;

  QuiescentState(Thread owner, Translator translator, long seen) {
    this.owner = owner;
    this.translator = new WeakReference<>(translator);
    this.seen = seen;
  }

  void seen(long number) {
    if (seen != AWAY) {
      seen = number;
    }
  }

  /**
   * Marks the translator as away. The store is ordered after everything that the thread did with
   * answers.
   */
  void leave() {
    SEEN.setRelease(this, AWAY);
  }

  /**
   * Publishes what the translator has applied; the caller then has to look for what was published
   * since.
   */
  void enter(long number) {
    SEEN.setRelease(this, number);
    // A thread that still reads AWAY published its invalidation before the look that follows here.
    VarHandle.fullFence();
  }

  /** Whether the translator can no longer use what was dropped up to {@code number}. */
  boolean isPast(long number) {
    if (seen >= number || !owner.isAlive()) {
      return true;
    }
    @Nullable Translator mine = translator.get();
    if (mine == null) {
      return true;
    }
    if (Thread.currentThread().equals(owner)) {
      mine.poll();
      return seen >= number;
    }
    return false;
  }

  Thread owner() {
    return owner;
  }

  Iommu.Laggard describe() {
    return new Iommu.Laggard(owner, owner.getState());
  }

  boolean isGone() {
    return translator.get() == null || !owner.isAlive();
  }
}
