package dev.nestwalk;

import dev.nestwalk.explain.Reference;
import dev.nestwalk.iotlb.InvalidationLog;

/**
 * What requesters have mapped under the registers that were in force when this was made. Scans of
 * one view share a translator and may be advanced in turns.
 *
 * <p>Threads: belongs to the thread that made it, with its scans.
 */
public final class Mappings {
  private final InvalidationLog log;
  private final Translator translator;
  private final Reference reference;

  /** A view by a translator of its own, whose invalidations are those of {@code log}. */
  Mappings(InvalidationLog log, Translator translator, Reference reference) {
    this.log = log;
    this.translator = translator;
    this.reference = reference;
  }

  /**
   * The present mappings of a requester, whose configuration is read anew.
   *
   * @param sourceId requester id (VT-d, 16 bits) or StreamID (SMMUv3, 32 bits)
   * @param pasid PASID or SubstreamID, 20 bits, or -1 for requests without one
   * @throws IllegalArgumentException for a source id or PASID that no request can have
   */
  public MappingScan of(int sourceId, int pasid) {
    // Its configuration may have changed since an earlier scan.
    log.configurations();
    return new MappingScan(translator.endpoint(sourceId, pasid), reference);
  }
}
