package dev.nestwalk;

import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.smmu.SmmuWalker;

/** A translator over SMMUv3 structures. */
final class SmmuTranslator extends Translator {
  private final SmmuWalker walker;

  SmmuTranslator(SmmuWalker walker) {
    super(-1);
    this.walker = walker;
  }

  @Override
  long walk(int sourceId, int pasid, long iova, int access) {
    return walker.translate(sourceId, pasid, iova, access);
  }

  @Override
  public FaultRecord lastFault() {
    return walker.fault();
  }
}
