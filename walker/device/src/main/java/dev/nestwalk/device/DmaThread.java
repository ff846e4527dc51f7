package dev.nestwalk.device;

import dev.nestwalk.Translator;

/**
 * What the ports of one device thread share: its translator, and whether answers may be in use. The
 * translator is paused whenever none is.
 *
 * <p>Threads: belongs to the device's.
 */
final class DmaThread {
  final Translator translator;

  /** Answers were given out that the thread may still use. */
  private boolean holds;

  /**
   * Accesses under way: more than one if the target of an access does DMA itself, on this thread.
   */
  private int depth;

  DmaThread(Translator translator) {
    this.translator = translator;
    translator.pause();
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
   * The thread is going to wait for others, which may wait for it: it uses no earlier answer any
   * more.
   *
   * @return what {@link #comeBack} needs
   */
  int standAside() {
    int interrupted = depth;
    depth = 0;
    holds = false;
    translator.pause();
    return interrupted;
  }

  /** The wait is over; the accesses that it interrupted go on. */
  void comeBack(int interrupted) {
    if (interrupted > 0 && !holds) {
      translator.resume();
    }
    depth = interrupted;
  }

  /** Waits for a decision; meanwhile no guest waits for this thread. */
  Stall.Decision await(Stall stall) {
    translator.pause();
    try {
      return stall.await();
    } finally {
      translator.resume();
    }
  }
}
