package dev.nestwalk.region;

/**
 * One region of one device, and what it demands of an address space.
 *
 * @param demand what the owner of the space has to respect there
 */
public record Bound(Device device, Region region, Demand demand) {
  /** What a region demands. */
  public enum Demand {
    /** No DMA: it is swallowed, or becomes an interrupt. */
    HOLE,
    /** Input has to equal output. */
    IDENTITY,
    /** The host places doorbell pages there. */
    HOST_OWNED,
    /** Requests are blocked: an interrupt address with a PASID in pass-through. */
    BLOCKED
  }
}
