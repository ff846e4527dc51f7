package dev.nestwalk;

import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.flight.UnitEvents;
import dev.nestwalk.iotlb.AddressSpaces;
import dev.nestwalk.iotlb.InvalidationLog;
import dev.nestwalk.iotlb.StructureCaches;
import dev.nestwalk.iotlb.TagCounter;
import dev.nestwalk.iotlb.TranslationCache;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.walk.KernelFactory;
import dev.nestwalk.walk.TableWalker;
import dev.nestwalk.walk.WalkCaches;
import org.jspecify.annotations.Nullable;

/**
 * Translates DMA for one thread, with its own caches.
 *
 * <p>Invalidations may be published by any thread. Each translation checks for them and applies
 * them before it answers. {@link Iommu#sync} says what other threads may rely on.
 *
 * <p>Threads: belongs to the thread that made it; assertions ({@code -ea}) detect use by another
 * one.
 */
public final class Translator {
  final InvalidationLog log;
  final Restrictions restrictions;
  final TableWalker<?> tables;
  final KernelFactory kernels;
  final TranslationCache iotlb;
  final WalkCaches walkCaches;
  final AddressSpaces spaces;

  /** Whether configurations are cached. */
  final boolean caches;

  /** Whether translations are cached. */
  final boolean keeps;

  final boolean counting;
  final QuiescentState presence;
  final GuestMemory memory;
  final Batch batch;

  // Batches that are read from memory pass through these.
  final long[] chunkIn = new long[Batch.SCAN];
  final long[] chunkOut = new long[Batch.SCAN];

  private final UnitEvents events;
  private final FaultRecord lastFault = new FaultRecord();
  private final WalkCounters counters = new WalkCounters();

  /**
   * Whether a call that gives several answers is in progress. Such a call may apply invalidations
   * for the answers still to come, but the ones that it has given stay in use until its caller asks
   * for the next translation.
   */
  private boolean holding;

  /** The number last reported to {@link #presence}. */
  private long told;

  private final Thread owner = Thread.currentThread();
  final EndpointTable endpoints;

  /**
   * Makes a translator.
   *
   * @param format makes its walker, for the registers in force
   * @param options null for a translator without any cache
   */
  Translator(
      UnitFormat format,
      KernelFactory kernels,
      GuestMemory memory,
      InvalidationLog log,
      UnitEvents events,
      Restrictions restrictions,
      TagCounter tags,
      @Nullable CacheOptions options) {
    this.kernels = kernels;
    this.memory = memory;
    this.log = log;
    this.events = events;
    this.restrictions = restrictions;
    caches = options != null;
    CacheOptions used = options == null ? CacheOptions.NONE : options;
    keeps = used.iotlbEntries() != 0;
    counting = used.counting();
    iotlb =
        keeps
            ? new TranslationCache(used.iotlbEntries(), used.iotlbWays())
            : new TranslationCache(2, 1);
    StructureCaches structures = new StructureCaches(used);
    walkCaches = new WalkCaches(keeps ? iotlb : null, structures, counters, counting);
    batch = new Batch(this);
    endpoints = new EndpointTable(used.endpoints());
    spaces = new AddressSpaces(log, iotlb, structures, tags, endpoints);
    told = spaces.applied();
    // The registers are looked at after the number of the last invalidation: if they change between
    // the two, the change is applied once more, and not missed.
    tables = format.walker(memory, lastFault, counters);
    presence = new QuiescentState(Thread.currentThread(), this, told);
  }

  /**
   * Translates one byte of DMA. This looks the requester's {@link Endpoint} up first.
   *
   * @param sourceId requester id (VT-d, 16 bits) or StreamID (SMMUv3, 32 bits)
   * @param pasid PASID or SubstreamID, 20 bits, or -1 for a request without one
   * @param iova byte address, all 64 bits significant
   * @param access {@link Access} bits, for example {@link Access#READ}
   * @return a packed {@link Translation}; after a refusal {@link #lastFault()} has the details
   * @throws IllegalArgumentException for a source id, PASID or access that no request can have
   */
  public final long translate(int sourceId, int pasid, long iova, int access) {
    assert isOwn();
    if (!caches) {
      checkRequester(sourceId, pasid);
      return anew(sourceId, pasid, iova, access);
    }
    return endpoint(sourceId, pasid).translate(iova, access);
  }

  /**
   * The requester with this id. It is made at the first call, so ask for it once and keep it. The
   * translator remembers {@link CacheOptions#endpoints} requesters; one that it has forgotten keeps
   * working.
   *
   * @param sourceId requester id (VT-d, 16 bits) or StreamID (SMMUv3, 32 bits)
   * @param pasid PASID or SubstreamID, 20 bits, or -1 for requests without one
   * @throws IllegalArgumentException for a source id or PASID that no request can have
   */
  public final Endpoint endpoint(int sourceId, int pasid) {
    assert isOwn();
    long key = Restrictions.key(sourceId, pasid);
    @Nullable Endpoint known = endpoints.find(key);
    if (known != null) {
      return known;
    }
    checkRequester(sourceId, pasid);
    Endpoint endpoint = new Endpoint(this, sourceId, pasid);
    endpoints.admit(endpoint);
    return endpoint;
  }

  /**
   * Releases what the translator remembers of a requester that is gone: a device that was
   * unplugged, a PASID that is no longer in use. Neither correctness nor memory depends on this
   * call: beyond {@link CacheOptions#endpoints} requesters the least recently used ones are
   * forgotten. An {@link Endpoint} that is still held keeps working, and resolves its configuration
   * again.
   *
   * @param sourceId requester id (VT-d, 16 bits) or StreamID (SMMUv3, 32 bits)
   * @param pasid PASID or SubstreamID, 20 bits, or -1 for requests without one
   * @return whether it was known
   * @throws IllegalArgumentException for a source id or PASID that no request can have
   */
  public final boolean forget(int sourceId, int pasid) {
    assert isOwn();
    checkRequester(sourceId, pasid);
    @Nullable Endpoint known = endpoints.find(Restrictions.key(sourceId, pasid));
    if (known == null) {
      return false;
    }
    endpoints.dismiss(known);
    return true;
  }

  /** For assertions: whether the calling thread is the one that the translator belongs to. */
  final boolean isOwn() {
    Thread current = Thread.currentThread();
    if (!current.equals(owner)) {
      throw new AssertionError(
          "a translator of thread \"%s\" is used by thread \"%s\": give each thread its own"
              .formatted(owner.getName(), current.getName()));
    }
    return true;
  }

  private void checkRequester(int sourceId, int pasid) {
    int maxSourceId = tables.full().maxSourceId();
    if (Integer.compareUnsigned(sourceId, maxSourceId) > 0 || pasid < -1 || pasid > 0xf_ffff) {
      throw new IllegalArgumentException(
          "source 0x%x, PASID %d: expected source up to 0x%x, PASID -1 to 0xfffff"
              .formatted(sourceId, pasid, maxSourceId));
    }
  }

  /** Translates without any cache. */
  final long anew(int sourceId, int pasid, long iova, int access) {
    long answer = uncached(sourceId, pasid, iova, access);
    return Translation.isFault(answer) ? refused(answer) : answer;
  }

  /** A refusal, told to a flight recording that wants to know. */
  final long refused(long refusal) {
    events.refused(lastFault);
    return refusal;
  }

  private long uncached(int sourceId, int pasid, long iova, int access) {
    if (!Access.isValid(access)) {
      throw new IllegalArgumentException(
          "access 0x%x: expected Access bits that go together".formatted(access));
    }
    poll();
    Restrictions.Restriction restriction =
        restrictions.isEmpty() ? null : restrictions.of(Restrictions.key(sourceId, pasid));
    if (restriction == null) {
      return tables.full().translate(sourceId, pasid, iova, access);
    }
    // The address of a translated request is not a bus address that software chose.
    boolean translated = (access & Access.TRANSLATED) != 0;
    RegionKind kind = translated ? null : restriction.input().kindAt(iova);
    if (kind != null) {
      return refuse(sourceId, pasid, iova, access, kind, 0);
    }
    long answer = tables.full().translate(sourceId, pasid, iova, access);
    if (Translation.isFault(answer)) {
      return answer;
    }
    long input = translated ? iova : tables.full().untagged(iova);
    long middle = tables.full().intermediate();
    return judged(restriction, sourceId, pasid, iova, input, access, answer, middle);
  }

  /**
   * Applies a restriction to an answer. The answer is refused if the intermediate address is
   * reserved, or the input address without its ignored bits. Otherwise its span is narrowed so that
   * it covers no reserved address.
   *
   * @param input the address without ignored bits
   * @param intermediate -1 if the request passed only one stage; for a translated request its own
   *     address, if that is an intermediate one
   */
  final long judged(
      Restrictions.Restriction restriction,
      int sourceId,
      int pasid,
      long iova,
      long input,
      int access,
      long answer,
      long intermediate) {
    RegionKind alias = input == iova ? null : restriction.input().kindAt(input);
    if (alias != null) {
      return refuse(sourceId, pasid, iova, access, alias, 0);
    }
    boolean nested = intermediate != -1;
    RegionKind kind = nested ? restriction.below().kindAt(intermediate) : null;
    if (kind != null) {
      return refuse(sourceId, pasid, iova, access, kind, intermediate);
    }
    boolean translated = (access & Access.TRANSLATED) != 0;
    int span = Translation.spanLog2(answer);
    int free = span;
    while (free > 0
        && !((translated || restriction.input().isBlockFree(input, free))
            && (!nested || restriction.below().isBlockFree(intermediate, free)))) {
      free--;
    }
    if (free < AtsReply.SMALLEST && (access & Access.TRANSLATION_REQUEST) != 0) {
      // A reply covers whole pages, and a part of this page is reserved.
      long refusal = Outcome.NO_RIGHTS.packed();
      lastFault().begin(sourceId, pasid, iova, access, refusal);
      return refusal;
    }
    return Translation.narrowed(answer, free);
  }

  /** Refuses a DMA that touches a reserved region. */
  final long refuse(
      int sourceId, int pasid, long iova, int access, RegionKind kind, long intermediate) {
    long refusal =
        switch (kind) {
          case DIRECT -> Outcome.RESERVED_DIRECT.packed();
          case DIRECT_RELAXABLE -> Outcome.RESERVED_DIRECT_RELAXABLE.packed();
          case RESERVED -> Outcome.RESERVED.packed();
          case MSI -> Outcome.RESERVED_MSI.packed();
          case SW_MSI -> Outcome.RESERVED_SW_MSI.packed();
        };
    if ((access & Access.TRANSLATION_REQUEST) != 0) {
      refusal = Translation.completed(refusal, Completion.SUCCESS);
    }
    lastFault().begin(sourceId, pasid, iova, access, refusal);
    lastFault().setIntermediate(intermediate);
    return refusal;
  }

  /**
   * Applies what was invalidated since the last look, and reports this to waiting threads unless
   * answers given before are still in use.
   */
  final void catchUp() {
    assert isOwn();
    if (spaces.catchUp()) {
      tables.reconfigure();
    }
    if (!holding) {
      told = spaces.applied();
      presence.seen(told);
    }
  }

  /** Begins a call that gives several answers; {@link #release} ends it. */
  final void hold() {
    assert isOwn();
    poll();
    holding = true;
  }

  /**
   * Ends a call that gave several answers. If it applied an invalidation on its way, some answers
   * are older than that; the endpoint's next translation then has to report that their use is over.
   */
  final void release(Endpoint of) {
    holding = false;
    if (told != spaces.applied()) {
      of.refresh();
    }
  }

  /**
   * Looks for invalidations. Every translation does this too, but with a plain read, which a loop
   * without synchronisation may see late. Call this now and then in a loop that never synchronises,
   * locks or blocks, so that {@link Iommu#sync} of other threads does not wait for it.
   */
  public final void poll() {
    assert isOwn();
    if (log.latest() != told) {
      catchUp();
    }
  }

  /**
   * Declares that this thread will neither translate nor use earlier answers until {@link #resume}.
   * Nobody waits for it meanwhile.
   */
  public final void pause() {
    assert isOwn();
    presence.leave();
  }

  /** Ends a {@link #pause} and applies at once what was invalidated meanwhile. */
  public final void resume() {
    told = spaces.applied();
    presence.enter(told);
    poll();
  }

  /** What the caches did; all zero unless counting is switched on. */
  public final CacheCounters counters() {
    return counters;
  }

  /** The last refusal; the next one overwrites it. */
  public final FaultRecord lastFault() {
    return lastFault;
  }
}
