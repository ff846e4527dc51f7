package dev.nestwalk.walk;

import dev.nestwalk.iotlb.AddressSpace;
import dev.nestwalk.iotlb.AddressSpaces;
import dev.nestwalk.iotlb.Tag;
import dev.nestwalk.iotlb.TranslationCache;
import dev.nestwalk.iotlb.WalkCounters;
import org.jspecify.annotations.Nullable;

/**
 * Answers one requester's plain requests: looks in the IOTLB, walks with the help of page-walk
 * caches or without, and keeps the answer. What is not the plain case (an entry that faults, a flag
 * to set, an address that is barred) has no answer here, and nothing has been changed.
 *
 * <p>Tags and configuration are the caller's business: a kernel answers from what it was aimed at.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public abstract class Kernel {
  static final long ADDRESS = (1L << 52) - 1;
  static final long TABLE = (1L << 52) - 4096;

  final Shape shape;
  final WalkCaches caches;
  final WalkCounters counters;
  long firstRoot;
  long secondRoot;

  /** What the upper range of input addresses is asked of, if there is one. */
  @Nullable Kernel other;

  /** What is barred, if anything is. */
  @Nullable Barrier barrier;

  AddressSpace space;
  @Nullable AddressSpace second;

  // What look-ups need: see TranslationCache. Classes in expectations of page-walk caches are the
  // level of the table, counted from 1 for the last.
  long origin;
  long low;
  long expected;
  long firstOrigin;
  long firstLow;
  long firstExpected;
  long secondOrigin;
  long secondLow;
  long secondExpected;

  Tag secondTag = new Tag();

  /** Entries read since the last walk began, where they are counted. */
  int reads;

  Kernel(Shape shape, WalkCaches caches, AddressSpace space) {
    this.space = space;
    this.shape = shape;
    this.caches = caches;
    counters = caches.counters;
  }

  /**
   * Translates an address.
   *
   * @param iova byte address, all 64 bits significant
   * @param access 1 read, 2 write, 3 both
   * @return a packed answer, or 0 where the full walker has to tell
   */
  public abstract long translate(long iova, int access);

  /**
   * Translates many addresses, misses side by side.
   *
   * @param iovas those from {@code from} on are asked for
   * @param answers another array, takes packed answers at the same places, or 0 as {@link
   *     #translate} does
   * @return how many have no answer
   */
  public abstract int translate(long[] iovas, long[] answers, int from, int count, int access);

  /** Whether this is compiled for its shape alone. */
  public abstract boolean isSpecialised();

  /** Whether this has worked so much that it deserves a class of its own; it then answers none. */
  public abstract boolean isBusy();

  /** Goes on as it is for a while, twice as long as before. */
  abstract void rest();

  /** Whether any table is walked. */
  public boolean walks() {
    return shape.walks();
  }

  /** Takes the addresses of the first tables. */
  void root(long first, long second) {
    firstRoot = first;
    secondRoot = second;
  }

  /**
   * Takes the tags under which the caches are looked up and filled from now on.
   *
   * @param addressSpace of the configuration
   * @param secondSpace of its second stage, null for none
   */
  public void aim(AddressSpace addressSpace, @Nullable AddressSpace secondSpace) {
    space = addressSpace;
    second = secondSpace;
    TranslationCache iotlb = caches.iotlb;
    if (iotlb != null) {
      Tag tag = addressSpace.translations;
      origin = iotlb.origin(tag);
      low = tag.low();
      expected = TranslationCache.expect(tag, 0);
    }
    Tag tag = addressSpace.structures;
    TranslationCache first = caches.structures.first;
    firstOrigin = first == null ? 0 : first.origin(tag);
    firstLow = tag.low();
    firstExpected = TranslationCache.expect(tag, 0);
    if (secondSpace != null) {
      secondTag = secondSpace.structures;
      TranslationCache tables = caches.structures.second;
      secondOrigin = tables == null ? 0 : tables.origin(secondTag);
      secondLow = secondTag.low();
      secondExpected = TranslationCache.expect(secondTag, 0);
    }
    if (other != null) {
      other.aim(addressSpace, secondSpace);
    }
  }

  /** Takes the place of another kernel of the same shape. */
  void takeOver(Kernel old) {
    firstRoot = old.firstRoot;
    secondRoot = old.secondRoot;
    other = old.other;
    barrier = old.barrier;
    aim(old.space, old.second);
  }

  /** Bars addresses from now on; only for shapes that are restricted. */
  public void bar(@Nullable Barrier bars) {
    barrier = bars;
    if (other != null) {
      other.bar(bars);
    }
  }

  /**
   * Keeps an answer.
   *
   * @param rights that a hit may grant without a look at the tables
   * @param inputSpan log2 of the block of input addresses that the tables map as one
   */
  public final void keep(long iova, long answer, int rights, int inputSpan) {
    int span = (int) (answer >>> 52) & 63;
    TranslationCache iotlb = caches.iotlb;
    if (iotlb == null || span < AddressSpaces.shiftOf(0)) {
      // Less than a page where a reserved region begins or ends within it.
      return;
    }
    int sizeClass = AddressSpaces.classOf(span);
    int shift = AddressSpaces.shiftOf(sizeClass);
    if (inputSpan > shift) {
      space.fracture(inputSpan);
    }
    space.keeps(sizeClass);
    long page = answer & TranslationCache.PAYLOAD & -1L << shift;
    long word1 = expected | (long) sizeClass << 10 | page | rights;
    if (iotlb.fill(iova, shift, origin, low, word1)) {
      counters.addEviction();
    }
  }

  /** The answer of two stages: what both grant, for the smaller page. */
  static long both(long host, int span, long granted) {
    long least = Math.min(span, host >>> 52 & 63);
    return host & ADDRESS | least << 52 | (host >>> 58 & granted) << 58;
  }

  /** The page that an intermediate address' page leads to, as a packed answer, if it is known. */
  final long knownPage(long address, int access) {
    TranslationCache cache = caches.structures.nested;
    long found = cache == null ? 0 : cache.find(address, 12, secondTag, 0, access);
    if (found == 0) {
      return 0;
    }
    counters.addNestedHits(shape.counts() ? 1 : 0);
    return found & TranslationCache.PAYLOAD | address & 0xfff;
  }

  /** Keeps an answer of the second stage for {@link #knownPage}. */
  final void keepPage(long address, long answer, int access) {
    TranslationCache cache = caches.structures.nested;
    if (cache != null) {
      long usable = answer >>> 58 & 3 & (access | (shape.second().writesAreSilent() ? 3 : 1));
      cache.put(address, 12, secondTag, 0, answer & TranslationCache.PAYLOAD, usable);
    }
  }
}
