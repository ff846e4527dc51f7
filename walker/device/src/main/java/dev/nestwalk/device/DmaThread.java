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

  DmaThread(Translator translator) {
    this.translator = translator;
    translator.pause();
  }

  /** Before an access whose answer is given to the device. */
  void hold() {
    if (holds) {
      translator.poll();
    } else {
      translator.resume();
      holds = true;
    }
  }

  /** The device uses no answer any more. */
  void release() {
    if (holds) {
      holds = false;
      translator.pause();
    }
  }

  /** Before an access that is over when its call returns. */
  void enter() {
    if (!holds) {
      translator.resume();
    }
  }

  /** After it. */
  void leave() {
    if (!holds) {
      translator.pause();
    }
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
