package dev.nestwalk.walk;

import dev.nestwalk.iotlb.TranslationCache;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The walk of a stage, for all formats. {@link KernelFactory} defines this class again for each
 * stage of a shape, which then is a constant of that class: the JIT turns masks into immediates,
 * removes levels and rules that the stage does not have, and profiles each stage separately. Loaded
 * as an ordinary class, it works with the stage of the instance.
 *
 * <p>Methods that the JIT has to inline have at most 325 bytes of bytecode ({@code CodeSizeTest}).
 * Entries are read plainly, each once; the acquire read at the start of a translation makes its
 * walk read them anew. An entry outside memory reads as 0, which is neither a table nor a page in
 * any format.
 */
final class StageTemplate extends StageWalk {
  private static final @Nullable Part PART = ClassData.of(MethodHandles.lookup(), Part.class);
  private static final Stage STAGE = PART == null ? Stage.NONE : PART.stage();
  private static final @Nullable StageWalk BELOW = PART == null ? null : PART.below();

  // The run of memory that holds the shape's first table, where most others are too, and the
  // largest other run. A third run is found as the full walkers do it.
  private static final int RUNS =
      PART == null ? 0 : Math.min(3, PART.shape().memory().directRuns());
  private static final MemorySegment BYTES0 = bytes(0);
  private static final MemorySegment BYTES1 = bytes(1);
  private static final long START0 = start(0);
  private static final long START1 = start(1);
  private static final long LIMIT0 = BYTES0.byteSize() - 7;
  private static final long LIMIT1 = BYTES1.byteSize() - 7;

  private static final @Nullable Windows WINDOWS = PART == null ? null : PART.shape().windows();

  private static final ValueLayout.OfLong WORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Part part;

  StageTemplate(Part part) {
    this.part = part;
  }

  private static MemorySegment bytes(int nth) {
    return PART == null || nth >= RUNS
        ? MemorySegment.NULL
        : PART.shape().memory().bytes(PART.shape().run(nth));
  }

  private static long start(int nth) {
    return PART == null || nth >= RUNS ? 0 : PART.shape().memory().first(PART.shape().run(nth));
  }

  private Part part() {
    return PART == null ? part : PART;
  }

  private Stage stage() {
    return PART == null ? part.stage() : STAGE;
  }

  private @Nullable StageWalk below() {
    return PART == null ? part.below() : BELOW;
  }

  private Shape shape() {
    return part().shape();
  }

  private boolean isFirst() {
    return part().isFirst();
  }

  private long root(Kernel k) {
    return isFirst() ? k.firstRoot : k.secondRoot;
  }

  // ---- memory

  /** A miss that begins at a table that is known: which run has it can hardly be foreseen. */
  @Override
  long entry(Kernel k, long table, long index) {
    return ordered(WINDOWS == null ? raw(k, table, index) : ofEither(k, WINDOWS, table, index));
  }

  /** In a walk from the first table, where a select would delay each of the loads. */
  private long onWay(Kernel k, long table, long index) {
    return ordered(raw(k, table, index));
  }

  private long ordered(long word) {
    return stage().bigEndian() ? Long.reverseBytes(word) : word;
  }

  private long raw(Kernel k, long table, long index) {
    if (shape().counts()) {
      k.reads++;
    }
    return RUNS == 1 ? word(table, index) : wordOfSome(table, index);
  }

  /** The address is computed with few steps between two loads. */
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

  private long ofEither(Kernel k, Windows windows, long table, long index) {
    if (shape().counts()) {
      k.reads++;
    }
    if (windows.isOutside(table, index)) {
      return RUNS == 2 ? 0 : shape().memory().entryOrZero(table, index);
    }
    return windows.whole().get(WORD, windows.place(table, index));
  }

  // ---- whole walks: unrolled, so that each level is a constant

  @Override
  long walk(Kernel k, long address, int access) {
    Stage s = stage();
    if (s.outside(address) != 0) {
      return 0;
    }
    long every = -1;
    long some = 0;
    long table = root(k);
    if (s.levels() > 4) {
      long e = read(k, 4, table, address);
      if (!s.isTable(4, e)) {
        return 0;
      }
      every = e;
      some = e;
      table = s.next(e);
    }
    if (s.levels() > 3) {
      long e = read(k, 3, table, address);
      if (!s.isTable(3, e)) {
        return leaf(k, 3, e, every, some, address, access);
      }
      every &= e;
      some |= e;
      table = s.next(e);
    }
    if (s.levels() > 2) {
      long e = read(k, 2, table, address);
      if (!s.isTable(2, e)) {
        return leaf(k, 2, e, every, some, address, access);
      }
      every &= e;
      some |= e;
      table = s.next(e);
    }
    if (s.levels() > 1) {
      long e = read(k, 1, table, address);
      if (!s.isTable(1, e)) {
        return leaf(k, 1, e, every, some, address, access);
      }
      every &= e;
      some |= e;
      table = s.next(e);
    }
    long e = read(k, 0, table, address);
    return leaf(k, 0, e, every, some, address, access);
  }

  private long read(Kernel k, int n, long table, long address) {
    StageWalk below = below();
    long slot = stage().slot(n, address);
    return below == null ? onWay(k, table, slot) : ordered(below.walk(k, table + slot, OF_TABLE));
  }

  private long leaf(Kernel k, int n, long e, long every, long some, long address, int access) {
    Stage s = stage();
    long granted = s.granted(n, e, every & e, some, access & 3);
    if (granted == 0) {
      return 0;
    }
    if (access >= OF_TABLE) {
      return s.leadsToTables(e) ? raw(k, s.page(n, e), s.inside(n, address)) : 0;
    }
    noteGlobal(k, e);
    StageWalk below = below();
    if (below == null) {
      return s.answer(n, e, granted, address);
    }
    long host = below.walk(k, s.page(n, e) | s.inside(n, address), access);
    return host == 0 ? 0 : Kernel.both(host, s.shift(n), granted);
  }

  @Override
  void noteGlobal(Kernel k, long leaf) {
    long local = stage().notGlobal();
    if (local != 0 && (leaf & local) == 0) {
      k.space.setGlobal();
    }
  }

  // ---- with page-walk caches, which hold the last tables or those above, in pieces: a piece is as
  // much of a table as one page of the stage below holds for certain, since the pages behind the
  // pieces of a larger table may lie apart

  /** Log2 of the size of a piece. */
  private int piece() {
    return isFirst() ? shape().smallest() : stage().granule();
  }

  private long tables() {
    return isFirst() ? shape().firstTables() : shape().secondTables();
  }

  private @Nullable TranslationCache cache(Kernel k) {
    return isFirst() ? k.caches.structures.first : k.caches.structures.second;
  }

  @Override
  long known(Kernel k, int n, long address) {
    long origin = isFirst() ? k.firstOrigin : k.secondOrigin;
    long low = isFirst() ? k.firstLow : k.secondLow;
    long wanted = (isFirst() ? k.firstExpected : k.secondExpected) | n + 1L << 10;
    int shift = stage().shiftOfPiece(n, piece());
    if (shape().usual()) {
      long place = TranslationCache.preferred(address, shift - 4, tables(), origin);
      long word1 = TranslationCache.word1At(place);
      long key = address & -1L << shift | low;
      return TranslationCache.answers(place, word1, key, wanted, 0) ? word1 : 0;
    }
    TranslationCache cache = cache(k);
    return cache == null ? 0 : cache.find(address, shift, origin, low, wanted, 0);
  }

  private void learn(Kernel k, int n, long address, long table, long above) {
    TranslationCache cache = cache(k);
    if (n < 2 && cache != null) {
      long origin = isFirst() ? k.firstOrigin : k.secondOrigin;
      long low = isFirst() ? k.firstLow : k.secondLow;
      long wanted = (isFirst() ? k.firstExpected : k.secondExpected) | n + 1L << 10;
      int shift = stage().shiftOfPiece(n, piece());
      cache.fill(address, shift, origin, low, wanted | table | above << 52);
    }
  }

  @Override
  long hop(Kernel k, long address, int access) {
    Stage s = stage();
    if (s.outside(address) != 0) {
      return 0;
    }
    boolean keepsPages = shape().pages() && !isFirst() && s.tableMemory() == 0;
    long page = keepsPages ? k.knownPage(address, access & 3) : 0;
    if (page != 0) {
      return page;
    }
    long found = 0;
    int n = s.levels() - 1;
    if (tables() != 0) {
      for (int low = 0; low < 2 && low < s.levels() - 1 && found == 0; low++) {
        found = known(k, low, address);
        n = found == 0 ? n : low;
      }
    }
    if (found != 0 && shape().counts()) {
      k.counters.addFirstStageHits(isFirst() ? 1 : 0);
      k.counters.addSecondStageHits(isFirst() ? 0 : 1);
    }
    long above = found != 0 ? found >>> 52 & 3 : s.cumulative() ? 3 : 0;
    long table = found != 0 ? found & Kernel.TABLE : root(k);
    boolean isHost = found != 0 || below() == null;
    long slot = found != 0 ? s.slotInPiece(n, piece(), address) : s.slot(n, address);
    long e = isHost ? entry(k, table, slot) : entryBelow(k, n, table, above, address);
    long answer = hopFrom(k, n, e, above, address, access);
    if (keepsPages && answer != 0) {
      k.keepPage(address, answer, access & 3);
    }
    return answer;
  }

  /** Goes on from an entry of level {@code level}. */
  private long hopFrom(Kernel k, int level, long entry, long above, long address, int access) {
    Stage s = stage();
    long e = entry;
    int n = level;
    while (n != 0 && s.isTable(n, e)) {
      if ((e & s.allSet()) != s.allSet()) {
        return 0;
      }
      above = s.cumulative() ? above & s.named(e) : above | s.denied(e);
      long next = s.next(e);
      n--;
      if (below() == null) {
        learn(k, n, address, next, above);
        e = entry(k, next, s.slot(n, address));
      } else {
        e = entryBelow(k, n, next, above, address);
      }
    }
    boolean leads = access < OF_TABLE || s.leadsToTables(e);
    long granted = leads ? s.grantedBelow(n, e, above, access & 3) : 0;
    if (granted != 0) {
      noteGlobal(k, e);
    }
    return s.answer(n, e, granted, address);
  }

  /**
   * An entry of a table at an address of the stage below, or 0; stores where the piece of the table
   * is in memory.
   */
  private long entryBelow(Kernel k, int n, long table, long above, long address) {
    Stage s = stage();
    StageWalk below = below();
    long host = below == null ? 0 : below.hop(k, table + s.slot(n, address), OF_TABLE);
    if (host == 0) {
      return 0;
    }
    long at = host & Kernel.ADDRESS;
    if (n < s.levels() - 1) {
      learn(k, n, address, at & -(1L << piece()), above);
    }
    return entry(k, at, 0);
  }

  // ---- sixteen at a time: smallest pages, without branches. What a rule would refuse is kept;
  // masks of 64 bits, which would take a loop's registers, are applied after it.

  @Override
  long down(Kernel k, long[] input, long[] table) {
    Stage s = stage();
    Lanes lanes = k.caches.lanes;
    long[] entries = lanes.entries;
    long[] all = lanes.all;
    long wrong = 0;
    for (int l = 0; l < Lanes.COUNT; l++) {
      wrong |= s.outside(input[l]);
      table[l] = root(k);
      all[l] = s.cumulative() ? -1 : 0;
    }
    boolean isHost = below() == null;
    for (int n = s.levels() - 1; n > 0; n--) {
      wrong |= isHost ? 0 : entriesBelow(k, n, input, table);
      long set = s.tableAt(n) | s.allSet();
      long tables = 0;
      for (int l = 0; l < Lanes.COUNT; l++) {
        long e = isHost ? onWay(k, table[l], s.slot(n, input[l])) : entries[l];
        tables |= e ^ set;
        if (s.cumulative()) {
          all[l] &= e;
        } else if (s.tableDenies() != 0) {
          all[l] |= e;
        }
        table[l] = s.next(e);
      }
      wrong |= tables & (s.tableCare() | s.allSet());
    }
    wrong |= isHost ? 0 : entriesBelow(k, 0, input, table);
    long[] known = lanes.known;
    for (int l = 0; l < Lanes.COUNT; l++) {
      entries[l] = isHost ? onWay(k, table[l], s.slot(0, input[l])) : entries[l];
      known[l] = s.kept(all[l], all[l]);
    }
    return wrong;
  }

  /**
   * The entries of level {@code n} in the tables at table[], whose addresses pass the stage below.
   */
  private long entriesBelow(Kernel k, int n, long[] input, long[] table) {
    StageWalk below = below();
    if (below == null) {
      return 0;
    }
    Stage s = stage();
    Lanes lanes = k.caches.lanes;
    long[] at = lanes.at;
    for (int l = 0; l < Lanes.COUNT; l++) {
      at[l] = table[l] + s.slot(n, input[l]);
    }
    long wrong = below.tables(k);
    long[] hosts = lanes.hosts;
    long[] entries = lanes.entries;
    long inside = (1L << shape().second().granule()) - 1;
    for (int l = 0; l < Lanes.COUNT; l++) {
      entries[l] = onWay(k, hosts[l], at[l] & inside);
    }
    return wrong;
  }

  @Override
  long lastEntries(Kernel k, long[] input) {
    Stage s = stage();
    Lanes lanes = k.caches.lanes;
    long[] known = lanes.known;
    long wrong = 0;
    long found = 1;
    for (int l = 0; l < Lanes.COUNT; l++) {
      wrong |= s.outside(input[l]);
      known[l] = known(k, 0, input[l]);
      found = known[l] == 0 ? 0 : found;
    }
    long[] entries = lanes.entries;
    for (int l = 0; l < Lanes.COUNT; l++) {
      entries[l] = entry(k, known[l] & Kernel.TABLE, s.slotInPiece(0, piece(), input[l]));
      known[l] = known[l] >>> 52 & 3;
    }
    return wrong | found ^ 1;
  }

  @Override
  long leaves(Kernel k, long[] input, long[] output, int access) {
    Stage s = stage();
    Lanes lanes = k.caches.lanes;
    long[] entries = lanes.entries;
    long[] known = lanes.known;
    long[] rights = lanes.rights;
    long flags = s.allSet() | ((access & 2) != 0 ? s.writeSet() : 0);
    long set = s.pageWant() | flags;
    long need = access | s.needAlways();
    long wrong = 0;
    long pages = 0;
    long shared = 0;
    for (int l = 0; l < Lanes.COUNT; l++) {
      long e = entries[l];
      pages |= e ^ set;
      long denied = s.cumulative() ? ~known[l] : known[l] & s.tableDenies();
      long granted = s.named(e) & ~denied;
      wrong |= need & ~granted;
      shared |= ~e & s.notGlobal();
      rights[l] &= granted | s.clean(e) & ~denied;
      output[l] = s.next(e) | s.inside(0, input[l]);
    }
    wrong |= pages & (s.pageCare() | flags);
    if (wrong == 0 && shared != 0) {
      k.space.setGlobal();
    }
    return wrong;
  }

  /** Walks lane after lane in registers; their chains of few loads overlap. */
  @Override
  long tables(Kernel k) {
    Stage s = stage();
    Lanes lanes = k.caches.lanes;
    long[] at = lanes.at;
    long[] hosts = lanes.hosts;
    long root = root(k);
    long every = s.everySet(1);
    long more = every | (1 & s.rightsMask()) << s.rightsShift();
    long pageSet = s.pageWant() | more;
    long wrong = 0;
    long tables = 0;
    long pages = 0;
    for (int l = 0; l < Lanes.COUNT; l++) {
      long address = at[l];
      long table = root;
      wrong |= s.outside(address);
      if (s.levels() > 4) {
        long e = onWay(k, table, s.slot(4, address));
        tables |= e ^ (s.tableAt(4) | every);
        table = s.next(e);
      }
      if (s.levels() > 3) {
        long e = onWay(k, table, s.slot(3, address));
        tables |= e ^ (s.tableAt(3) | every);
        table = s.next(e);
      }
      if (s.levels() > 2) {
        long e = onWay(k, table, s.slot(2, address));
        tables |= e ^ (s.tableAt(2) | every);
        table = s.next(e);
      }
      if (s.levels() > 1) {
        long e = onWay(k, table, s.slot(1, address));
        tables |= e ^ (s.tableAt(1) | every);
        table = s.next(e);
      }
      long e = onWay(k, table, s.slot(0, address));
      pages |= e ^ pageSet;
      if (s.tableMemory() != 0) {
        wrong |= (e & s.tableMemory()) - 1 & 1L << 63;
      }
      hosts[l] = s.next(e);
    }
    return wrong | tables & (s.tableCare() | every) | pages & (s.pageCare() | more);
  }
}
