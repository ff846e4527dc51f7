package dev.nestwalk.region;

import java.util.List;

/**
 * A region of a device that overlaps a mapping of the address space below the device's table.
 *
 * @param mapping the mapping that it overlaps
 * @param binds whether hardware or firmware cares, whatever is enforced
 * @param enforcedUnder policies under which the attachment and the mapping exclude each other
 */
public record Conflict(
    Device device,
    Region region,
    AddressSet.Range mapping,
    boolean binds,
    List<Policy> enforcedUnder) {
  /** The conflict in one line. */
  public String describe() {
    String under =
        enforcedUnder.isEmpty() ? "no policy" : enforcedUnder.toString().replaceAll("[\\[\\]]", "");
    return "%s: %s 0x%x-0x%x meets the mapping 0x%x-0x%x; %s; refused under %s"
        .formatted(
            device,
            region.kind(),
            region.first(),
            region.last(),
            mapping.first(),
            mapping.last(),
            binds ? "hardware cares" : "hardware does not care",
            under);
  }
}
