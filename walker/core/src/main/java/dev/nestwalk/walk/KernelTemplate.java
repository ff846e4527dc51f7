package dev.nestwalk.walk;

import dev.nestwalk.cache.AddressSpace;
import dev.nestwalk.cache.TranslationCache;
import dev.nestwalk.memory.GuestMemory;
import java.lang.constant.ConstantDescs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The walk of all formats. {@link KernelFactory} defines this class anew for a shape, which then is
 * a constant of that class: the JIT sees the masks as immediates, leaves out levels and rules that
 * the shape has not, and profiles each shape by itself. Loaded as an ordinary class it does the
 * same with the shape of the instance.
 *
 * <p>Methods that the JIT has to inline have at most 325 bytes of code ({@code CodeSizeTest}).
 * Entries are read plainly, each once: what makes a walk read anew is the acquire read at the start
 * of its translation. An entry outside memory reads as 0, which no format takes for a table or a
 * page of its own.
 */
final class KernelTemplate extends Kernel {
  private static final @Nullable Shape SHAPE = classData();
  private static final Stage FIRST = SHAPE == null ? Stage.NONE : SHAPE.first();
  private static final Stage SECOND = SHAPE == null ? Stage.NONE : SHAPE.second();

  // The two largest runs of memory. Tables mostly lie in one of them, so that which one it is can
  // be foreseen; a third run is asked for as the full walkers do it.
  private static final int RUNS = SHAPE == null ? 0 : Math.min(3, SHAPE.memory().directRuns());
  private static final MemorySegment BYTES0 = bytes(0);
  private static final MemorySegment BYTES1 = bytes(1);
  private static final long START0 = start(0);
  private static final long START1 = start(1);
  private static final long LIMIT0 = BYTES0.byteSize() - 7;
  private static final long LIMIT1 = BYTES1.byteSize() - 7;

  private static final ValueLayout.OfLong WORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** How much an instance works before it deserves a class of its own. */
  private static final int PATIENCE = 4096;

  /** Groups walked one by one after one that could not be walked side by side. */
  private static final int DETOUR = 15;

  private final long[] inputs;
  private final long[] at;
  private final long[] hosts;
  private final long[] entries;
  private final long[] all;
  private final long[] rights;
  private final long[] known;
  private final int[] places;

  private long patience = PATIENCE;
  private int rests;
  private int detour;
  private int reads;
  private int victim;

  KernelTemplate(Shape shape, WalkCaches caches, AddressSpace space) {
    super(shape, caches, space);
    Lanes lanes = caches.lanes;
    inputs = lanes.inputs;
    at = lanes.at;
    hosts = lanes.hosts;
    entries = lanes.entries;
    all = lanes.all;
    rights = lanes.rights;
    known = lanes.known;
    places = lanes.places;
  }

  private static @Nullable Shape classData() {
    try {
      return MethodHandles.classData(
          MethodHandles.lookup(), ConstantDescs.DEFAULT_NAME, Shape.class);
    } catch (IllegalAccessException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static MemorySegment bytes(int nth) {
    GuestMemory memory = SHAPE == null ? null : SHAPE.memory();
    return memory == null || nth >= RUNS ? MemorySegment.NULL : memory.bytes(memory.directRun(nth));
  }

  private static long start(int nth) {
    GuestMemory memory = SHAPE == null ? null : SHAPE.memory();
    return memory == null || nth >= RUNS ? 0 : memory.first(memory.directRun(nth));
  }

  private Shape shape() {
    return SHAPE == null ? shape : SHAPE;
  }

  private Stage first() {
    return SHAPE == null ? shape.first() : FIRST;
  }

  private Stage second() {
    return SHAPE == null ? shape.second() : SECOND;
  }

  @Override
  public boolean isSpecialised() {
    return SHAPE != null;
  }

  @Override
  public boolean isBusy() {
    return SHAPE == null && patience < 0;
  }

  @Override
  void rest() {
    rests = Math.min(rests + 1, 30);
    patience = (long) PATIENCE << rests;
  }

  /** Whether this shall make way for a class of its own; counts what it has to do. */
  private boolean isSpent(int count) {
    patience -= count;
    return patience < 0;
  }

  // ---- memory

  /** An entry, or 0 outside memory. The sum is made so that few steps lie between two loads. */
  private long entry(Stage s, long table, long index) {
    if (shape().counts()) {
      reads++;
    }
    long word = RUNS == 1 ? word(table, index) : wordOfSome(table, index);
    return s.bigEndian() ? Long.reverseBytes(word) : word;
  }

  private static long word(long table, long index) {
    long offset = table + (index - START0);
    return Long.compareUnsigned(offset, LIMIT0) >= 0 ? 0 : BYTES0.get(WORD, offset);
  }

  private long wordOfSome(long table, long index) {
    if (RUNS == 0) {
      return shape().memory().entryOrZero(table, index);
    }
    long offset0 = table + (index - START0);
    if (Long.compareUnsigned(offset0, LIMIT0) < 0) {
      return BYTES0.get(WORD, offset0);
    }
    long offset1 = table + (index - START1);
    if (Long.compareUnsigned(offset1, LIMIT1) < 0) {
      return BYTES1.get(WORD, offset1);
    }
    return RUNS == 2 ? 0 : shape().memory().entryOrZero(table, index);
  }

  // ---- whole walks, level by level: a stage and a level are constants wherever this is inlined

  private long walk(long iova, int access) {
    Stage s = first();
    if (!s.isOn()) {
      return settled(iova, throughSecond(iova, access));
    }
    return s.outside(iova) == 0 ? throughFirst(iova, access) : otherRange(iova, access);
  }

  private long otherRange(long iova, int access) {
    Kernel above = other;
    return shape().otherRange() && above != null ? above.translate(iova, access) : 0;
  }

  private long throughSecond(long address, int access) {
    Stage s = second();
    if (s.outside(address) != 0) {
      return 0;
    }
    long every = -1;
    long table = secondRoot;
    long e;
    if (s.levels() > 4) {
      e = entry(s, table, s.slot(4, address));
      every &= e;
      if (!s.isTable(4, e)) {
        return 0;
      }
      table = s.next(e);
    }
    if (s.levels() > 3) {
      e = entry(s, table, s.slot(3, address));
      every &= e;
      if (!s.isTable(3, e)) {
        return secondLeaf(3, e, every, address, access);
      }
      table = s.next(e);
    }
    if (s.levels() > 2) {
      e = entry(s, table, s.slot(2, address));
      every &= e;
      if (!s.isTable(2, e)) {
        return secondLeaf(2, e, every, address, access);
      }
      table = s.next(e);
    }
    if (s.levels() > 1) {
      e = entry(s, table, s.slot(1, address));
      every &= e;
      if (!s.isTable(1, e)) {
        return secondLeaf(1, e, every, address, access);
      }
      table = s.next(e);
    }
    e = entry(s, table, s.slot(0, address));
    every &= e;
    return secondLeaf(0, e, every, address, access);
  }

  private long secondLeaf(int n, long e, long every, long address, int access) {
    Stage s = second();
    return s.answer(n, e, s.granted(n, e, every, 0, access), address);
  }

  /** An entry of a first-stage table, which the second stage leads to, or 0. */
  private long below(long address) {
    Stage s = second();
    if (s.outside(address) != 0) {
      return 0;
    }
    long every = -1;
    long table = secondRoot;
    long e;
    if (s.levels() > 4) {
      e = entry(s, table, s.slot(4, address));
      every &= e;
      if (!s.isTable(4, e)) {
        return 0;
      }
      table = s.next(e);
    }
    if (s.levels() > 3) {
      e = entry(s, table, s.slot(3, address));
      every &= e;
      if (!s.isTable(3, e)) {
        return belowLeaf(3, e, every, address);
      }
      table = s.next(e);
    }
    if (s.levels() > 2) {
      e = entry(s, table, s.slot(2, address));
      every &= e;
      if (!s.isTable(2, e)) {
        return belowLeaf(2, e, every, address);
      }
      table = s.next(e);
    }
    if (s.levels() > 1) {
      e = entry(s, table, s.slot(1, address));
      every &= e;
      if (!s.isTable(1, e)) {
        return belowLeaf(1, e, every, address);
      }
      table = s.next(e);
    }
    e = entry(s, table, s.slot(0, address));
    every &= e;
    return belowLeaf(0, e, every, address);
  }

  private long belowLeaf(int n, long e, long every, long address) {
    Stage s = second();
    boolean leads = s.tableMemory() == 0 || (e & s.tableMemory()) != 0;
    return leads && s.granted(n, e, every, 0, 1) != 0
        ? entry(first(), s.page(n, e), s.inside(n, address))
        : 0;
  }

  private long firstEntry(int n, long table, long iova) {
    Stage s = first();
    return second().isOn() ? below(table + s.slot(n, iova)) : entry(s, table, s.slot(n, iova));
  }

  private long throughFirst(long iova, int access) {
    Stage s = first();
    long every = -1;
    long some = 0;
    long table = firstRoot;
    long e;
    if (s.levels() > 4) {
      e = firstEntry(4, table, iova);
      every &= e;
      if (!s.isTable(4, e)) {
        return 0;
      }
      some |= e;
      table = s.next(e);
    }
    if (s.levels() > 3) {
      e = firstEntry(3, table, iova);
      every &= e;
      if (!s.isTable(3, e)) {
        return firstLeaf(3, e, every, some, iova, access);
      }
      some |= e;
      table = s.next(e);
    }
    if (s.levels() > 2) {
      e = firstEntry(2, table, iova);
      every &= e;
      if (!s.isTable(2, e)) {
        return firstLeaf(2, e, every, some, iova, access);
      }
      some |= e;
      table = s.next(e);
    }
    if (s.levels() > 1) {
      e = firstEntry(1, table, iova);
      every &= e;
      if (!s.isTable(1, e)) {
        return firstLeaf(1, e, every, some, iova, access);
      }
      some |= e;
      table = s.next(e);
    }
    e = firstEntry(0, table, iova);
    every &= e;
    return firstLeaf(0, e, every, some, iova, access);
  }

  private long firstLeaf(int n, long e, long every, long some, long iova, int access) {
    Stage s = first();
    long granted = s.granted(n, e, every, some, access);
    if (granted == 0) {
      return 0;
    }
    noteGlobal(s, e);
    if (!second().isOn()) {
      return settled(iova, s.answer(n, e, granted, iova));
    }
    long host = throughSecond(s.page(n, e) | s.inside(n, iova), access);
    return host == 0 ? 0 : settled(iova, both(host, s.shift(n), granted));
  }

  private void noteGlobal(Stage s, long leaf) {
    if (s.notGlobal() != 0 && (leaf & s.notGlobal()) == 0) {
      space.setGlobal();
    }
  }

  private static long both(long host, int span, long granted) {
    long least = Math.min(span, host >>> 52 & 63);
    return host & ADDRESS | least << 52 | (host >>> 58 & granted) << 58;
  }

  // ---- the hole: addresses of which the full walker has its own opinion

  /** The answer, in blocks that leave the hole out; or 0 if an address itself lies in it. */
  private long settled(long iova, long answer) {
    boolean above = iova >>> 32 != 0 && (answer & ADDRESS) >>> 32 != 0;
    return shape().hole() < 0 || above ? answer : aroundHole(iova, answer);
  }

  private long aroundHole(long iova, long answer) {
    int span = (int) (answer >>> 52) & 63;
    if (answer == 0 || isInHole(iova, answer & ADDRESS, 20)) {
      return 0;
    }
    return span > 20 && isInHole(iova, answer & ADDRESS, span)
        ? answer & ~(63L << 52) | 20L << 52
        : answer;
  }

  private boolean isInHole(long iova, long address, int span) {
    Shape shape = shape();
    long block = shape.hole() << 20 >>> span;
    return address >>> span == block || shape.holeInInput() && iova >>> span == block;
  }

  /** Negative if a small page touches the hole. */
  private long hole(long iova, long address) {
    Shape shape = shape();
    long touches = (address >>> 20 ^ shape.hole()) - 1;
    return shape.holeInInput() ? touches | (iova >>> 20 ^ shape.hole()) - 1 : touches;
  }

  // ---- one address

  /**
   * {@inheritDoc}
   *
   * <p>One method on purpose: with more than 325 bytes of code, which is what the JIT inlines at
   * most, it stays out of its caller's loop, whose registers it needs for itself.
   */
  @Override
  public long translate(long asked, int access) {
    Shape shape = shape();
    if (SHAPE == null && isSpent(1)) {
      return 0;
    }
    if (shape.otherRange() && first().outside(asked) != 0) {
      return otherRange(asked, access);
    }
    long iova = untagged(asked);
    if (shape.restricted() && iova != asked && isBarred(asked, -1, shape.smallest())) {
      return 0;
    }
    if (shape.counts()) {
      reads = 0;
    }
    if (shape.iotlb() != 0) {
      long found = known(iova, access);
      if (found != 0) {
        return found;
      }
    }
    if (shape.counts()) {
      counters.addMisses(1);
    }
    if (!shape.walks()) {
      return 0;
    }
    if (shape.isBare()) {
      long answer = walk(iova, access);
      return shape.counts() ? counted(answer) : answer;
    }
    if (!shape.knowsLastTables()) {
      return fromKnown(iova, access);
    }
    // The most frequent miss: small pages whose last tables are known, one entry for each stage.
    Stage s1 = first();
    Stage s2 = second();
    long address = iova;
    long granted = 3;
    if (s1.isOn()) {
      if (s1.outside(iova) != 0) {
        return otherRange(iova, access);
      }
      long last = knownFirst(0, iova);
      if (last == 0) {
        return fromKnown(iova, access);
      }
      long e = entry(s1, last & TABLE, s1.slot(0, iova));
      granted = s1.grantedBelow(0, e, last >>> 52 & 3, access);
      if (granted == 0) {
        return 0;
      }
      noteGlobal(s1, e);
      address = s1.page(0, e) | s1.inside(0, iova);
    }
    long middle = address;
    if (s2.isOn()) {
      if (s2.outside(address) != 0) {
        return 0;
      }
      long last = knownSecond(0, address);
      if (last == 0) {
        return s1.isOn() ? behindFirst(iova, access, address, granted) : fromKnown(iova, access);
      }
      long e = entry(s2, last & TABLE, s2.slot(0, address));
      granted &= s2.grantedBelow(0, e, last >>> 52 & 3, access);
      address = s2.page(0, e) | s2.inside(0, address);
    }
    if (granted == 0 || shape().hole() >= 0 && hole(iova, address) < 0) {
      return 0;
    }
    if (shape().counts()) {
      countLastTables(1);
    }
    return keepSmall(iova, access, middle, address, granted);
  }

  /** An address of the first stage without the bits that do not count: as caches have it. */
  private long untagged(long iova) {
    int ignored = first().ignoredBits();
    return ignored == 0 || first().outside(iova) != 0 ? iova : iova << ignored >> ignored;
  }

  private long counted(long answer) {
    counters.addReferences(answer == 0 ? 0 : reads);
    return answer;
  }

  private int smallClass() {
    return shape().smallest() < 16 ? 0 : 1;
  }

  private int smallShift() {
    return shape().smallest() < 16 ? 12 : 16;
  }

  private long smallPlace(long iova) {
    return TranslationCache.preferred(iova, smallShift() - 4, shape().iotlb(), origin);
  }

  private long smallKey(long iova) {
    return iova & -1L << smallShift() | low;
  }

  private long smallExpected() {
    return expected | (long) smallClass() << 10;
  }

  /** What the IOTLB has in any size in use, or 0. */
  private long known(long iova, int access) {
    Shape shape = shape();
    boolean one = shape.usual() && !shape.counts() && space.classes() == 1 << smallClass();
    if (one && !TranslationCache.isThere(smallPlace(iova), smallKey(iova))) {
      return 0;
    }
    long found = 0;
    int classes = space.classes();
    if ((classes & 1) != 0) {
      found = knownAs(0, 12, iova, access);
    }
    if (found == 0 && (classes & 4) != 0) {
      found = knownAs(2, 21, iova, access);
    }
    if (found == 0 && (classes & 10) != 0) {
      found = (classes & 2) != 0 ? knownAs(1, 16, iova, access) : 0;
      found = found == 0 && (classes & 8) != 0 ? knownAs(3, 30, iova, access) : found;
    }
    if (shape.counts() && found != 0) {
      counters.addHits(1);
    }
    return found;
  }

  private long knownAs(int sizeClass, int shift, long iova, int access) {
    TranslationCache iotlb = caches.iotlb;
    if (iotlb == null) {
      return 0;
    }
    long wanted = expected | (long) sizeClass << 10;
    long found = iotlb.find(iova, shift, origin, low, wanted, access);
    return found == 0 ? 0 : found & -4096L | iova & (1L << shift) - 1;
  }

  // ---- misses: page-walk caches know the last tables, or those above

  /** What is known of the table of level {@code n} that maps an address, or 0. */
  private long knownFirst(int n, long iova) {
    Shape shape = shape();
    long wanted = firstExpected | n + 1L << 10;
    int shift = first().shift(n + 1);
    if (shape.usual()) {
      return probe(shift, iova, shape.firstTables(), firstOrigin, firstLow, wanted);
    }
    TranslationCache cache = caches.structures.first;
    return cache == null ? 0 : cache.find(iova, shift, firstOrigin, firstLow, wanted, 0);
  }

  private long knownSecond(int n, long address) {
    Shape shape = shape();
    long wanted = secondExpected | n + 1L << 10;
    int shift = second().shift(n + 1);
    if (shape.usual()) {
      return probe(shift, address, shape.secondTables(), secondOrigin, secondLow, wanted);
    }
    TranslationCache cache = caches.structures.second;
    return cache == null ? 0 : cache.find(address, shift, secondOrigin, secondLow, wanted, 0);
  }

  private static long probe(
      int shift, long address, long offsets, long origin, long low, long wanted) {
    long place = TranslationCache.preferred(address, shift - 4, offsets, origin);
    long word1 = TranslationCache.word1At(place);
    long key = address & -1L << shift | low;
    return TranslationCache.answers(place, word1, key, wanted, 0) ? word1 : 0;
  }

  private void countLastTables(int walks) {
    int firsts = first().isOn() ? walks : 0;
    int seconds = second().isOn() ? walks : 0;
    counters.addFirstStageHits(firsts);
    counters.addSecondStageHits(seconds);
    counters.addReferences(firsts + seconds);
  }

  private long keepSmall(long iova, int access, long middle, long address, long granted) {
    Shape shape = shape();
    int span = shape.smallest();
    long answer = address | (long) span << 52 | granted << 58;
    long below = shape.isNested() ? middle : -1;
    if (shape.restricted() && isBarred(iova, below, span)) {
      return 0;
    }
    if (shape.iotlb() == 0) {
      return answer;
    }
    int inputSpan = shape.first().isOn() ? shape.first().granule() : span;
    boolean straight = shape.usual() && !shape.counts();
    if (!straight || inputSpan > smallShift() || space.classes() != 1 << smallClass()) {
      return kept(iova, access, answer, inputSpan);
    }
    long usable = granted & (access | shape.silent());
    long page = answer & TranslationCache.PAYLOAD & -1L << smallShift();
    long word1 = smallExpected() | page | usable;
    victim = TranslationCache.fillUsual(smallPlace(iova), smallKey(iova), word1, victim);
    return answer;
  }

  /** Whether something near an answer is barred: the full walker tells then. */
  private boolean isBarred(long iova, long middle, int span) {
    Barrier bars = barrier;
    return bars == null || !bars.isFree(iova, middle, span);
  }

  /** Keeps an answer of any size. */
  private long kept(long iova, int access, long answer, int inputSpan) {
    if (shape().iotlb() != 0) {
      keep(iova, answer, (int) (answer >>> 58 & 3 & (access | shape().silent())), inputSpan);
    }
    return answer;
  }

  /** From the lowest tables that are known, or the first ones; what is passed is kept. */
  private long fromKnown(long iova, int access) {
    Stage s1 = first();
    Stage s2 = second();
    if (!s1.isOn()) {
      long two = hopSecond(iova, access, false);
      return ended(iova, access, two, (int) (two >>> 52) & 63, -1);
    }
    if (s1.outside(iova) != 0) {
      return otherRange(iova, access);
    }
    long one = hopFirst(iova, access);
    int span = (int) (one >>> 52) & 63;
    if (one == 0 || !s2.isOn()) {
      return ended(iova, access, one, span, -1);
    }
    return behind(iova, access, one & ADDRESS, span, one >>> 58 & 3);
  }

  /** The second stage of a walk whose first stage ended in a small page. */
  private long behindFirst(long iova, int access, long middle, long granted) {
    if (shape().counts()) {
      counters.addFirstStageHits(1);
    }
    return behind(iova, access, middle, first().granule(), granted);
  }

  private long behind(long iova, int access, long middle, int span, long granted) {
    long two = hopSecond(middle, access, false);
    return ended(iova, access, two == 0 ? 0 : both(two, span, granted), span, middle);
  }

  private long ended(long iova, int access, long found, int inputSpan, long middle) {
    long answer = found == 0 ? 0 : settled(iova, found);
    if (answer == 0 || shape().restricted() && isBarred(iova, middle, (int) (answer >>> 52) & 63)) {
      return 0;
    }
    if (shape().counts()) {
      counters.addReferences(reads);
    }
    return kept(iova, access, answer, inputSpan);
  }

  private long hopFirst(long iova, int access) {
    Stage s = first();
    boolean nested = second().isOn();
    int n = s.levels() - 1;
    long table = firstRoot;
    long above = s.cumulative() ? 3 : 0;
    boolean isHost = !nested;
    if (shape().firstTables() != 0) {
      for (int low = 0; low < 2 && low < s.levels() - 1; low++) {
        long last = knownFirst(low, iova);
        if (last != 0) {
          n = low;
          table = last & TABLE;
          above = last >>> 52 & 3;
          isHost = true;
          counters.addFirstStageHits(shape().counts() ? 1 : 0);
          break;
        }
      }
    }
    while (true) {
      long e;
      if (isHost) {
        e = entry(s, table, s.slot(n, iova));
      } else {
        long host = hopSecond(table + s.slot(n, iova), 1, true);
        if (host == 0) {
          return 0;
        }
        e = entry(s, host & ADDRESS, 0);
        if (n < s.levels() - 1 && (host >>> 52 & 63) >= s.granule()) {
          learnFirst(n, iova, host & ADDRESS & -(1L << s.granule()), above);
        }
      }
      if (n == 0 || !s.isTable(n, e)) {
        long granted = s.grantedBelow(n, e, above, access);
        if (granted != 0) {
          noteGlobal(s, e);
        }
        return s.answer(n, e, granted, iova);
      }
      if ((e & s.allSet()) != s.allSet()) {
        return 0;
      }
      above = s.cumulative() ? above & s.named(e) : above | s.denied(e);
      table = s.next(e);
      n--;
      isHost = !nested;
      if (isHost) {
        learnFirst(n, iova, table, above);
      }
    }
  }

  /** A packed answer of the second stage, or 0; for a table of the first stage or for data. */
  private long hopSecond(long address, int access, boolean ofTable) {
    Stage s = second();
    if (s.outside(address) != 0) {
      return 0;
    }
    boolean pages = shape().pages() && shape().isNested() && s.tableMemory() == 0;
    if (pages) {
      long page = knownPage(address, access);
      if (page != 0) {
        return page;
      }
    }
    int n = s.levels() - 1;
    long table = secondRoot;
    long above = s.cumulative() ? 3 : 0;
    if (shape().secondTables() != 0) {
      for (int low = 0; low < 2 && low < s.levels() - 1; low++) {
        long last = knownSecond(low, address);
        if (last != 0) {
          n = low;
          table = last & TABLE;
          above = last >>> 52 & 3;
          counters.addSecondStageHits(shape().counts() ? 1 : 0);
          break;
        }
      }
    }
    while (true) {
      long e = entry(s, table, s.slot(n, address));
      if (n == 0 || !s.isTable(n, e)) {
        boolean leads = !ofTable || s.tableMemory() == 0 || (e & s.tableMemory()) != 0;
        long granted = leads ? s.grantedBelow(n, e, above, access) : 0;
        long answer = s.answer(n, e, granted, address);
        if (pages && answer != 0) {
          keepPage(address, answer, access);
        }
        return answer;
      }
      if ((e & s.allSet()) != s.allSet()) {
        return 0;
      }
      above = s.cumulative() ? above & s.named(e) : above | s.denied(e);
      table = s.next(e);
      n--;
      learnSecond(n, address, table, above);
    }
  }

  private void learnFirst(int n, long iova, long table, long above) {
    TranslationCache cache = caches.structures.first;
    if (n < 2 && cache != null) {
      long word1 = firstExpected | n + 1L << 10 | table | above << 52;
      cache.fill(iova, first().shift(n + 1), firstOrigin, firstLow, word1);
    }
  }

  private void learnSecond(int n, long address, long table, long above) {
    TranslationCache cache = caches.structures.second;
    if (n < 2 && cache != null) {
      long word1 = secondExpected | n + 1L << 10 | table | above << 52;
      cache.fill(address, second().shift(n + 1), secondOrigin, secondLow, word1);
    }
  }

  private long knownPage(long address, int access) {
    TranslationCache cache = caches.structures.nested;
    long found = cache == null ? 0 : cache.find(address, 12, secondTag, 0, access);
    if (found == 0) {
      return 0;
    }
    counters.addNestedHits(shape().counts() ? 1 : 0);
    return found & TranslationCache.PAYLOAD | address & 0xfff;
  }

  private void keepPage(long address, long answer, int access) {
    TranslationCache cache = caches.structures.nested;
    if (cache != null) {
      long usable = answer >>> 58 & 3 & (access | (second().writesAreSilent() ? 3 : 1));
      cache.put(address, 12, secondTag, 0, answer & TranslationCache.PAYLOAD, usable);
    }
  }

  // ---- sixteen at a time: smallest pages, no decisions; what a rule would refuse is collected

  @Override
  public int translate(long[] iovas, long[] answers, int from, int count, int access) {
    Shape shape = shape();
    if (SHAPE == null && isSpent(count)) {
      Arrays.fill(answers, from, from + count, 0);
      return count;
    }
    boolean sideBySide = shape.isBare() ? shape.isNested() : shape.knowsLastTables();
    boolean tagged = shape.restricted() && shape.first().ignoredBits() != 0;
    if (!sideBySide || tagged || shape.iotlb() != 0 && shape.counts()) {
      return oneByOne(iovas, answers, from, count, access);
    }
    int unanswered = 0;
    int end = from + count;
    int i = from;
    while (i < end) {
      int lanes = 0;
      if (shape.iotlb() == 0) {
        lanes = Math.min(end - i, Lanes.COUNT);
        for (int l = 0; l < lanes; l++) {
          inputs[l] = untagged(iovas[i + l]);
          places[l] = i + l;
        }
        i += lanes;
      } else if (space.classes() == 1 << smallClass()) {
        for (; i < end && lanes < Lanes.COUNT; i++) {
          long iova = untagged(iovas[i]);
          long found = knownSmall(iova, access);
          if (found == 0) {
            inputs[lanes] = iova;
            places[lanes++] = i;
          } else {
            answers[i] = found;
          }
        }
      } else {
        int some = Math.min(end - i, Lanes.COUNT);
        unanswered += oneByOne(iovas, answers, i, some, access);
        i += some;
      }
      if (lanes > 0) {
        unanswered += walkLanes(answers, lanes, access);
      }
    }
    return unanswered;
  }

  private int oneByOne(long[] iovas, long[] answers, int from, int count, int access) {
    int unanswered = 0;
    if (shape().isBare() && !shape().counts() && shape().walks()) {
      for (int i = from; i < from + count; i++) {
        long answer = walk(iovas[i], access);
        answers[i] = answer;
        unanswered += answer == 0 ? 1 : 0;
      }
      return unanswered;
    }
    for (int i = from; i < from + count; i++) {
      long answer = translate(iovas[i], access);
      answers[i] = answer;
      unanswered += answer == 0 ? 1 : 0;
    }
    return unanswered;
  }

  /** What the IOTLB has, where all its entries are of the smallest size, or 0. */
  private long knownSmall(long iova, int access) {
    long place = smallPlace(iova);
    long word1 = TranslationCache.word1At(place);
    long key = smallKey(iova);
    if (!TranslationCache.answers(place, word1, key, smallExpected(), access)) {
      if (!TranslationCache.isThere(place, key)) {
        return 0;
      }
      return knownAs(smallClass(), smallShift(), iova, access);
    }
    return word1 & -4096L | iova & (1L << smallShift()) - 1;
  }

  private int walkLanes(long[] answers, int count, int access) {
    for (int l = count; l < Lanes.COUNT; l++) {
      inputs[l] = inputs[count - 1];
    }
    boolean whole = shape().isBare();
    if (detour > 0) {
      detour--;
    } else if ((whole ? wholeLanes(access) : lastLanes(access)) == 0) {
      keepLanes(answers, count, access);
      return 0;
    } else {
      detour = whole ? DETOUR : 0;
    }
    int unanswered = 0;
    for (int l = 0; l < count; l++) {
      long answer = translate(inputs[l], access);
      answers[places[l]] = answer;
      unanswered += answer == 0 ? 1 : 0;
    }
    return unanswered;
  }

  private void keepLanes(long[] answers, int count, int access) {
    Shape shape = shape();
    if (shape.counts()) {
      countLanes(count);
    }
    long span = (long) shape.smallest() << 52;
    for (int l = 0; l < count; l++) {
      long address = hosts[l];
      answers[places[l]] = address | span | rights[l] << 58;
    }
    if (shape.iotlb() == 0) {
      return;
    }
    int inputSpan = shape.first().isOn() ? shape.first().granule() : shape.smallest();
    if (inputSpan > smallShift()) {
      space.fracture(inputSpan);
    }
    long mask = TranslationCache.PAYLOAD & -1L << smallShift();
    int way = victim;
    for (int l = 0; l < count; l++) {
      long iova = inputs[l];
      long usable = rights[l] & (access | shape.silent());
      long word1 = smallExpected() | (hosts[l] | span | rights[l] << 58) & mask | usable;
      way = TranslationCache.fillUsual(smallPlace(iova), smallKey(iova), word1, way);
    }
    victim = way;
  }

  private void countLanes(int count) {
    if (shape().isBare()) {
      counters.addReferences((long) count * shape().references());
    } else {
      countLastTables(count);
    }
    counters.addMisses(count);
  }

  /** Whole nested walks: inputs[] to hosts[] and rights[]; not 0 if one is not the plain case. */
  private long wholeLanes(int access) {
    return firstLanes(access) | secondPages(access) | holes();
  }

  /** Whether an answer touches the hole. */
  private long holes() {
    long touches = 0;
    if (shape().hole() >= 0) {
      for (int l = 0; l < Lanes.COUNT; l++) {
        touches |= hole(inputs[l], hosts[l]);
      }
    }
    return touches >>> 63;
  }

  private long firstLanes(int access) {
    Stage s = first();
    long wrong = 0;
    for (int l = 0; l < Lanes.COUNT; l++) {
      wrong |= s.outside(inputs[l]);
      at[l] = firstRoot;
      all[l] = s.cumulative() ? -1 : 0;
    }
    for (int n = s.levels() - 1; n > 0; n--) {
      wrong |= firstEntries(n);
      long set = s.tableAt(n) | s.allSet();
      long care = s.tableCare() | s.allSet();
      for (int l = 0; l < Lanes.COUNT; l++) {
        long e = entries[l];
        wrong |= (e ^ set) & care;
        if (s.cumulative()) {
          all[l] &= e;
        } else if (s.tableDenies() != 0) {
          all[l] |= e;
        }
        at[l] = s.next(e);
      }
    }
    wrong |= firstEntries(0);
    for (int l = 0; l < Lanes.COUNT; l++) {
      known[l] = s.cumulative() ? all[l] : s.denied(all[l]);
    }
    return wrong | firstPages(access, false);
  }

  /**
   * What the last entries of the first stage give: entries[] to at[] and rights[].
   *
   * @param keptRights known[] is as page-walk caches keep it, else what was collected on the way
   */
  private long firstPages(int access, boolean keptRights) {
    Stage s = first();
    long flags = s.allSet() | ((access & 2) != 0 ? s.writeSet() : 0);
    long set = s.pageWant() | flags;
    long care = s.pageCare() | flags;
    long need = access | s.needAlways();
    long wrong = 0;
    long shared = 0;
    for (int l = 0; l < Lanes.COUNT; l++) {
      long e = entries[l];
      wrong |= (e ^ set) & care;
      long kept = keptRights ? known[l] >>> 52 & 3 : known[l];
      long denied = s.cumulative() ? 0 : kept & s.tableDenies();
      long granted =
          !s.cumulative()
              ? s.named(e) & ~denied
              : keptRights ? s.named(e) & kept : s.named(kept & e);
      wrong |= need & ~granted;
      if (s.notGlobal() != 0) {
        shared |= ~e & s.notGlobal();
      }
      rights[l] = granted | s.clean(e) & ~denied;
      at[l] = s.next(e) | s.inside(0, inputs[l]);
    }
    if (wrong == 0 && shared != 0) {
      space.setGlobal();
    }
    return wrong;
  }

  private long firstEntries(int n) {
    Stage s = first();
    for (int l = 0; l < Lanes.COUNT; l++) {
      at[l] += s.slot(n, inputs[l]);
    }
    long wrong = secondTables();
    Stage below = second();
    for (int l = 0; l < Lanes.COUNT; l++) {
      entries[l] = entry(s, hosts[l], below.inside(0, at[l]));
    }
    return wrong;
  }

  /**
   * Through the second stage to tables of the first: at[] to hosts[], the page alone. One lane
   * after the other, in registers: chains of few loads overlap.
   */
  private long secondTables() {
    Stage s = second();
    long every = s.everySet(1);
    long care = s.tableCare() | every;
    long wrong = 0;
    for (int l = 0; l < Lanes.COUNT; l++) {
      long address = at[l];
      long table = secondRoot;
      long e;
      wrong |= s.outside(address);
      if (s.levels() > 4) {
        e = entry(s, table, s.slot(4, address));
        wrong |= (e ^ (s.tableAt(4) | every)) & care;
        table = s.next(e);
      }
      if (s.levels() > 3) {
        e = entry(s, table, s.slot(3, address));
        wrong |= (e ^ (s.tableAt(3) | every)) & care;
        table = s.next(e);
      }
      if (s.levels() > 2) {
        e = entry(s, table, s.slot(2, address));
        wrong |= (e ^ (s.tableAt(2) | every)) & care;
        table = s.next(e);
      }
      if (s.levels() > 1) {
        e = entry(s, table, s.slot(1, address));
        wrong |= (e ^ (s.tableAt(1) | every)) & care;
        table = s.next(e);
      }
      e = entry(s, table, s.slot(0, address));
      long more = every | (1 & s.rightsMask()) << s.rightsShift();
      wrong |= (e ^ (s.pageWant() | more)) & (s.pageCare() | more);
      if (s.tableMemory() != 0) {
        wrong |= (e & s.tableMemory()) - 1 & 1L << 63;
      }
      hosts[l] = s.next(e);
    }
    return wrong;
  }

  /** Through the second stage to data: at[] to hosts[]; rights[] lose what the stage denies. */
  private long secondPages(int access) {
    Stage s = second();
    long wrong = 0;
    for (int l = 0; l < Lanes.COUNT; l++) {
      wrong |= s.outside(at[l]);
      hosts[l] = secondRoot;
    }
    long every = s.everySet(access);
    for (int n = s.levels() - 1; n > 0; n--) {
      long set = s.tableAt(n) | every;
      long care = s.tableCare() | every;
      for (int l = 0; l < Lanes.COUNT; l++) {
        long e = entry(s, hosts[l], s.slot(n, at[l]));
        wrong |= (e ^ set) & care;
        if (s.cumulative()) {
          rights[l] &= s.named(e);
        }
        hosts[l] = s.next(e);
      }
    }
    for (int l = 0; l < Lanes.COUNT; l++) {
      entries[l] = entry(s, hosts[l], s.slot(0, at[l]));
      known[l] = -1;
    }
    return wrong | secondLeaves(access);
  }

  /** What the last entries of the second stage give; known[] are rights as caches keep them. */
  private long secondLeaves(int access) {
    Stage s = second();
    long flags = s.allSet() | ((access & 2) != 0 ? s.writeSet() : 0);
    long set = s.pageWant() | flags;
    long care = s.pageCare() | flags;
    long need = access | s.needAlways();
    long wrong = 0;
    for (int l = 0; l < Lanes.COUNT; l++) {
      long e = entries[l];
      wrong |= (e ^ set) & care;
      long granted = s.named(e);
      if (s.cumulative()) {
        granted &= known[l] >>> 52;
      }
      wrong |= need & ~granted;
      rights[l] &= granted | s.clean(e);
      hosts[l] = s.next(e) | s.inside(0, at[l]);
    }
    return wrong;
  }

  /** Walks from the last tables: inputs[] to hosts[] and rights[]. */
  private long lastLanes(int access) {
    Stage s1 = first();
    Stage s2 = second();
    long wrong = 0;
    for (int l = 0; l < Lanes.COUNT; l++) {
      at[l] = inputs[l];
      rights[l] = 3;
    }
    if (s1.isOn()) {
      long found = 1;
      for (int l = 0; l < Lanes.COUNT; l++) {
        wrong |= s1.outside(inputs[l]);
        known[l] = knownFirst(0, inputs[l]);
        found = known[l] == 0 ? 0 : found;
      }
      wrong |= found ^ 1;
      for (int l = 0; l < Lanes.COUNT; l++) {
        entries[l] = entry(s1, known[l] & TABLE, s1.slot(0, inputs[l]));
      }
      wrong |= firstPages(access, true);
    }
    if (s2.isOn()) {
      long found = 1;
      for (int l = 0; l < Lanes.COUNT; l++) {
        wrong |= s2.outside(at[l]);
        known[l] = knownSecond(0, at[l]);
        found = known[l] == 0 ? 0 : found;
      }
      wrong |= found ^ 1;
      for (int l = 0; l < Lanes.COUNT; l++) {
        entries[l] = entry(s2, known[l] & TABLE, s2.slot(0, at[l]));
      }
      wrong |= secondLeaves(access);
    } else {
      for (int l = 0; l < Lanes.COUNT; l++) {
        hosts[l] = at[l];
      }
    }
    return wrong | holes() | barredLanes();
  }

  private long barredLanes() {
    Barrier bars = barrier;
    if (!shape().restricted() || bars == null) {
      return 0;
    }
    int span = shape().smallest();
    long barred = 0;
    for (int l = 0; l < Lanes.COUNT && barred == 0; l++) {
      barred = bars.isFree(inputs[l], shape().isNested() ? at[l] : -1, span) ? 0 : 1;
    }
    return barred;
  }
}
