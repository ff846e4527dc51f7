package dev.nestwalk;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;

/**
 * Translates DMA for one thread.
 *
 * <p>Threads: belongs to the thread that uses it.
 */
public abstract class Translator {
  private final int maxSourceId;

  Translator(int maxSourceId) {
    this.maxSourceId = maxSourceId;
  }

  /**
   * Translates one byte of DMA. Every table content gives an answer; nothing is allocated.
   *
   * @param sourceId requester id (VT-d, 16 bits) or StreamID (SMMUv3, 32 bits)
   * @param pasid PASID or SubstreamID, 20 bits, or -1 for a request without one
   * @param iova byte address, all 64 bits significant
   * @param access {@link Access} bits, for example {@link Access#READ}
   * @return a packed {@link Translation}; after a refusal {@link #lastFault()} has the whole of it
   * @throws IllegalArgumentException for a source id, PASID or access that no request can have
   */
  public final long translate(int sourceId, int pasid, long iova, int access) {
    if (Integer.compareUnsigned(sourceId, maxSourceId) > 0
        || pasid < -1
        || pasid > 0xf_ffff
        || !Access.isValid(access)) {
      throw new IllegalArgumentException(
          "source 0x%x, PASID %d, access 0x%x: expected source up to 0x%x, PASID -1 to 0xfffff, Access bits"
              .formatted(sourceId, pasid, access, maxSourceId));
    }
    return walk(sourceId, pasid, iova, access);
  }

  abstract long walk(int sourceId, int pasid, long iova, int access);

  /** The last refusal; filled again by the next one. */
  public abstract FaultRecord lastFault();
}
