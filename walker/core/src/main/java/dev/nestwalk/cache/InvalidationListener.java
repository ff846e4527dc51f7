package dev.nestwalk.cache;

/**
 * Is told what is invalidated, for code that keeps translations of its own: a device TLB, or
 * mappings in a host's IOMMU (VFIO, vhost).
 *
 * <p>A listener is told what an invalidation names. Caches may drop more.
 *
 * <p>Threads: called on the thread that invalidates, after translators can see the invalidation and
 * before the invalidating call returns. Invalidations of two threads at the same time are reported
 * in either order.
 */
public interface InvalidationListener {
  /** The translations that an invalidation names. */
  enum Stage {
    /** Translations of every stage and of both together. */
    ANY,
    /** Translations by a first stage, alone or with a second. */
    FIRST,
    /** Translations by a second stage, alone or below a first; addresses are intermediate ones. */
    SECOND
  }

  /**
   * Translations were invalidated.
   *
   * @param domain VT-d domain id or SMMUv3 VMID (0x10000 for EL2), -1 for all
   * @param process VT-d PASID or SMMUv3 ASID, -1 for all
   * @param first first address
   * @param last last address, unsigned
   */
  void unmapped(Stage stage, int domain, int process, long first, long last);

  /**
   * Configurations (contexts, PASID entries, STEs, CDs) were invalidated.
   *
   * @param sourceId requester id or StreamID, -1 for all
   * @param ignoredSourceBits bits of the source id that are ignored
   * @param pasid PASID or SubstreamID, -1 for all
   * @param domain domain that the configurations select, -1 for all
   */
  default void reconfigured(long sourceId, int ignoredSourceBits, int pasid, int domain) {}

  /**
   * The unit's registers changed.
   *
   * @param keepsCaches whether caches were kept; otherwise everything was dropped
   */
  default void registersChanged(boolean keepsCaches) {}
}
