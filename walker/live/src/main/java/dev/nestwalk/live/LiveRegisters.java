package dev.nestwalk.live;

import dev.nestwalk.device.Unit;
import java.util.LinkedHashMap;
import java.util.Map;

/** Registers by name, read as a guest reads them. */
final class LiveRegisters {
  private record Place(String name, long offset, int size) {}

  private static final Place[] VTD = {
    new Place("CAP", 0x08, 8),
    new Place("ECAP", 0x10, 8),
    new Place("GSTS", 0x1c, 4),
    new Place("RTADDR", 0x20, 8)
  };

  private static final Place[] SMMU = {
    new Place("IDR0", 0x00, 4),
    new Place("IDR1", 0x04, 4),
    new Place("IDR3", 0x0c, 4),
    new Place("IDR5", 0x14, 4),
    new Place("CR0", 0x20, 4),
    new Place("CR2", 0x2c, 4),
    new Place("GBPA", 0x44, 4),
    new Place("STRTAB_BASE", 0x80, 8),
    new Place("STRTAB_BASE_CFG", 0x88, 4)
  };

  private LiveRegisters() {}

  static Map<String, Long> of(Unit unit, boolean vtd) {
    Map<String, Long> registers = new LinkedHashMap<>();
    for (Place place : vtd ? VTD : SMMU) {
      registers.put(place.name, unit.mmioRead(place.offset, place.size));
    }
    return registers;
  }
}
