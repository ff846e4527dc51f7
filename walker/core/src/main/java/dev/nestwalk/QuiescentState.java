package dev.nestwalk;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.WeakReference;
import org.jspecify.annotations.Nullable;

/**
 * How far a translator has come with the invalidations, for threads that wait for it: what
 * quiescent-state-based reclamation (QSBR) keeps per reader. A translator that asks for its next
 * answer, or pauses, uses none of its earlier ones any more; {@code Iommu.sync} is the grace
 * period. See Hart, McKenney, Brown, Walpole: Performance of memory reclamation for lockless
 * synchronization (JPDC 67, 2007), section 2.
 *
 * <p>Threads: written by the translator's, read by any.
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

  /** Not before everything that the thread did with answers. */
  void leave() {
    SEEN.setRelease(this, AWAY);
  }

  /** Says what the translator has applied; it then has to look for what was published since. */
  void enter(long number) {
    SEEN.setRelease(this, number);
    // Whoever still saw AWAY published before the look for invalidations that follows.
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

  Iommu.Laggard describe() {
    return new Iommu.Laggard(owner, owner.getState());
  }

  boolean isGone() {
    return translator.get() == null || !owner.isAlive();
  }
}
