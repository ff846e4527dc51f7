package dev.nestwalk.device;

/**
 * The devices of a unit that keep translations (PCIe ATS): the other end of its invalidation
 * requests.
 *
 * <p>Threads: called on the thread of a vCPU, without the unit's lock; it may wait for the device,
 * as long as the device does not wait for that vCPU.
 */
@FunctionalInterface
public interface DeviceTlb {
  /** How a device answered. */
  enum Completion {
    /** Dropped; nothing uses it any more. */
    DONE,
    /** No answer in time: VT-d ITE, SMMUv3 CERROR_ATC_INV_SYNC. */
    TIMED_OUT,
    /** An answer that makes no sense: VT-d ICE. */
    UNEXPECTED
  }

  /** Answers at once, for units without such devices. */
  DeviceTlb NONE = (sourceId, pasid, first, last, global) -> Completion.DONE;

  /**
   * Drops what a device keeps of a range.
   *
   * @param sourceId requester id or StreamID
   * @param pasid PASID or SubstreamID, -1 for translations without one
   * @param first first address
   * @param last last address, unsigned
   * @param global of every PASID
   */
  Completion invalidate(int sourceId, int pasid, long first, long last, boolean global);
}
