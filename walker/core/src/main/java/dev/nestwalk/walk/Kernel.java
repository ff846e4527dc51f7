package dev.nestwalk.walk;

import dev.nestwalk.iotlb.AddressSpace;
import dev.nestwalk.iotlb.AddressSpaces;
import dev.nestwalk.iotlb.Tag;
import dev.nestwalk.iotlb.TranslationCache;
import dev.nestwalk.iotlb.WalkCounters;
import org.jspecify.annotations.Nullable;

/**
 * Answers the plain requests of one requester: it probes the IOTLB, walks with or without page-walk
 * caches, and stores the answer. Anything else (an entry that faults, a flag to set, a barred
 * address) gets no answer and changes nothing; the full walker then handles it.
 *
 * <p>The caller is responsible for tags and configuration: a kernel answers for the address space
 * it was aimed at.
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

  /** The kernel that answers for the upper range of input addresses, if there is one. */
  @Nullable Kernel other;

  /** The barred addresses, or null. */
  @Nullable Barrier barrier;

  AddressSpace space;
  @Nullable AddressSpace second;

  // Operands of lookups, see TranslationCache. In page-walk caches the class is the level of the
  // table, where the last level is 1.
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

  /** Entries read since the last walk began, if they are counted. */
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
   * @return a packed answer, or 0 if the full walker has to decide
   */
  public abstract long translate(long iova, int access);

  /**
   * Translates many addresses, walking those that miss side by side.
   *
   * @param iovas the addresses, from index {@code from} on
   * @param answers another array, which receives the packed answers at the indices of their
   *     addresses, or 0 as {@link #translate} does
   * @return how many have no answer
   */
  public abstract int translate(long[] iovas, long[] answers, int from, int count, int access);

  /** Whether this kernel's class was compiled for its shape alone. */
  public abstract boolean isSpecialised();

  /**
   * Whether this kernel, or that of the other range of input addresses, has worked so much that a
   * class of its own pays; it then gives no answers.
   */
  public abstract boolean isBusy();

  /** Continues as it is for a while, twice as long as before. */
  abstract void rest();

  /** Sets the addresses of the first tables. */
  void root(long first, long second) {
    firstRoot = first;
    secondRoot = second;
  }

  /**
   * Sets the tags under which the caches are read and filled from now on.
   *
   * @param addressSpace the configuration's address space
   * @param secondSpace that of its second stage, or null
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

  /** Takes over the state of another kernel of the same shape. */
  void takeOver(Kernel old) {
    firstRoot = old.firstRoot;
    secondRoot = old.secondRoot;
    other = old.other;
    barrier = old.barrier;
    aim(old.space, old.second);
  }

  /** Sets the barred addresses; only for shapes that are restricted. */
  public void bar(@Nullable Barrier bars) {
    barrier = bars;
    if (other != null) {
      other.bar(bars);
    }
  }

  /**
   * Stores an answer.
   *
   * @param rights rights that a hit may grant without reading the tables
   * @param inputSpan log2 of the block of input addresses that the tables map as one
   */
  public final void keep(long iova, long answer, int rights, int inputSpan) {
    int span = (int) (answer >>> 52) & 63;
    TranslationCache iotlb = caches.iotlb;
    if (iotlb == null || span < AddressSpaces.shiftOf(0)) {
      // The span is less than a page if a reserved region begins or ends within it.
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

  /** The combined answer of two stages: the rights that both grant, and the smaller page. */
  static long both(long host, int span, long granted) {
    long least = Math.min(span, host >>> 52 & 63);
    return host & ADDRESS | least << 52 | (host >>> 58 & granted) << 58;
  }

  /** The cached second-stage page of an intermediate address as a packed answer, or 0. */
  final long knownPage(long address, int access) {
    TranslationCache cache = caches.structures.nested;
    long found = cache == null ? 0 : cache.find(address, 12, secondTag, 0, access);
    if (found == 0) {
      return 0;
    }
    counters.addNestedHits(shape.counts() ? 1 : 0);
    return found & TranslationCache.PAYLOAD | address & 0xfff;
  }

  /** Stores a second-stage answer for {@link #knownPage}. */
  final void keepPage(long address, long answer, int access) {
    TranslationCache cache = caches.structures.nested;
    if (cache != null) {
      long usable = answer >>> 58 & 3 & (access | (shape.second().writesAreSilent() ? 3 : 1));
      cache.put(address, 12, secondTag, 0, answer & TranslationCache.PAYLOAD, usable);
    }
  }
}
