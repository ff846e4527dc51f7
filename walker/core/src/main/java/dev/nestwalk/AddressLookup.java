package dev.nestwalk;

import dev.nestwalk.cache.AddressSpaces;
import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.cache.InvalidationLog;
import dev.nestwalk.cache.TranslationCache;
import dev.nestwalk.cache.WalkNotes;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.walk.Kernel;
import org.jspecify.annotations.Nullable;

/**
 * How an {@link Endpoint} finds an answer: what it needs of the IOTLB for a hit, whom a miss is
 * asked of, and when its configuration has to be resolved anew.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
abstract class AddressLookup implements AddressSpaces.Requester {
  private static final int PLAIN = Access.ATOMIC;
  private static final long NEVER = -1;

  /** Bits of an answer above the place in the smallest block. */
  static final long ABOVE = -4096;

  final Translator translator;
  final InvalidationLog log;
  private final TranslationCache iotlb;
  final int sourceId;
  final int pasid;

  /** Configuration and tags hold as long as this is the log's number. */
  long epoch = NEVER;

  /** The log's number as long as the IOTLB's preferred place may answer. */
  long hitEpoch = NEVER;

  /** Answers what the preferred place does not; there is one while {@link #epoch} holds. */
  @Nullable Kernel kernel;

  // What a look into the IOTLB needs for the size expected, copied from cache and address space.
  int shift = AddressSpaces.shiftOf(0);
  int hashShift = shift - TranslationCache.ENTRY_SHIFT;
  long blockMask = -1L << shift;
  final long offsets;
  long origin;
  long low;
  long expected;

  int sizeClass;

  /** Log2 of the span of the answers that {@link #sizeClass} is for. */
  private int span;

  // Its place in the translator's table.
  boolean isAdmitted;
  @Nullable Endpoint older;
  @Nullable Endpoint newer;

  /** What the unit's registers make of the requester now. */
  private Configuration configuration;

  // A unit that is switched off and on again may find its configurations as they were: that of the
  // state that it is not in waits here.
  private boolean isOfOff;
  private @Nullable Configuration other;

  AddressLookup(Translator translator, int sourceId, int pasid) {
    this.translator = translator;
    log = translator.log;
    iotlb = translator.iotlb;
    offsets = iotlb.offsets();
    this.sourceId = sourceId;
    this.pasid = pasid;
    configuration = new Configuration(translator, sourceId, pasid);
  }

  // The look into the IOTLB, in three steps between which the caller holds what was read: in one
  // that gives an answer or 0, loops of hits ask once more whether there was one.

  /** Where the IOTLB has an address first of all. */
  final long place(long iova) {
    return TranslationCache.preferred(iova, hashShift, offsets, origin);
  }

  /** Whether word 1 of that place answers. */
  final boolean isAnswer(long place, long word1, long iova, int access) {
    return TranslationCache.answers(place, word1, iova & blockMask ^ low, expected, access);
  }

  /** What word 1 answers. */
  final long answer(long word1, long iova) {
    return word1 & ABOVE | iova & ~blockMask;
  }

  /** Read, write or both: what hits are about. */
  static boolean isPlain(int access) {
    return Integer.compareUnsigned(access - 1, PLAIN) < 0;
  }

  /**
   * What the preferred place of the IOTLB does not answer.
   *
   * <p>The acquire read of the log also keeps the walk's plain reads from being made before it.
   */
  final long miss(long iova, int access) {
    Kernel fast = kernel;
    if (log.latest() != epoch || fast == null || !isPlain(access)) {
      return anew(iova, access);
    }
    long answer = fast.translate(iova, access);
    return answer == 0 ? full(iova, access) : noted(answer);
  }

  /** An answer; the next one is expected to be of this size. */
  final long noted(long answer) {
    if (Translation.spanLog2(answer) != span) {
      span = Translation.spanLog2(answer);
      if (translator.keeps) {
        expectClass(AddressSpaces.classOf(Math.max(span, AddressSpaces.shiftOf(0))));
      }
    }
    return answer;
  }

  /** A request that is not plain, or the first one after an invalidation. */
  private long anew(long iova, int access) {
    if (!isPlain(access) || !translator.caches || !prepare()) {
      return translator.anew(sourceId, pasid, iova, access);
    }
    Kernel fast = kernel;
    long answer = fast == null ? 0 : fast.translate(iova, access);
    return answer == 0 ? full(iova, access) : noted(answer);
  }

  /** What the kernel leaves to those who know every rule; the configuration is current. */
  final long full(long iova, int access) {
    Kernel fast = kernel;
    if (fast == null) {
      throw new IllegalStateException("no kernel although the configuration is resolved");
    }
    if (fast.isBusy()) {
      fast = configuration.specialise();
      kernel = fast;
      long answer = fast.translate(iova, access);
      if (answer != 0) {
        return noted(answer);
      }
    }
    Restrictions.Restriction barred = configuration.restriction();
    if (barred != null) {
      RegionKind kind = barred.input().kindAt(iova);
      if (kind != null) {
        return translator.refuse(sourceId, pasid, iova, access, kind, 0);
      }
    }
    CachedPlan plan = configuration.plan();
    // What the IOTLB holds it holds without ignored bits, where invalidations find it.
    long key = plan.untagged(iova);
    long answer = configuration.walk(iova, access);
    boolean nested = plan.usesFirst() && plan.usesSecond();
    WalkNotes notes = translator.tables.full().notes();
    int inputSpan = Math.max(notes.inputSpan(), Translation.spanLog2(answer));
    if (barred != null && !Translation.isFault(answer)) {
      long intermediate = nested ? notes.intermediate() : -1;
      answer = translator.judged(barred, sourceId, pasid, iova, key, access, answer, intermediate);
    }
    if (Translation.isFault(answer)) {
      return answer;
    }
    if (translator.keeps) {
      if (notes.isGlobal()) {
        configuration.space().setGlobal();
      }
      int rights = Translation.rights(answer) & plan.usable(access);
      fast.keep(key, answer, rights, inputSpan);
    }
    return noted(answer);
  }

  /** Sizes in use are tried in turn; the one that answered last is tried first. */
  private void expectClass(int newClass) {
    sizeClass = newClass;
    shift = AddressSpaces.shiftOf(newClass);
    hashShift = shift - TranslationCache.ENTRY_SHIFT;
    blockMask = -1L << shift;
    expected = TranslationCache.expect(configuration.space().translations, newClass);
    if (translator.counting) {
      expected |= TranslationCache.UNFINDABLE;
    }
  }

  /** Makes configuration and tags current; false if the configuration refuses every request. */
  final boolean prepare() {
    translator.catchUp();
    if (isOfOff != translator.tables.full().isOff()) {
      isOfOff = !isOfOff;
      Configuration next = other;
      other = configuration;
      configuration = next == null ? new Configuration(translator, sourceId, pasid) : next;
    }
    if (!configuration.prepare()) {
      return false;
    }
    translator.endpoints.admit(itself());
    kernel = configuration.kernel();
    low = configuration.space().translations.low();
    origin = iotlb.origin(configuration.space().translations);
    expectClass(sizeClass);
    epoch = translator.spaces.applied();
    hitEpoch = translator.keeps && iotlb.isPooled() ? epoch : NEVER;
    return true;
  }

  /** Gives back what it has of the caches; the next translation resolves its configuration anew. */
  final void forget() {
    configuration.giveBack();
    if (other != null) {
      other.giveBack();
    }
    refresh();
  }

  /** The configuration as it is now. */
  final CachedPlan plan() {
    return configuration.plan();
  }

  /** This, as its users know it. */
  abstract Endpoint itself();

  /** Under what tables of requesters have it. */
  final long id() {
    return Restrictions.key(sourceId, pasid);
  }

  @Override
  public final void refresh() {
    epoch = NEVER;
    hitEpoch = NEVER;
  }
}
