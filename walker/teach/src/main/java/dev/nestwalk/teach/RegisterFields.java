package dev.nestwalk.teach;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;
import dev.nestwalk.smmu.Cr0;
import dev.nestwalk.smmu.Cr2;
import dev.nestwalk.smmu.Gbpa;
import dev.nestwalk.smmu.Idr0;
import dev.nestwalk.smmu.Idr1;
import dev.nestwalk.smmu.Idr3;
import dev.nestwalk.smmu.Idr5;
import dev.nestwalk.smmu.StreamTableBase;
import dev.nestwalk.smmu.StreamTableConfig;
import dev.nestwalk.vtd.Cap;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.GlobalStatus;
import dev.nestwalk.vtd.ProtectedMemoryEnable;
import dev.nestwalk.vtd.RootTableAddress;
import java.util.List;
import java.util.stream.Stream;

/** The registers that affect translation, by name (VT-d 11.4; IHI 0070, 6.3.1 to 6.3.25). */
final class RegisterFields {
  private static final List<Structure> ALL =
      List.of(
          Cap.STRUCTURE,
          Ecap.STRUCTURE,
          GlobalStatus.STRUCTURE,
          RootTableAddress.STRUCTURE,
          ProtectedMemoryEnable.STRUCTURE,
          Idr0.STRUCTURE,
          Idr1.STRUCTURE,
          Idr3.STRUCTURE,
          Idr5.STRUCTURE,
          Cr0.STRUCTURE,
          Cr2.STRUCTURE,
          Gbpa.STRUCTURE,
          StreamTableBase.STRUCTURE,
          StreamTableConfig.STRUCTURE);

  /** The fields of register {@code name}; empty if it does not affect translation. */
  static List<Field> of(String name) {
    Stream<Structure> named = ALL.stream().filter(register -> register.name().equals(name));
    return named.findFirst().map(Structure::fields).orElse(List.of());
  }

  private RegisterFields() {}
}
