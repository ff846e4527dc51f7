package dev.nestwalk.walk;

import dev.nestwalk.iotlb.AddressSpace;
import dev.nestwalk.iotlb.TranslationCache;
import java.lang.invoke.MethodHandles;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The kernel of all formats: probes the IOTLB, lets its stages walk, and stores what they find.
 * Like {@link StageTemplate}, it is defined again for each shape, which then is a constant.
 */
final class KernelTemplate extends Kernel {
  private static final @Nullable Parts PARTS = ClassData.of(MethodHandles.lookup(), Parts.class);
  private static final @Nullable Shape SHAPE = PARTS == null ? null : PARTS.shape();

  /** The stage that translates input addresses, or null. */
  private static final @Nullable StageWalk TOP = PARTS == null ? null : PARTS.top();

  /** The second stage below a first. */
  private static final @Nullable StageWalk BELOW = PARTS == null ? null : PARTS.below();

  /** The number of walks of an instance after which a class of its own pays. */
  private static final int PATIENCE = 4096;

  /** Groups that are walked one by one after one that could not be walked side by side. */
  private static final int DETOUR = 15;

  private final Parts parts;
  private long patience = PATIENCE;
  private int rests;
  private int detour;
  private int victim;

  KernelTemplate(Parts parts, WalkCaches caches, AddressSpace space) {
    super(parts.shape(), caches, space);
    this.parts = parts;
  }

  private Shape shape() {
    return SHAPE == null ? shape : SHAPE;
  }

  private @Nullable StageWalk top() {
    return PARTS == null ? parts.top() : TOP;
  }

  private @Nullable StageWalk below() {
    return PARTS == null ? parts.below() : BELOW;
  }

  @Override
  public boolean isSpecialised() {
    return PARTS != null;
  }

  @Override
  public boolean isBusy() {
    Kernel above = other;
    return PARTS == null && patience < 0 || above != null && above.isBusy();
  }

  @Override
  void rest() {
    rests = Math.min(rests + 1, 30);
    patience = (long) PATIENCE << rests;
  }

  /** Whether this kernel should be replaced by one with a class of its own; counts its work. */
  private boolean isSpent(int count) {
    patience -= count;
    return patience < 0;
  }

  // ---- one address

  /**
   * {@inheritDoc}
   *
   * <p>This is one large method on purpose. With more than 325 bytes of bytecode, the JIT's limit
   * for inlining, it stays out of its caller's loop, whose registers it needs for itself.
   */
  @Override
  public long translate(long asked, int access) {
    Shape shape = shape();
    if (PARTS == null && isSpent(1)) {
      return 0;
    }
    if (shape.otherRange() && shape.first().outside(asked) != 0) {
      return otherRange(asked, access);
    }
    long iova = shape.untagged(asked);
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
    StageWalk top = top();
    if (top == null) {
      return 0;
    }
    if (shape.isBare()) {
      long answer = shape.settled(iova, top.walk(this, iova, access & 3));
      return shape.counts() ? counted(answer) : answer;
    }
    if (!shape.knowsLastTables()) {
      return fromKnown(top, iova, access);
    }
    // The most frequent miss: small pages whose last tables are cached, with one entry per stage to
    // read.
    Stage s1 = shape.top();
    long last1 = s1.outside(iova) != 0 ? 0 : top.known(this, 0, iova);
    if (last1 == 0) {
      return fromKnown(top, iova, access);
    }
    long e1 = top.entry(this, last1 & TABLE, s1.slotInPiece(0, shape.smallest(), iova));
    long granted = s1.grantedBelow(0, e1, last1 >>> 52 & 3, access);
    if (granted == 0) {
      return 0;
    }
    top.noteGlobal(this, e1);
    long middle = s1.page(0, e1) | s1.inside(0, iova);
    long address = middle;
    StageWalk below = below();
    if (below != null) {
      Stage s2 = shape.second();
      long last2 = s2.outside(middle) != 0 ? 0 : below.known(this, 0, middle);
      if (last2 == 0) {
        return behindFirst(below, iova, access, middle, granted);
      }
      long e2 = below.entry(this, last2 & TABLE, s2.slot(0, middle));
      granted &= s2.grantedBelow(0, e2, last2 >>> 52 & 3, access);
      address = s2.page(0, e2) | s2.inside(0, middle);
    }
    if (granted == 0 || shape.hole() >= 0 && shape.hole(iova, address) < 0) {
      return 0;
    }
    if (shape.counts()) {
      countLastTables(1);
    }
    return keepSmall(iova, access, middle, address, granted);
  }

  private long otherRange(long iova, int access) {
    Kernel above = other;
    return above == null ? 0 : above.translate(iova, access);
  }

  private long counted(long answer) {
    counters.addReferences(answer == 0 ? 0 : reads);
    return answer;
  }

  private void countLastTables(int walks) {
    int firsts = shape().first().isOn() ? walks : 0;
    int seconds = shape().second().isOn() ? walks : 0;
    counters.addFirstStageHits(firsts);
    counters.addSecondStageHits(seconds);
    counters.addReferences(firsts + seconds);
  }

  // ---- the IOTLB

  private long smallPlace(long iova) {
    Shape shape = shape();
    return TranslationCache.preferred(iova, shape.smallShift() - 4, shape.iotlb(), origin);
  }

  private long smallKey(long iova) {
    return iova & -1L << shape().smallShift() | low;
  }

  private long smallExpected() {
    return expected | (long) shape().smallClass() << 10;
  }

  /** The IOTLB's answer in any page size in use, or 0. */
  private long known(long iova, int access) {
    Shape shape = shape();
    int classes = space.classes();
    boolean straight = shape.usual() && !shape.counts();
    if (straight && classes == 1 << shape.smallClass()) {
      return TranslationCache.isThere(smallPlace(iova), smallKey(iova))
          ? knownAs(shape.smallClass(), shape.smallShift(), iova, access)
          : 0;
    }
    return straight && !isThere(classes, iova) ? 0 : knownAmong(classes, iova, access);
  }

  private long knownAmong(int classes, long iova, int access) {
    long found = 0;
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
    if (shape().counts() && found != 0) {
      counters.addHits(1);
    }
    return found;
  }

  /** Whether the IOTLB holds a block, whatever its rights; rare sizes count as present. */
  private boolean isThere(int classes, long iova) {
    return (classes & 10) != 0
        || (classes & 1) != 0 && isThereAs(12, iova)
        || (classes & 4) != 0 && isThereAs(21, iova);
  }

  private boolean isThereAs(int shift, long iova) {
    long place = TranslationCache.preferred(iova, shift - 4, shape().iotlb(), origin);
    return TranslationCache.isThere(place, iova & -1L << shift | low);
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

  private long keepSmall(long iova, int access, long middle, long address, long granted) {
    Shape shape = shape();
    int span = shape.smallest();
    long answer = address | (long) span << 52 | granted << 58;
    if (shape.restricted() && isBarred(iova, shape.isNested() ? middle : -1, span)) {
      return 0;
    }
    if (shape.iotlb() == 0) {
      return answer;
    }
    int inputSpan = shape.inputSpan();
    boolean straight = shape.usual() && !shape.counts() && inputSpan <= shape.smallShift();
    if (!straight || (space.classes() & 1 << shape.smallClass()) == 0) {
      return kept(iova, access, answer, inputSpan);
    }
    long usable = granted & (access | shape.silent());
    long page = answer & TranslationCache.PAYLOAD & -1L << shape.smallShift();
    long word1 = smallExpected() | page | usable;
    victim = TranslationCache.fillUsual(smallPlace(iova), smallKey(iova), word1, victim);
    return answer;
  }

  /** Stores an answer of any size. */
  private long kept(long iova, int access, long answer, int inputSpan) {
    if (shape().iotlb() != 0) {
      keep(iova, answer, (int) (answer >>> 58 & 3 & (access | shape().silent())), inputSpan);
    }
    return answer;
  }

  /** Whether anything near an answer is barred, so that the full walker has to decide. */
  private boolean isBarred(long iova, long middle, int span) {
    Barrier bars = barrier;
    return bars == null || !bars.isFree(iova, middle, span);
  }

  // ---- misses of larger pages, or of tables that are not known

  /**
   * Walks from the lowest cached tables, or from the first ones, and caches the tables on the way.
   */
  private long fromKnown(StageWalk top, long iova, int access) {
    long one = top.hop(this, iova, access);
    int span = (int) (one >>> 52) & 63;
    StageWalk below = below();
    return one == 0 || below == null
        ? ended(iova, access, one, span, -1)
        : behind(below, iova, access, one & ADDRESS, span, one >>> 58 & 3);
  }

  /** Walks the second stage after a first stage that ended in a small page. */
  private long behindFirst(StageWalk below, long iova, int access, long middle, long granted) {
    counters.addFirstStageHits(shape().counts() ? 1 : 0);
    return behind(below, iova, access, middle, shape().first().granule(), granted);
  }

  private long behind(StageWalk below, long iova, int access, long middle, int span, long granted) {
    long two = below.hop(this, middle, access);
    return ended(iova, access, two == 0 ? 0 : both(two, span, granted), span, middle);
  }

  private long ended(long iova, int access, long found, int inputSpan, long middle) {
    long answer = found == 0 ? 0 : shape().settled(iova, found);
    int span = (int) (answer >>> 52) & 63;
    if (answer == 0 || shape().restricted() && isBarred(iova, middle, span)) {
      return 0;
    }
    if (shape().counts()) {
      counters.addReferences(reads);
    }
    return kept(iova, access, answer, inputSpan);
  }

  // ---- many addresses

  @Override
  public int translate(long[] iovas, long[] answers, int from, int count, int access) {
    Shape shape = shape();
    if (PARTS == null && isSpent(count)) {
      Arrays.fill(answers, from, from + count, 0);
      return count;
    }
    if (!shape.walksSideBySide()) {
      return oneByOne(iovas, answers, from, count, access);
    }
    Lanes lanes = caches.lanes;
    int unanswered = 0;
    int end = from + count;
    int i = from;
    while (i < end) {
      int taken = 0;
      if (shape.iotlb() == 0) {
        taken = Math.min(end - i, Lanes.COUNT);
        for (int l = 0; l < taken; l++) {
          lanes.inputs[l] = shape.untagged(iovas[i + l]);
          lanes.places[l] = i + l;
        }
        i += taken;
      } else if (space.classes() == 1 << shape.smallClass()) {
        for (; i < end && taken < Lanes.COUNT; i++) {
          long iova = shape.untagged(iovas[i]);
          long found = knownSmall(iova, access);
          if (found == 0) {
            lanes.inputs[taken] = iova;
            lanes.places[taken++] = i;
          } else {
            answers[i] = found;
          }
        }
      } else {
        int some = Math.min(end - i, Lanes.COUNT);
        unanswered += oneByOne(iovas, answers, i, some, access);
        i += some;
      }
      if (taken > 0) {
        unanswered += walkLanes(lanes, answers, taken, access);
      }
    }
    return unanswered;
  }

  private int oneByOne(long[] iovas, long[] answers, int from, int count, int access) {
    Shape shape = shape();
    StageWalk top = top();
    int unanswered = 0;
    if (top != null && shape.isBare() && !shape.counts() && !shape.otherRange()) {
      for (int i = from; i < from + count; i++) {
        long answer = shape.settled(iovas[i], top.walk(this, iovas[i], access & 3));
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

  /** The IOTLB's answer, or 0, where all its entries are of the smallest size. */
  private long knownSmall(long iova, int access) {
    Shape shape = shape();
    long place = smallPlace(iova);
    long word1 = TranslationCache.word1At(place);
    long key = smallKey(iova);
    if (!TranslationCache.answers(place, word1, key, smallExpected(), access)) {
      return TranslationCache.isThere(place, key)
          ? knownAs(shape.smallClass(), shape.smallShift(), iova, access)
          : 0;
    }
    return word1 & -4096L | iova & (1L << shape.smallShift()) - 1;
  }

  /** Walks the first {@code count} lanes side by side, or one by one if a rule prevents that. */
  private int walkLanes(Lanes lanes, long[] answers, int count, int access) {
    for (int l = count; l < Lanes.COUNT; l++) {
      lanes.inputs[l] = lanes.inputs[count - 1];
    }
    if (detour > 0) {
      detour--;
    } else if (walkLanes(lanes, access) == 0) {
      keepLanes(lanes, answers, count, access);
      return 0;
    } else {
      detour = shape().isBare() ? DETOUR : 0;
    }
    int unanswered = 0;
    for (int l = 0; l < count; l++) {
      long answer = translate(lanes.inputs[l], access);
      answers[lanes.places[l]] = answer;
      unanswered += answer == 0 ? 1 : 0;
    }
    return unanswered;
  }

  /**
   * Walks all lanes, from inputs[] to hosts[] and rights[].
   *
   * @return not 0 if one of them is not the plain case
   */
  private long walkLanes(Lanes lanes, int access) {
    StageWalk top = top();
    StageWalk below = below();
    if (top == null) {
      return 1;
    }
    boolean whole = shape().isBare();
    Arrays.fill(lanes.rights, 3);
    long[] output = below == null ? lanes.hosts : lanes.at;
    long wrong =
        whole ? top.down(this, lanes.inputs, lanes.at) : top.lastEntries(this, lanes.inputs);
    wrong |= top.leaves(this, lanes.inputs, output, access);
    if (below != null) {
      wrong |= whole ? below.down(this, lanes.at, lanes.hosts) : below.lastEntries(this, lanes.at);
      wrong |= below.leaves(this, lanes.at, lanes.hosts, access);
    }
    return wrong | barredLanes(lanes);
  }

  /** Whether an answer overlaps the hole or a barred address. */
  private long barredLanes(Lanes lanes) {
    Shape shape = shape();
    long touches = 0;
    if (shape.hole() >= 0) {
      for (int l = 0; l < Lanes.COUNT; l++) {
        touches |= shape.hole(lanes.inputs[l], lanes.hosts[l]);
      }
    }
    if (shape.restricted()) {
      for (int l = 0; l < Lanes.COUNT && touches >= 0; l++) {
        long middle = shape.isNested() ? lanes.at[l] : -1;
        touches = isBarred(lanes.inputs[l], middle, shape.smallest()) ? -1 : touches;
      }
    }
    return touches >>> 63;
  }

  private void keepLanes(Lanes lanes, long[] answers, int count, int access) {
    Shape shape = shape();
    if (shape.counts()) {
      counters.addMisses(count);
      if (shape.isBare()) {
        counters.addReferences((long) count * shape.references());
      } else {
        countLastTables(count);
      }
    }
    long[] inputs = lanes.inputs;
    long span = (long) shape.smallest() << 52;
    for (int l = 0; l < count; l++) {
      answers[lanes.places[l]] = lanes.hosts[l] | span | lanes.rights[l] << 58;
    }
    if (shape.iotlb() == 0) {
      return;
    }
    int inputSpan = shape.inputSpan();
    if (inputSpan > shape.smallShift()) {
      space.fracture(inputSpan);
    }
    long mask = TranslationCache.PAYLOAD & -1L << shape.smallShift();
    int way = victim;
    for (int l = 0; l < count; l++) {
      long usable = lanes.rights[l] & (access | shape.silent());
      long word1 =
          smallExpected() | (lanes.hosts[l] | span | lanes.rights[l] << 58) & mask | usable;
      way = TranslationCache.fillUsual(smallPlace(inputs[l]), smallKey(inputs[l]), word1, way);
    }
    victim = way;
  }
}
