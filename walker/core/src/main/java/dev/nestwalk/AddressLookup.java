package dev.nestwalk;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.iotlb.AddressSpaces;
import dev.nestwalk.iotlb.CachedPlan;
import dev.nestwalk.iotlb.InvalidationLog;
import dev.nestwalk.iotlb.TranslationCache;
import dev.nestwalk.iotlb.WalkNotes;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.walk.Kernel;
import org.jspecify.annotations.Nullable;

/**
 * The lookup behind an {@link Endpoint}: the fields that an IOTLB hit needs, the walk that a miss
 * falls back to, and the test for when the requester's configuration has to be resolved again.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
abstract class AddressLookup implements AddressSpaces.Requester {
  private static final int PLAIN = Access.ATOMIC;
  private static final long NEVER = -1;

  /** The address bits above the 4 KiB page offset. */
  static final long ABOVE = -4096;

  final Translator translator;
  final InvalidationLog log;
  private final TranslationCache iotlb;
  final int sourceId;
  final int pasid;

  /** Configuration and tags are valid while the invalidation log is at this number. */
  long epoch = NEVER;

  /** The IOTLB's preferred place may answer while the invalidation log is at this number. */
  long hitEpoch = NEVER;

  /** Answers what the preferred place does not; set while {@link #epoch} is current. */
  @Nullable Kernel kernel;

  // What an IOTLB probe needs for the expected page size, copied from cache and address space.
  int shift = AddressSpaces.shiftOf(0);
  int hashShift = shift - TranslationCache.ENTRY_SHIFT;
  long blockMask = -1L << shift;
  final long offsets;
  long origin;
  long low;
  long expected;

  int sizeClass;

  /** Log2 of the span of the answers that {@link #sizeClass} stands for. */
  private int span;

  // The endpoint's place in the translator's table.
  boolean isAdmitted;
  @Nullable Endpoint older;
  @Nullable Endpoint newer;

  /** The requester's configuration under the registers now in force. */
  private Configuration configuration;

  // A unit that is switched off and on again may find its configurations unchanged. The
  // configuration of the state that is not in force (translation on or off) waits here.
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

  // The IOTLB probe, in three steps; the caller keeps what was read in locals between them. A
  // single step that returned the answer or 0 would make loops of hits test twice.

  /** The IOTLB's preferred place for an address: the first one to probe. */
  final long place(long iova) {
    return TranslationCache.preferred(iova, hashShift, offsets, origin);
  }

  /** Whether word 1 of that place answers. */
  final boolean isAnswer(long place, long word1, long iova, int access) {
    return TranslationCache.answers(place, word1, iova & blockMask ^ low, expected, access);
  }

  /** The answer held in word 1. */
  final long answer(long word1, long iova) {
    return word1 & ABOVE | iova & ~blockMask;
  }

  /** Whether the access is a read, a write or both; only these are answered by hits. */
  static boolean isPlain(int access) {
    return Integer.compareUnsigned(access - 1, PLAIN) < 0;
  }

  /**
   * Answers a request that the preferred place of the IOTLB did not.
   *
   * <p>The acquire read of the log also keeps the plain reads of the walk from moving before it.
   */
  final long miss(long iova, int access) {
    Kernel fast = kernel;
    if (log.latest() != epoch || fast == null || !isPlain(access)) {
      return anew(iova, access);
    }
    long answer = fast.translate(iova, access);
    return answer == 0 ? full(iova, access) : noted(answer);
  }

  /** Notes the size of an answer: the next one is expected to have it too. */
  final long noted(long answer) {
    if (Translation.spanLog2(answer) != span) {
      span = Translation.spanLog2(answer);
      if (translator.keeps) {
        expectClass(AddressSpaces.classOf(Math.max(span, AddressSpaces.shiftOf(0))));
      }
    }
    return answer;
  }

  /** Answers a request that is not plain, or the first one after an invalidation. */
  private long anew(long iova, int access) {
    if (!isPlain(access) || !translator.caches || !prepare()) {
      return translator.anew(sourceId, pasid, iova, access);
    }
    Kernel fast = kernel;
    long answer = fast == null ? 0 : fast.translate(iova, access);
    return answer == 0 ? full(iova, access) : noted(answer);
  }

  /** Answers what the kernel leaves to the full walker; the configuration is current. */
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
        return translator.refused(translator.refuse(sourceId, pasid, iova, access, kind, 0));
      }
    }
    CachedPlan plan = configuration.plan();
    // The IOTLB holds addresses without their ignored bits, as invalidations name them.
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
      return translator.refused(answer);
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

  /**
   * Selects a page size. The sizes in use are tried in turn, beginning with the last that answered.
   */
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

  /**
   * Brings configuration and tags up to date.
   *
   * @return false if the configuration refuses every request
   */
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

  /** Releases its entries in the caches; the next translation resolves the configuration again. */
  final void forget() {
    configuration.giveBack();
    if (other != null) {
      other.giveBack();
    }
    refresh();
  }

  /** The current plan. */
  final CachedPlan plan() {
    return configuration.plan();
  }

  /** The endpoint that this lookup belongs to. */
  abstract Endpoint itself();

  /** The key of this requester in tables of requesters. */
  final long id() {
    return Restrictions.key(sourceId, pasid);
  }

  @Override
  public final void refresh() {
    epoch = NEVER;
    hitEpoch = NEVER;
  }
}
