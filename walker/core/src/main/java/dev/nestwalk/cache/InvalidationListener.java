package dev.nestwalk.cache;

/**
 * Hears what is invalidated: for whoever keeps translations of his own, a device TLB or mappings in
 * a host's IOMMU (VFIO, vhost).
 *
 * <p>What is heard is what an invalidation names. Caches may drop more.
 *
 * <p>Threads: called on the thread that invalidates, after translators can see the invalidation and
 * before the call that made it returns; what two threads invalidate at once is heard in any order.
 */
public interface InvalidationListener {
  /** Which translations an invalidation names. */
  enum Stage {
    /** Of every stage, and of both together. */
    ANY,
    /** What a first stage translates, alone or with a second. */
    FIRST,
    /** What a second stage translates, alone or below a first; addresses are intermediate ones. */
    SECOND
  }

  /**
   * Translations are dropped.
   *
   * @param domain VT-d domain id or SMMUv3 VMID (0x10000 for EL2), -1 for every one
   * @param process VT-d PASID or SMMUv3 ASID, -1 for every one
   * @param first first address
   * @param last last address, unsigned
   */
  void unmapped(Stage stage, int domain, int process, long first, long last);

  /**
   * Configurations (contexts, PASID entries, STEs, CDs) are dropped.
   *
   * @param sourceId requester id or StreamID, -1 for every one
   * @param ignoredSourceBits bits of the source id that do not count
   * @param pasid PASID or SubstreamID, -1 for every one
   * @param domain domain that they select, -1 for every one
   */
  default void reconfigured(long sourceId, int ignoredSourceBits, int pasid, int domain) {}

  /**
   * The unit's registers changed.
   *
   * @param keepsCaches whether caches were kept; else everything is dropped
   */
  default void registersChanged(boolean keepsCaches) {}
}
