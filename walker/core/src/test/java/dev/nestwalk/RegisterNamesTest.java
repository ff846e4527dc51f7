package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.smmu.SmmuConfig;
import dev.nestwalk.vtd.VtdConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Names of registers: misspelt ones are refused by name, all that units have are taken. */
class RegisterNamesTest {
  private static final Map<String, Long> VTD =
      Map.of("CAP", 0xd2008c222f0606L, "ECAP", 0xf00f4aL, "GSTS", 0L, "RTADDR", 0L);
  private static final Map<String, Long> SMMU =
      Map.of("IDR0", 0xd40101aL, "IDR1", 0x2730010L, "IDR5", 0x74L, "CR0", 0L);

  private static String refusal(boolean vtd, String name, Long value) {
    Map<String, Long> registers = new HashMap<>(vtd ? VTD : SMMU);
    registers.put(name, value);
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> {
              if (vtd) {
                VtdConfig.of(registers, -1);
              } else {
                SmmuConfig.of(registers);
              }
            });
    return String.valueOf(refused.getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "true, RTADRR, RTADDR",
    "true, rtaddr, RTADDR",
    "true, PMEM, PMEN",
    "true, ECPA, ECAP",
    "true, GSTS_REG, GSTS",
    "true, PHMLIMTI, PHMLIMIT",
    "false, STRTAB_BAS, STRTAB_BASE",
    "false, STRTABBASE_CFG, STRTAB_BASE_CFG",
    "false, SMMU_IDR5, IDR5",
    "false, idr3, IDR3",
  })
  void misspeltNamesAreRefusedWithTheNearest(boolean vtd, String name, String near) {
    assertEquals(name + ": unknown register; did you mean " + near + "?", refusal(vtd, name, 0L));
  }

  @Test
  void otherNamesAreRefusedShortAndPrintable() {
    assertEquals("TTBR0_EL1: unknown register of VT-d", refusal(true, "TTBR0_EL1", 0L));
    assertEquals("CR4242424: unknown register of SMMUv3", refusal(false, "CR4242424", 0L));
    String junk = refusal(true, "\u001b[2J" + "x".repeat(100_000), 0L);
    assertTrue(junk.length() < 100 && junk.chars().allMatch(c -> c >= ' '), junk);
  }

  @Test
  @SuppressWarnings("NullAway")
  void registersWithoutAValueAreRefusedByName() {
    for (String name : List.of("CAP", "RTADDR", "PMEN", "VER")) {
      assertEquals(name + ": expected the register's value, found null", refusal(true, name, null));
    }
    for (String name : List.of("IDR0", "STRTAB_BASE", "AIDR")) {
      assertEquals(
          name + ": expected the register's value, found null", refusal(false, name, null));
    }
  }

  @Test
  void everyShippedMachinesRegistersAreKnown() throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.walk(Scenarios.fixtures())) {
      files =
          all.filter(file -> file.toString().endsWith(".json"))
              .filter(file -> Files.exists(Path.of(file.toString().replace(".json", ".csv"))))
              .filter(file -> !file.toString().contains("target"))
              .toList();
    }
    assertTrue(files.size() > 200, files.size() + " machines");
    for (Path file : files) {
      Machine machine = Machine.read(file);
      assertDoesNotThrow(
          () -> {
            if (machine.isVtd()) {
              VtdConfig.REGISTERS.check(machine.registers());
            } else {
              SmmuConfig.REGISTERS.check(machine.registers());
            }
          },
          file.toString());
    }
  }
}
