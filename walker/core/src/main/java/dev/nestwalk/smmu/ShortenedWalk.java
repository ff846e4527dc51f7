package dev.nestwalk.smmu;

import dev.nestwalk.cache.StructureCaches;
import dev.nestwalk.cache.TranslationCache;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import org.jspecify.annotations.Nullable;

/**
 * The {@link SmoothWalk} from what the structure caches know: 0 too where they do not know enough,
 * and the long way then fills them.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class ShortenedWalk {
  private final SmoothWalk smooth;
  private final Stage2Walk below;
  private final @Nullable TranslationCache firstTables;
  private final @Nullable TranslationCache secondTables;
  private final @Nullable TranslationCache pages;

  ShortenedWalk(SmoothWalk smooth, Stage2Walk below, StructureCaches caches) {
    this.smooth = smooth;
    this.below = below;
    firstTables = caches.first;
    secondTables = caches.second;
    pages = caches.nested;
  }

  /** As {@link SmoothWalk#walk}. */
  long walk(SmmuPlan plan, long address, int access) {
    if (!plan.smooth) {
      return 0;
    }
    if (!plan.stage1) {
      return plan.stage2 && smooth.isIntermediate(address) ? second(plan, address, access) : 0;
    }
    long page = first(plan, address, access);
    plan.inputSpan = Translation.spanLog2(page);
    plan.intermediate = Translation.address(page);
    if (page == 0 || !plan.stage2) {
      return page;
    }
    long host = host(plan, Translation.address(page), access);
    return host == 0 ? 0 : SmoothWalk.both(page, host);
  }

  private long first(SmmuPlan plan, long address, int access) {
    Regime regime = SmoothWalk.regime(plan, address);
    TranslationCache cache = firstTables;
    boolean usable = SmoothWalk.accepts(regime, address) && plan.firstTag.isSet();
    if (cache == null || !usable || regime.start >= 3) {
      return 0;
    }
    int shift = regime.granule;
    long known = cache.find(address, regime.lsb(2), plan.firstTag, 1, 0);
    if (known == 0) {
      shift = regime.lsb(2);
      known = regime.start >= 2 ? 0 : cache.find(address, regime.lsb(1), plan.firstTag, 2, 0);
      if (known == 0) {
        return 0;
      }
    }
    long above = Stage1Walk.hierarchy(known);
    long slots = (1L << regime.stride) - 1;
    long table = known & Stage1Walk.ADDRESS;
    return smooth.firstFrom(plan, regime, table, shift, slots, above, address, access);
  }

  private long host(SmmuPlan plan, long ipa, int access) {
    TranslationCache cache = pages;
    if (cache == null || !plan.secondTag.isSet()) {
      return second(plan, ipa, access);
    }
    long found = cache.find(ipa, 12, plan.secondTag, Stage2Walk.PAGES, access);
    if (found != 0) {
      return found & TranslationCache.PAYLOAD | ipa & 0xfff;
    }
    long answer = second(plan, ipa, access);
    if (answer != 0) {
      below.keep(plan, ipa, answer, (access & Access.WRITE) != 0);
    }
    return answer;
  }

  private long second(SmmuPlan plan, long ipa, int access) {
    Regime regime = plan.second;
    TranslationCache cache = secondTables;
    if (cache == null || !plan.secondTag.isSet() || regime.start >= 3) {
      return 0;
    }
    int shift = regime.granule;
    long known = cache.find(ipa, regime.lsb(2), plan.secondTag, 1, 0);
    if (known == 0) {
      shift = regime.lsb(2);
      known = regime.start >= 2 ? 0 : cache.find(ipa, regime.lsb(1), plan.secondTag, 2, 0);
      if (known == 0) {
        return 0;
      }
    }
    long slots = (1L << regime.stride) - 1;
    return smooth.secondFrom(plan, known & Stage1Walk.ADDRESS, shift, slots, ipa, access);
  }
}
