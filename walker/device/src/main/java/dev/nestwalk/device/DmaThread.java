package dev.nestwalk.device;

import dev.nestwalk.Translator;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What the ports that one device thread has of one unit share: a translator, and whether answers
 * may be in use. The translator is paused whenever none is, and while the thread waits for somebody
 * who may wait for it, at whichever unit.
 *
 * <p>Threads: belongs to the device's.
 */
final class DmaThread {
  /** Those of the calling thread, of all units. */
  private static final ThreadLocal<List<WeakReference<DmaThread>>> MINE =
      ThreadLocal.withInitial(ArrayList::new);

  final Translator translator;

  /** Answers were given out that the thread may still use. */
  private boolean holds;

  /**
   * Accesses under way: more than one if the target of an access does DMA itself, on this thread.
   */
  private int depth;

  /** The depths at which the thread began to wait, one for each wait within another. */
  private int[] interrupted = new int[2];

  private int waits;

  DmaThread(Translator translator) {
    this.translator = translator;
    translator.pause();
    MINE.get().removeIf(one -> one.get() == null);
    MINE.get().add(new WeakReference<>(this));
  }

  /** Before an access whose answer is given to the device. */
  void hold() {
    if (holds || depth > 0) {
      translator.poll();
    } else {
      translator.resume();
    }
    holds = true;
  }

  /** The device uses no answer any more. */
  void release() {
    if (holds) {
      holds = false;
      if (depth == 0) {
        translator.pause();
      }
    }
  }

  /** Before an access that is over when its call returns. */
  void enter() {
    if (depth++ == 0 && !holds) {
      translator.resume();
    }
  }

  /** After it. */
  void leave() {
    if (--depth == 0 && !holds) {
      translator.pause();
    }
  }

  /**
   * The calling thread is going to wait for others, which may wait for it: it uses no earlier
   * answer of any unit any more. {@link #comeBack} follows.
   */
  static void standAside() {
    List<WeakReference<DmaThread>> mine = MINE.get();
    // Indexed, since invalidations come here and must not allocate an iterator.
    for (int i = 0; i < mine.size(); i++) {
      DmaThread one = mine.get(i).get();
      if (one != null) {
        one.beginWait();
      }
    }
  }

  /** The wait is over; the accesses that it interrupted go on. */
  static void comeBack() {
    List<WeakReference<DmaThread>> mine = MINE.get();
    for (int i = 0; i < mine.size(); i++) {
      DmaThread one = mine.get(i).get();
      // One that was made during the wait has none to end.
      if (one != null && one.waits > 0) {
        one.endWait();
      }
    }
  }

  private void beginWait() {
    if (waits == interrupted.length) {
      interrupted = Arrays.copyOf(interrupted, 2 * waits);
    }
    interrupted[waits++] = depth;
    depth = 0;
    holds = false;
    translator.pause();
  }

  private void endWait() {
    depth = interrupted[--waits];
    if (depth > 0 && !holds) {
      translator.resume();
    }
  }

  /** Waits for a decision; meanwhile no guest waits for this thread. */
  Stall.Decision await(Stall stall) {
    boolean held = holds;
    standAside();
    try {
      return stall.await();
    } finally {
      comeBack();
      if (held) {
        hold();
      }
    }
  }
}
