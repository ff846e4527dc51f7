package dev.nestwalk;

import dev.nestwalk.explain.Reference;

/**
 * What requesters have mapped under the registers that were in force when this was made. Scans of
 * one view share a translator and may be advanced in turns.
 *
 * <p>Threads: belongs to the thread that made it, with its scans.
 */
public final class Mappings {
  private final Translator translator;
  private final Reference reference;

  Mappings(Translator translator, Reference reference) {
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
    translator.forget(sourceId, pasid);
    return new MappingScan(translator.endpoint(sourceId, pasid), reference);
  }
}
