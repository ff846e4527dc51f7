package dev.nestwalk.live;

import dev.nestwalk.device.SmmuUnit;
import dev.nestwalk.device.Unit;
import dev.nestwalk.device.UnitOptions;
import dev.nestwalk.device.VtdUnit;
import java.util.Map;

/** Makes the unit of a mode. */
final class LiveUnits {
  private LiveUnits() {}

  static Unit make(LiveMode mode, int levels, int hostAddressWidth, UnitOptions options) {
    Map<String, Long> registers = mode.registers(levels);
    return mode.format() == LiveFormat.VTD
        ? VtdUnit.of(options, registers, hostAddressWidth)
        : SmmuUnit.of(options, registers);
  }
}
