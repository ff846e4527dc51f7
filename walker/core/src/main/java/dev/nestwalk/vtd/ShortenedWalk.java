package dev.nestwalk.vtd;

import dev.nestwalk.cache.StructureCaches;
import dev.nestwalk.cache.TranslationCache;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import org.jspecify.annotations.Nullable;

/**
 * The {@link SmoothWalk} from what the structure caches know (VT-d 6.2.5): 0 too where they do not
 * know enough, and the long way then fills them.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class ShortenedWalk {
  private static final long ADDRESS = SecondStageEntry.ADDR.mask();
  private static final int RIGHTS_SHIFT = SecondStageWalk.RIGHTS_SHIFT;

  private final SmoothWalk smooth;
  private final SecondStageWalk below;
  private final @Nullable TranslationCache firstTables;
  private final @Nullable TranslationCache secondTables;
  private final @Nullable TranslationCache pages;

  ShortenedWalk(SmoothWalk smooth, SecondStageWalk below, StructureCaches caches) {
    this.smooth = smooth;
    this.below = below;
    firstTables = caches.first;
    secondTables = caches.second;
    pages = caches.nested;
  }

  /** As {@link SmoothWalk#walk}. */
  long walk(VtdPlan plan, long iova, int access) {
    long answer =
        switch (plan.kind) {
          case VtdPlan.SECOND -> second(plan, iova, access);
          case VtdPlan.NESTED -> nested(plan, iova, access);
          case VtdPlan.FIRST -> first(plan, iova, access);
          default -> 0;
        };
    return SmoothWalk.settled(plan, iova, answer);
  }

  private long first(VtdPlan plan, long iova, int access) {
    TranslationCache cache = firstTables;
    if (cache == null || !plan.firstTag.isSet()) {
      return 0;
    }
    int shift = 12;
    long known = cache.find(iova, 21, plan.firstTag, 1, 0);
    if (known == 0) {
      shift = 21;
      known = cache.find(iova, 30, plan.firstTag, 2, 0);
      if (known == 0) {
        return 0;
      }
    }
    long all = PartialWalk.all(known) | ~PartialWalk.RIGHTS;
    boolean allowed = (all & SmoothWalk.required(plan)) == SmoothWalk.required(plan);
    return allowed ? smooth.firstFrom(plan, known & ADDRESS, shift, all, iova, access) : 0;
  }

  private long nested(VtdPlan plan, long iova, int access) {
    long page = first(plan, iova, access);
    if (page == 0) {
      return 0;
    }
    long host = host(plan, Translation.address(page), access);
    plan.inputSpan = Translation.spanLog2(page);
    plan.intermediate = Translation.address(page);
    return host == 0 ? 0 : SmoothWalk.both(page, host);
  }

  private long host(VtdPlan plan, long address, int access) {
    TranslationCache cache = pages;
    if (cache == null || !plan.secondTag.isSet()) {
      return second(plan, address, access);
    }
    long found = cache.find(address, 12, plan.secondTag, SecondStageWalk.PAGES, access);
    if (found != 0) {
      return found & TranslationCache.PAYLOAD | address & 0xfff;
    }
    long answer = second(plan, address, access);
    if (answer != 0) {
      below.keep(plan, address, answer, (access & Access.WRITE) != 0);
    }
    return answer;
  }

  private long second(VtdPlan plan, long address, int access) {
    TranslationCache cache = secondTables;
    if (cache == null || !plan.secondTag.isSet()) {
      return 0;
    }
    int shift = 12;
    long known = cache.find(address, 21, plan.secondTag, 1, 0);
    if (known == 0) {
      shift = 21;
      known = cache.find(address, 30, plan.secondTag, 2, 0);
    }
    long above = known >>> RIGHTS_SHIFT;
    return (above & access) == access
        ? smooth.secondFrom(plan, known & ADDRESS, shift, above, address, access)
        : 0;
  }
}
