package dev.nestwalk.teach;

import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.memory.GuestMemory;

/** A common interface of the walkers. */
public interface Walker {
  /**
   * Translates one byte of DMA.
   *
   * @return a packed translation
   */
  long translate(int sourceId, int pasid, long iova, int access);

  /** The last refusal. */
  FaultRecord lastFault();

  /** The fast walker over {@code memory}, with its caches. */
  static Walker fast(Image image, GuestMemory memory) {
    return of(iommu(image, memory).newTranslator());
  }

  /** The fast walker over {@code memory}, without any cache. */
  static Walker uncached(Image image, GuestMemory memory) {
    return uncached(iommu(image, memory));
  }

  /** The fast walker of an IOMMU, without any cache. */
  static Walker uncached(Iommu iommu) {
    return of(iommu.newUncachedTranslator());
  }

  private static Walker of(Translator translator) {
    return new Walker() {
      @Override
      public long translate(int sourceId, int pasid, long iova, int access) {
        return translator.translate(sourceId, pasid, iova, access);
      }

      @Override
      public FaultRecord lastFault() {
        return translator.lastFault();
      }
    };
  }

  /** The IOMMU of an image over {@code memory}. */
  static Iommu iommu(Image image, GuestMemory memory) {
    try {
      return image.isVtd()
          ? Iommu.vtd(memory, image.registers(), image.hostAddressWidth())
          : Iommu.smmuv3(memory, image.registers());
    } catch (IllegalArgumentException e) {
      throw new InputException(image.registersFile() + ": " + e.getMessage());
    }
  }

  /** The explaining walker over {@code memory}. */
  static Walker reference(Image image, GuestMemory memory) {
    Reference reference = explaining(image, memory);
    return new Walker() {
      private FaultRecord fault = new FaultRecord();

      @Override
      public long translate(int sourceId, int pasid, long iova, int access) {
        Trace trace = reference.translate(sourceId, pasid, iova, access);
        fault = trace.fault();
        return trace.translation();
      }

      @Override
      public FaultRecord lastFault() {
        return fault;
      }
    };
  }

  /** The explaining walker itself. */
  static Reference explaining(Image image, GuestMemory memory) {
    try {
      return image.isVtd()
          ? References.vtd(memory, image.registers(), image.hostAddressWidth())
          : References.smmuv3(memory, image.registers());
    } catch (IllegalArgumentException e) {
      throw new InputException(image.registersFile() + ": " + e.getMessage());
    }
  }
}
