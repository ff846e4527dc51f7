/** IOMMU address translation: VT-d and SMMUv3 tables, walked exactly and fast. */
module dev.nestwalk {
  requires static transitive org.jspecify;
  requires org.agrona.core;

  exports dev.nestwalk;
  exports dev.nestwalk.dma;
  exports dev.nestwalk.format;
  exports dev.nestwalk.memory;
}
