package dev.nestwalk.cli;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;
import dev.nestwalk.vtd.Cap;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.GlobalStatus;
import dev.nestwalk.vtd.ProtectedMemoryEnable;
import dev.nestwalk.vtd.RootTableAddress;
import java.util.List;
import java.util.stream.Stream;

/** The registers that decide about translation, by name (VT-d chapter 11). */
final class VtdRegisters {
  private static final List<Structure> ALL =
      List.of(
          Cap.STRUCTURE,
          Ecap.STRUCTURE,
          GlobalStatus.STRUCTURE,
          RootTableAddress.STRUCTURE,
          ProtectedMemoryEnable.STRUCTURE);

  /** The fields of register {@code name}; empty if it has no part in translation. */
  static List<Field> fields(String name) {
    Stream<Structure> named = ALL.stream().filter(register -> register.name().equals(name));
    return named.findFirst().map(Structure::fields).orElse(List.of());
  }

  private VtdRegisters() {}
}
