package dev.nestwalk.region;

/**
 * A region of one device, and what it demands of an address space.
 *
 * @param demand what the owner of the address space has to respect there
 */
public record Bound(Device device, Region region, Demand demand) {
  /** What a region demands. */
  public enum Demand {
    /** No DMA: the platform swallows it or turns it into an interrupt. */
    HOLE,
    /** The output address has to equal the input address. */
    IDENTITY,
    /** The host places doorbell pages there. */
    HOST_OWNED,
    /** Requests are blocked: an interrupt address with a PASID in pass-through. */
    BLOCKED
  }
}
