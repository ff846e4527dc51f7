package dev.nestwalk.cache;

import org.jspecify.annotations.Nullable;

/**
 * What a look into a {@link TranslationCache} needs, at hand for one tag and one size of block: the
 * place that an address prefers is then found and judged in one straight piece of code.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class Probe {
  /** A bit that every entry has clear: whoever expects it set finds nothing. */
  public static final long UNFINDABLE = 4;

  private int hashShift = TranslationCache.ENTRY_SHIFT;
  private long block;
  private long offsets;
  private long origin;
  private long low;
  private long expected = UNFINDABLE;

  /** A probe that finds nothing. */
  public Probe() {}

  /**
   * Aims at a tag's blocks of one size. Finds nothing if there is no cache, or if it has memory of
   * its own: whoever asks has a longer way that does.
   *
   * @param shift log2 of the block size, at least 12
   */
  public void aim(@Nullable TranslationCache cache, Tag tag, int shift, int sizeClass) {
    expected = UNFINDABLE;
    if (cache != null && cache.isPooled() && tag.isSet()) {
      hashShift = shift - TranslationCache.ENTRY_SHIFT;
      block = -1L << shift;
      offsets = cache.offsets();
      origin = cache.origin(tag);
      low = tag.low();
      expected = TranslationCache.expect(tag, sizeClass);
    }
  }

  /** Word 1 of the entry that holds an address' block, or 0. */
  public long find(long address) {
    long at = TranslationCache.preferred(address, hashShift, offsets, origin);
    long word1 = TranslationCache.word1At(at);
    return TranslationCache.answers(at, word1, address & block | low, expected, 0) ? word1 : 0;
  }
}
