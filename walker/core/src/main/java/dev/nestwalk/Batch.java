package dev.nestwalk;

import dev.nestwalk.cache.AddressSpace;
import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.cache.InvalidationLog;
import dev.nestwalk.cache.TranslationCache;
import dev.nestwalk.dma.Translation;

/**
 * Many addresses of one endpoint: hits in loops that call nothing, misses walked side by side.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
final class Batch {
  /** Walks what it has after so many addresses, however few. */
  static final int SCAN = 4 * CachedPlan.LANES;

  private final Translator translator;
  private final InvalidationLog log;
  private final TranslationCache iotlb;
  private final Lanes lanes = new Lanes();
  private int refused;

  Batch(Translator translator) {
    this.translator = translator;
    log = translator.log;
    iotlb = translator.iotlb;
  }

  /** As {@link Endpoint#translate(long[], long[], int, int, int)}, its places checked. */
  int translate(Endpoint of, long[] iovas, long[] answers, int from, int count, int access) {
    refused = 0;
    int end = from + count;
    int at = from;
    while (at < end) {
      // A loop of hits calls nothing, so the JIT keeps what a probe needs in registers.
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
   * Answers from {@code from} on as long as the IOTLB has them; where it has not. The endpoint's
   * fields stand in the loop on purpose: as locals they cost registers that it has not.
   */
  private int hits(Endpoint of, long[] iovas, long[] answers, int from, int end, int access) {
    int i = from;
    for (; i < end; i++) {
      long iova = iovas[i];
      long at = TranslationCache.preferred(iova, of.hashShift, of.offsets, of.origin);
      long word1 = TranslationCache.word1At(at);
      long block = iova & of.blockMask;
      if (!TranslationCache.answers(at, word1, block ^ of.low, of.expected, access)) {
        break;
      }
      answers[i] = word1 & Endpoint.ABOVE | iova ^ block;
    }
    return i;
  }

  /** Answers some from {@code at} on, and walks those that miss side by side; where it stopped. */
  private int misses(Endpoint of, long[] iovas, long[] answers, int at, int end, int access) {
    boolean plain = Endpoint.isPlain(access);
    // One address alone has nobody to go beside.
    boolean usual = plain && translator.caches && !translator.counting && end - at > 1;
    if (!usual
        || log.latest() != of.epoch && !of.prepare()
        || of.restriction != null
        || of.plan.isTagged(iovas[at])) {
      answers[at] = counted(of.translate(iovas[at], access));
      return at + 1;
    }
    if (!translator.keeps && !isSame(iovas, answers)) {
      int count = Math.min(end - at, CachedPlan.LANES);
      translator.walkMany(of.plan, iovas, answers, at, lanes.spans, count, access);
      for (int i = at; i < at + count; i++) {
        if (answers[i] == 0) {
          answers[i] = counted(of.translate(iovas[i], access));
        }
      }
      return at + count;
    }
    int stop = untagged(of.plan, iovas, at, Math.min(end, at + SCAN));
    int next = gather(of, iovas, answers, at, stop, access);
    of.plan.global = false;
    translator.walkMany(of.plan, lanes.iovas, lanes.answers, 0, lanes.spans, lanes.count, access);
    // First keep all, then ask singly: that may apply an invalidation, after which these are old.
    if (translator.keeps) {
      keepAll(of, access);
    }
    for (int lane = 0; lane < lanes.count; lane++) {
      long answer = lanes.answers[lane];
      answers[lanes.places[lane]] =
          answer == 0 ? counted(of.translate(lanes.iovas[lane], access)) : answer;
    }
    return next;
  }

  /** Where the first address with ignored bits is, which has to be asked for singly. */
  private static int untagged(CachedPlan plan, long[] iovas, int from, int end) {
    int i = plan.ignoresTop == 0 ? end : from;
    while (i < end && !plan.isTagged(iovas[i])) {
      i++;
    }
    return i;
  }

  /** Answers that overwrite their addresses: those cannot be asked for again. */
  @SuppressWarnings("ReferenceEquality")
  private static boolean isSame(long[] iovas, long[] answers) {
    return iovas == answers;
  }

  private long counted(long answer) {
    refused += Translation.isFault(answer) ? 1 : 0;
    return answer;
  }

  /** Answers what the IOTLB has and puts the others into lanes until these are full; where. */
  private int gather(Endpoint of, long[] iovas, long[] answers, int at, int stop, int access) {
    lanes.clear();
    int i = at;
    if (!translator.keeps) {
      for (; i < stop && !lanes.isFull(); i++) {
        lanes.add(iovas[i], i);
      }
      return i;
    }
    AddressSpace current = of.space();
    if (iotlb.isUsual() && current.classes == 1 << of.sizeClass) {
      return gatherOneSize(of, iovas, answers, at, stop, access);
    }
    for (; i < stop && !lanes.isFull(); i++) {
      long known = of.known(current, iovas[i], access);
      if (known == 0) {
        lanes.add(iovas[i], i);
      } else {
        answers[i] = known;
      }
    }
    return i;
  }

  /** The same in a loop that hardly calls anything, where all entries are of one size. */
  private int gatherOneSize(
      Endpoint of, long[] iovas, long[] answers, int at, int stop, int access) {
    long[] waiting = lanes.iovas;
    int[] places = lanes.places;
    int count = 0;
    int i = at;
    for (; i < stop && count < CachedPlan.LANES; i++) {
      long iova = iovas[i];
      long preferred = TranslationCache.preferred(iova, of.hashShift, of.offsets, of.origin);
      long found = TranslationCache.word1At(preferred);
      long key = iova & of.blockMask ^ of.low;
      if (!TranslationCache.answers(preferred, found, key, of.expected, access)) {
        found =
            TranslationCache.isElsewhere(preferred, key)
                ? iotlb.find(iova, of.shift, of.origin, of.low, of.expected, access)
                : 0;
      }
      if (found == 0) {
        waiting[count] = iova;
        places[count++] = i;
      } else {
        answers[i] = found & Endpoint.ABOVE | iova & ~of.blockMask;
      }
    }
    lanes.count = count;
    return i;
  }

  /** Keeps the answers in the lanes. */
  private void keepAll(Endpoint of, int access) {
    AddressSpace current = of.space();
    if (of.plan.global) {
      current.setGlobal();
    }
    boolean oneSize = iotlb.isUsual() && current.classes == 1 << of.sizeClass;
    int kept = oneSize && of.quickEpoch == of.epoch ? keepOneSize(of, access) : 0;
    for (int lane = kept; lane < lanes.count; lane++) {
      long answer = lanes.answers[lane];
      if (answer != 0) {
        of.keep(current, lanes.iovas[lane], access, answer, lanes.spans[lane]);
      }
    }
  }

  /** Keeps answers of the size expected in a loop that calls nothing; how many lanes are done. */
  private int keepOneSize(Endpoint of, int access) {
    int usable = of.usable(access);
    int displaced = iotlb.displaced();
    int lane = 0;
    for (; lane < lanes.count; lane++) {
      long answer = lanes.answers[lane];
      // One of 0 has another span too.
      if (Translation.spanLog2(answer) != of.shift || lanes.spans[lane] > of.shift) {
        break;
      }
      long iova = lanes.iovas[lane];
      long preferred = TranslationCache.preferred(iova, of.hashShift, of.offsets, of.origin);
      long key = iova & of.blockMask | of.low;
      long page = answer & TranslationCache.PAYLOAD & of.blockMask;
      long word1 = of.expected | page | Translation.rights(answer) & usable;
      displaced = TranslationCache.fillUsual(preferred, key, word1, displaced);
    }
    iotlb.setDisplaced(displaced);
    return lane;
  }
}
