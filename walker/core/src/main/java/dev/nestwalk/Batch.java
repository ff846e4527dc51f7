package dev.nestwalk;

import dev.nestwalk.dma.Translation;
import dev.nestwalk.iotlb.InvalidationLog;
import dev.nestwalk.iotlb.TranslationCache;
import dev.nestwalk.walk.Kernel;
import org.jspecify.annotations.Nullable;

/**
 * Translates many addresses of one endpoint: hits in loops without calls, misses walked side by
 * side so that their memory reads overlap.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
final class Batch {
  /** Number of addresses between two looks for invalidations. */
  static final int SCAN = 64;

  private final Translator translator;
  private final InvalidationLog log;
  private final long[] asked = new long[SCAN];
  private final long[] answered = new long[SCAN];
  private int refused;

  /** Hears of each refusal of the batch under way. */
  private @Nullable RefusalListener listener;

  Batch(Translator translator) {
    this.translator = translator;
    log = translator.log;
  }

  /**
   * Translates as {@link Endpoint#translate(long[], long[], int, int, int)} does; the caller has
   * checked the range.
   *
   * @param told hears of each refusal, null if nobody does
   */
  int translate(
      Endpoint of,
      long[] iovas,
      long[] answers,
      int from,
      int count,
      int access,
      @Nullable RefusalListener told) {
    refused = 0;
    listener = told;
    int end = from + count;
    int at = from;
    while (at < end) {
      // The loop over hits makes no calls, so the JIT keeps what a probe needs in registers.
      if (log.latest() == of.hitEpoch && Endpoint.isPlain(access)) {
        at = hits(of, iovas, answers, at, end, access);
      }
      if (at < end) {
        at = misses(of, iovas, answers, at, end, access);
      }
    }
    return refused;
  }

  /**
   * Answers addresses from {@code from} on while the IOTLB has them. The endpoint's fields are read
   * inside the loop on purpose: as locals they would cost registers that the loop does not have.
   *
   * @return the first place without an answer
   */
  private int hits(Endpoint of, long[] iovas, long[] answers, int from, int end, int access) {
    int i = from;
    for (; i < end; i++) {
      long iova = iovas[i];
      long place = of.place(iova);
      long word1 = TranslationCache.word1At(place);
      long answer = of.answer(word1, iova);
      if (!of.isAnswer(place, word1, iova, access)) {
        break;
      }
      answers[i] = answer;
    }
    return i;
  }

  /**
   * Answers the next few addresses and walks those that miss side by side.
   *
   * @return the place at which it stopped
   */
  private int misses(Endpoint of, long[] iovas, long[] answers, int at, int end, int access) {
    boolean usual = translator.caches && Endpoint.isPlain(access);
    if (!usual || log.latest() != of.epoch && !of.prepare()) {
      answers[at] = counted(of.translate(iovas[at], access), at);
      return at + 1;
    }
    int count = Math.min(end - at, SCAN);
    if (isSame(iovas, answers)) {
      System.arraycopy(iovas, at, asked, 0, count);
      fast(of, asked, answered, 0, count, access, at);
      System.arraycopy(answered, 0, answers, at, count);
    } else {
      fast(of, iovas, answers, at, count, access, 0);
    }
    return at + count;
  }

  /** Answers from {@code from} on; in the caller's arrays they stand {@code shift} further on. */
  private void fast(
      Endpoint of, long[] iovas, long[] answers, int from, int count, int access, int shift) {
    Kernel kernel = of.kernel;
    if (kernel == null) {
      throw new IllegalStateException("no kernel although the configuration is resolved");
    }
    if (kernel.translate(iovas, answers, from, count, access) == 0) {
      of.noted(answers[from + count - 1]);
      return;
    }
    // The full walker may apply an invalidation; what the kernel has found is valid only until
    // then.
    for (int i = from; i < from + count; i++) {
      if (answers[i] == 0) {
        boolean current = log.latest() == of.epoch;
        long iova = iovas[i];
        long answer = current ? of.full(iova, access) : of.translate(iova, access);
        answers[i] = counted(answer, i + shift);
      }
    }
  }

  /** Whether answers overwrite their addresses, so that an address cannot be read a second time. */
  @SuppressWarnings("ReferenceEquality")
  private static boolean isSame(long[] iovas, long[] answers) {
    return iovas == answers;
  }

  private long counted(long answer, int index) {
    if (Translation.isFault(answer)) {
      refused++;
      if (listener != null) {
        listener.refused(index, translator.lastFault());
      }
    }
    return answer;
  }
}
