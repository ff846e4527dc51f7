/** IOMMU address translation: VT-d and SMMUv3 tables, walked exactly and fast. */
@SuppressWarnings("module") // the modules that some packages are exported to are built later
module dev.nestwalk {
  requires org.agrona;
  requires static transitive org.jspecify;
  requires static jdk.jfr; // no events where the runtime has none

  // What an embedder names in code.
  exports dev.nestwalk;
  exports dev.nestwalk.acpi;
  exports dev.nestwalk.cache;
  exports dev.nestwalk.dma;
  exports dev.nestwalk.memory;
  exports dev.nestwalk.region;

  // The registers and structures of the formats: a front end answers by their fields, and the live
  // machine names faults. Teach, cli and bench live on the class path.
  exports dev.nestwalk.format to
      dev.nestwalk.device;
  exports dev.nestwalk.smmu to
      dev.nestwalk.device,
      dev.nestwalk.live;
  exports dev.nestwalk.vtd to
      dev.nestwalk.device,
      dev.nestwalk.live;
}
