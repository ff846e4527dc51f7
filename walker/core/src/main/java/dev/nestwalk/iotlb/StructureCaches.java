package dev.nestwalk.iotlb;

import dev.nestwalk.cache.CacheOptions;
import org.jspecify.annotations.Nullable;

/**
 * The page-walk caches, which shorten a walk. Each may be absent.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class StructureCaches {
  /** Partial first-stage walks: input prefix to the output address of the next table. */
  public final @Nullable TranslationCache first;

  /** Partial second-stage walks: intermediate prefix to the next table. */
  public final @Nullable TranslationCache second;

  /** Whole second-stage walks: intermediate page to output page. */
  public final @Nullable TranslationCache nested;

  /** Makes caches of the given geometry. */
  public StructureCaches(CacheOptions options) {
    first = structure(options.firstStageEntries());
    second = structure(options.secondStageEntries());
    nested = structure(options.nestedEntries());
  }

  private static @Nullable TranslationCache structure(int entries) {
    return entries == 0 ? null : new TranslationCache(entries, 1);
  }

  /** Empties all of them. */
  public void clear() {
    clear(first);
    clear(second);
    clear(nested);
  }

  private static void clear(@Nullable TranslationCache cache) {
    if (cache != null) {
      cache.clear();
    }
  }
}
