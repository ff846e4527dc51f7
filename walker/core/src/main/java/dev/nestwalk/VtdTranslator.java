package dev.nestwalk;

import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.vtd.VtdWalker;

/** A translator over VT-d structures. */
final class VtdTranslator extends Translator {
  private final VtdWalker walker;

  VtdTranslator(VtdWalker walker) {
    super(0xffff);
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
