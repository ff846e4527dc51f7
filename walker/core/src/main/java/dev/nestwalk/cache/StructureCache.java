package dev.nestwalk.cache;

import java.util.Arrays;

/**
 * A direct-mapped store of partial walks: an address prefix leads to the table, or to the page,
 * that a walk comes to. It knows no format: bits in, bits out, in the form of a {@link
 * TranslationCache} entry.
 *
 * <p>Unlike that one it lives on the heap: it is small, and an element of an array costs half of
 * the instructions that one of a memory segment does, which a miss pays four times.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class StructureCache {
  /** What an entry keeps for its user: bits 59..12 of word 1. */
  public static final long PAYLOAD = TranslationCache.PAYLOAD;

  private final long[] words;
  private final int mask;

  /**
   * An empty store.
   *
   * @param entries a power of two, 2 to 2^26
   * @throws IllegalArgumentException for another number
   */
  public StructureCache(int entries) {
    TranslationCache.checkGeometry(entries, 1);
    words = new long[2 * entries];
    mask = 2 * entries - 2;
  }

  /**
   * Looks an address up. A tag that is not set finds nothing, as no class is 0.
   *
   * @param shift log2 of the size of the prefix's block, at least 12
   * @param sizeClass 1 to 3, tells entries of different sizes apart
   * @param need rights asked for, 0 to 3
   * @return word 1 of the entry, or 0
   */
  public long find(long address, int shift, Tag tag, int sizeClass, long need) {
    long page = address >>> shift;
    int at = place(page, tag);
    long word1 = words[at + 1];
    long difference = words[at] ^ (page << shift | tag.low());
    long expected = TranslationCache.expect(tag, sizeClass) | need;
    difference |= (word1 ^ expected) & (TranslationCache.FIXED | need);
    return difference == 0 ? word1 : 0;
  }

  /**
   * Keeps an entry in place of what is there.
   *
   * @param payload within {@link #PAYLOAD}
   * @param rights usable rights, 0 to 3
   */
  public void put(long address, int shift, Tag tag, int sizeClass, long payload, long rights) {
    long page = address >>> shift;
    int at = place(page, tag);
    words[at] = page << shift | tag.low();
    words[at + 1] = payload | TranslationCache.expect(tag, sizeClass) | rights;
  }

  private int place(long page, Tag tag) {
    // Bits from 9 on join in so that blocks a table apart do not share one place.
    return (int) ((page ^ page >>> 9 ^ tag.salt()) << 1) & mask;
  }

  /** Empties the store. */
  public void clear() {
    Arrays.fill(words, 0);
  }
}
