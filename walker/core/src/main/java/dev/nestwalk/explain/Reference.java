package dev.nestwalk.explain;

/**
 * A walker that follows its specification step by step and reports each step.
 *
 * <p>Threads: belongs to one thread.
 */
public interface Reference {
  /**
   * Translates one byte of DMA and explains the walk.
   *
   * @param sourceId requester id or StreamID
   * @param pasid PASID or SubstreamID, or -1
   * @param iova byte address
   * @param access {@link dev.nestwalk.dma.Access} bits
   */
  Trace translate(int sourceId, int pasid, long iova, int access);
}
