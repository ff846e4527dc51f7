/** IOMMU address translation: VT-d and SMMUv3 tables, walked exactly and fast. */
module dev.nestwalk {
  requires org.agrona;
  requires static transitive org.jspecify;

  exports dev.nestwalk;
  exports dev.nestwalk.acpi;
  exports dev.nestwalk.cache;
  exports dev.nestwalk.dma;
  exports dev.nestwalk.explain;
  exports dev.nestwalk.format;
  exports dev.nestwalk.memory;
  exports dev.nestwalk.region;
  exports dev.nestwalk.smmu;
  exports dev.nestwalk.vtd;
  exports dev.nestwalk.walk;
}
