package dev.nestwalk.iotlb;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A bounded, set-associative, off-heap store of translations: the IOTLB. It does not depend on a
 * format.
 *
 * <pre>
 *   word 0   63..12 input address of the block | 11..0 tag
 *   word 1   63..60 zero | 59..12 what the user keeps | 11..10 size class | 9..3 tag | 2 zero |
 *   1..0 usable rights
 * </pre>
 *
 * <p>A set is {@code ways} adjacent entries; up to four ways share one cache line. Each address
 * prefers one way of its set, and a lookup goes on to the others only if another address occupies
 * that way. A hit thus costs one compare, as in a direct-mapped cache, and its branch is
 * predictable, while two addresses that prefer one place can both stay.
 *
 * <p>An entry is found only under exactly the tag, block and size class with which it was stored,
 * and only if it grants every requested right; anything else is a miss.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class TranslationCache {
  /** The bits of word 1 that an entry keeps for its user: 59..12. */
  public static final long PAYLOAD = 0x0fff_ffff_ffff_f000L;

  /** The bits of word 1 that have to match: tag, class, and those that are zero. */
  static final long FIXED = 0xffc;

  /** Log2 of the size of an entry in bytes. */
  public static final int ENTRY_SHIFT = 4;

  private static final int CLASS_SHIFT = 10;
  private static final long TAG_LOW = 0xfff;
  private static final long TAG_HIGH = 0x3f8;
  private static final int LINE = 64;
  private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED;

  private final MemorySegment table;

  /**
   * Whether the table is a part of {@link CacheArena}; the next field is the part's offset there,
   * or 0.
   */
  private final boolean pooled;

  private final long base;
  private final long mask;
  private final int ways;

  /** Whether it is pooled and has four ways. */
  private final boolean usual;

  /** The way that was displaced last, counted from the preferred one; never 0 afterwards. */
  private int victim;

  /**
   * An empty store.
   *
   * @param entries a power of two, as {@link dev.nestwalk.cache.CacheOptions} checked it
   * @param ways a power of two, checked there too
   */
  public TranslationCache(int entries, int ways) {
    // The memory lives as long as this is reachable, so that no translator has to be closed.
    long bytes = entries * 16L;
    long part = CacheArena.take(this, bytes);
    pooled = part >= 0;
    base = pooled ? part : 0;
    table = pooled ? CacheArena.MEMORY.asSlice(base, bytes) : Arena.ofAuto().allocate(bytes, LINE);
    mask = entries - 1L;
    this.ways = ways;
    usual = pooled && ways == 4;
  }

  /**
   * The expected bits of word 1, besides payload and rights, for a tag and a size class of 0 to 3.
   */
  public static long expect(Tag tag, int sizeClass) {
    return tag.high() | (long) sizeClass << CLASS_SHIFT;
  }

  /**
   * Whether the entries are in the memory that caches share, for which {@link #preferred} works.
   */
  public boolean isPooled() {
    return pooled;
  }

  /** Mask of the offset of an entry. */
  public long offsets() {
    return mask << ENTRY_SHIFT;
  }

  /**
   * The value that the offsets of a tag's entries are mixed with: the start of the cache, and the
   * tag.
   */
  public long origin(Tag tag) {
    return base | (tag.salt() & mask) << ENTRY_SHIFT;
  }

  private long place(long address, int shift, long origin) {
    return place(address, shift - ENTRY_SHIFT, offsets(), origin);
  }

  private static long place(long address, int hashShift, long offsets, long origin) {
    long hash = address >>> hashShift;
    // Bits from 9 on are mixed in so that blocks one table apart do not share a set.
    return (hash ^ hash >>> 9) & offsets ^ origin;
  }

  // A probe of the preferred place, for caches in the shared memory, in three steps. The caller
  // supplies everything that they need, and a masked offset needs no bounds check, so the JIT
  // compiles them to straight code whose operands are the caller's fields.

  /**
   * Offset of the entry that an address prefers.
   *
   * @param hashShift log2 of the block size, less {@link #ENTRY_SHIFT}
   * @param offsets {@link #offsets}
   * @param origin {@link #origin}
   */
  public static long preferred(long address, int hashShift, long offsets, long origin) {
    return place(address, hashShift, offsets, origin) & CacheArena.WITHIN;
  }

  private static long word0At(long offset) {
    return CacheArena.MEMORY.get(WORD, offset & CacheArena.WITHIN);
  }

  /** Word 1 of the entry at an offset. */
  public static long word1At(long offset) {
    return CacheArena.MEMORY.get(WORD, (offset & CacheArena.WITHIN) + 8);
  }

  /** A bit that is clear in every entry; a probe that expects it set finds nothing. */
  public static final long UNFINDABLE = 4;

  /**
   * Whether an entry answers.
   *
   * @param offset where it is
   * @param word1 its word 1
   * @param key input address of the block and, below it, {@link Tag#low}
   * @param expected {@link #expect}
   * @param need requested rights, 0 to 3
   */
  public static boolean answers(long offset, long word1, long key, long expected, long need) {
    long difference = key ^ word0At(offset);
    return (difference | (word1 ^ need ^ expected) & (FIXED | need)) == 0;
  }

  /**
   * Probes every place of the set, the preferred one first.
   *
   * @return word 1, or 0
   */
  public long find(long address, int shift, long origin, long low, long expected, long need) {
    if (usual) {
      long at = place(address, shift, origin);
      long word1 = word1At(at);
      long key = address >>> shift << shift | low;
      if (answers(at, word1, key, expected, need)) {
        return word1;
      }
      if (!isThere(at, key)) {
        return 0;
      }
    }
    return findAnywhere(address, shift, origin, low, expected, need);
  }

  /**
   * Word 1 of the entry under a tag that holds an address's block with the requested rights, or 0.
   */
  public long find(long address, int shift, Tag tag, int sizeClass, long need) {
    return find(address, shift, origin(tag), tag.low(), expect(tag, sizeClass), need);
  }

  private long findAnywhere(
      long address, int shift, long origin, long low, long expected, long need) {
    long key = address >>> shift << shift | low;
    long at = place(address, shift, origin);
    for (int i = 0; i < ways; i++) {
      long other = at ^ (long) i << ENTRY_SHIFT;
      if (word0(other) == key) {
        long word1 = word1(other);
        if (((word1 ^ expected ^ need) & (FIXED | need)) == 0) {
          return word1;
        }
      }
    }
    return 0;
  }

  // The usual geometry, four ways in the shared memory, is unrolled: loops contain safepoint polls,
  // and checks of the geometry split the code. Batches use this directly and keep the mutable state
  // in locals between themselves and the cache.

  /** Whether {@link #isThere} and {@link #fillUsual} may be used on this cache. */
  public boolean isUsual() {
    return usual;
  }

  /** Whether a place of the set holds a block, whatever its rights. */
  public static boolean isThere(long preferred, long key) {
    return word0At(preferred) == key
        || word0At(preferred ^ 1L << ENTRY_SHIFT) == key
        || word0At(preferred ^ 2L << ENTRY_SHIFT) == key
        || word0At(preferred ^ 3L << ENTRY_SHIFT) == key;
  }

  /**
   * Stores an entry as {@link #fill} does.
   *
   * @param preferred offset of the place
   * @param key input address of the block and, below it, {@link Tag#low}
   * @param last the way that was displaced last, counted from the preferred one
   * @return the way displaced last after this call
   */
  public static int fillUsual(long preferred, long key, long word1, int last) {
    long old0 = word0At(preferred);
    long old1 = word1At(preferred);
    int way = last;
    // Every entry has a span in word 1, so an empty place is one whose word 1 is 0.
    if (old0 != key && old1 != 0) {
      way = last == 3 ? 1 : last + 1;
      setAt(preferred ^ (long) way << ENTRY_SHIFT, old0, old1);
    }
    setAt(preferred, key, word1);
    return way;
  }

  private static void setAt(long offset, long word0, long word1) {
    CacheArena.MEMORY.set(WORD, offset & CacheArena.WITHIN, word0);
    CacheArena.MEMORY.set(WORD, (offset & CacheArena.WITHIN) + 8, word1);
  }

  // Offsets are within the shared memory, or within the table if that has its own memory.

  private long word0(long at) {
    return pooled ? word0At(at) : table.get(WORD, at);
  }

  private long word1(long at) {
    return pooled ? word1At(at) : table.get(WORD, at + 8);
  }

  private void set(long at, long word0, long word1) {
    if (pooled) {
      setAt(at, word0, word1);
    } else {
      table.set(WORD, at, word0);
      table.set(WORD, at + 8, word1);
    }
  }

  /**
   * Stores an entry; one with the same tag, block and class is replaced.
   *
   * @param payload within {@link #PAYLOAD}
   * @param rights usable rights, 0 to 3
   * @return whether an entry for something else was displaced
   */
  public boolean put(long address, int shift, Tag tag, int sizeClass, long payload, long rights) {
    long expected = expect(tag, sizeClass);
    dropOne(tag, address >>> shift, shift, sizeClass);
    long at = place(address, shift, origin(tag));
    boolean full = isTaken(at);
    for (int way = 1; full && way < ways; way++) {
      long other = at ^ (long) way << ENTRY_SHIFT;
      if (!isTaken(other)) {
        set(other, word0(at), word1(at));
        full = false;
      }
    }
    if (full && ways > 1) {
      displace(at, word0(at), word1(at));
    }
    set(at, address >>> shift << shift | tag.low(), payload | expected | rights);
    return full;
  }

  /**
   * Stores an entry after a miss, in few steps. The entry at the preferred place moves to another
   * place of the set and displaces what is there. An entry that granted too little may stay beside
   * the new one: whatever drops one of them drops the other.
   *
   * @param word1 payload, {@link #expect} and usable rights
   * @return whether an entry for something else was displaced
   */
  public boolean fill(long address, int shift, long origin, long low, long word1) {
    long word0 = address >>> shift << shift | low;
    long at = place(address, shift, origin);
    long old0 = word0(at);
    long old1 = word1(at);
    boolean lost = old0 != word0 && old1 != 0;
    if (lost && ways > 1) {
      int way = victim + 1 >= ways ? 1 : victim + 1;
      lost = isTaken(at ^ (long) way << ENTRY_SHIFT);
      displace(at, old0, old1);
    }
    set(at, word0, word1);
    return lost;
  }

  private void displace(long at, long word0, long word1) {
    int way = victim + 1 == ways ? 1 : victim + 1;
    victim = way;
    set(at ^ (long) way << ENTRY_SHIFT, word0, word1);
  }

  private boolean isTaken(long at) {
    return (word0(at) | word1(at)) != 0;
  }

  /**
   * Drops every entry of a tag whose block overlaps {@code [first, last]}, and no other. It
   * examines no more entries than the store has, however large the range is.
   *
   * @param shifts block sizes (log2) by size class
   * @param classes bit n: there may be entries of class n
   * @return number of entries examined
   */
  public long drop(Tag tag, int[] shifts, int classes, long first, long last) {
    long sets = entries() / ways;
    long probes = 0;
    for (int sizeClass = 0; sizeClass < shifts.length && probes <= sets; sizeClass++) {
      if ((classes >>> sizeClass & 1) != 0) {
        long blocks = (last >>> shifts[sizeClass]) - (first >>> shifts[sizeClass]);
        // The number minus 1, so that it cannot wrap.
        probes += Math.min(blocks, sets) + 1;
      }
    }
    if (probes > sets) {
      scan(tag, shifts, first, last);
      return entries();
    }
    probeEach(tag, shifts, classes, first, last);
    return probes * ways;
  }

  private void probeEach(Tag tag, int[] shifts, int classes, long first, long last) {
    for (int sizeClass = 0; sizeClass < shifts.length; sizeClass++) {
      if ((classes >>> sizeClass & 1) != 0) {
        int shift = shifts[sizeClass];
        long pages = (last >>> shift) - (first >>> shift);
        for (long i = 0; i <= pages; i++) {
          dropOne(tag, (first >>> shift) + i, shift, sizeClass);
        }
      }
    }
  }

  private void dropOne(Tag tag, long page, int shift, int sizeClass) {
    long word0 = page << shift | tag.low();
    long expected = expect(tag, sizeClass);
    long at = place(page << shift, shift, origin(tag));
    for (int way = 0; way < ways; way++) {
      long other = at ^ (long) way << ENTRY_SHIFT;
      if (word0(other) == word0 && ((word1(other) ^ expected) & FIXED) == 0) {
        set(other, 0, 0);
      }
    }
  }

  private void scan(Tag tag, int[] shifts, long first, long last) {
    for (long at = 0; at <= offsets(); at += 16) {
      long word0 = table.get(WORD, at);
      long word1 = table.get(WORD, at + 8);
      if ((word0 & TAG_LOW) != tag.low() || (word1 & TAG_HIGH) != tag.high()) {
        continue;
      }
      int shift = shifts[(int) (word1 >>> CLASS_SHIFT) & 3];
      long block = word0 & ~TAG_LOW;
      boolean apart =
          Long.compareUnsigned(block + ((1L << shift) - 1), first) < 0
              || Long.compareUnsigned(block, last) > 0;
      if (!apart) {
        erase(at);
      }
    }
  }

  private void erase(long at) {
    table.set(WORD, at, 0);
    table.set(WORD, at + 8, 0);
  }

  /** Empties the store. */
  public void clear() {
    table.fill((byte) 0);
  }

  /** Number of entries of a tag; reads the whole store. */
  public int count(Tag tag) {
    int found = 0;
    for (long at = 0; at <= offsets(); at += 16) {
      long word0 = table.get(WORD, at);
      long word1 = table.get(WORD, at + 8);
      if ((word0 & TAG_LOW) == tag.low() && (word1 & TAG_HIGH) == tag.high()) {
        found++;
      }
    }
    return found;
  }

  /** Number of entries. */
  public int entries() {
    return (int) mask + 1;
  }

  /** Entries per set. */
  public int ways() {
    return ways;
  }
}
