package dev.nestwalk.cli;

import dev.nestwalk.region.Device;
import dev.nestwalk.region.Ioas;
import dev.nestwalk.region.Region;
import dev.nestwalk.teach.Setup;
import java.util.ArrayList;
import java.util.List;

/** A device's region that an address space enforces. */
record HeldRegion(Device device, Region region) {
  /** All of them, device by device; the aperture does not count as a region. */
  static List<HeldRegion> of(Setup setup, Ioas space) {
    List<HeldRegion> held = new ArrayList<>();
    for (Device device : setup.devices.values()) {
      for (Region region : device.regions()) {
        if (space.reserved().contains(region.first())) {
          held.add(new HeldRegion(device, region));
        }
      }
    }
    return held;
  }
}
