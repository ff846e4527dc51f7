package dev.nestwalk.smmu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nestwalk.fixtures.smmu.SmmuMachine;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** ID registers that no SMMUv3 can have are refused in one line. */
class SmmuCapabilitiesTest {
  private static Map<String, Long> registers() {
    Map<String, Long> registers = new HashMap<>();
    registers.put("IDR0", SmmuMachine.IDR0);
    registers.put("IDR1", SmmuMachine.IDR1);
    registers.put("IDR5", SmmuMachine.IDR5);
    return registers;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "IDR0 | 0x8   | IDR0: expected stage 1 or stage 2 (S1P, S2P)",
        "IDR0 | 0x3   | IDR0.TTF: expected AArch64 tables (2 or 3)",
        "IDR5 | 0x5   | IDR5: expected a granule (GRAN4K, GRAN16K, GRAN64K)",
        "IDR5 | 0x77  | IDR5.OAS: expected 0 to 6",
        "IDR1 | 0x21  | IDR1.SIDSIZE: expected up to 32",
        "IDR1 | 0x550 | IDR1.SSIDSIZE: expected up to 20",
      })
  void impossibleCombinationsAreNamed(String name, long value, String message) {
    Map<String, Long> registers = registers();
    registers.put(name, value);
    Exception refused =
        assertThrows(IllegalArgumentException.class, () -> SmmuCapabilities.of(registers));
    assertEquals(message, refused.getMessage());
  }

  @Test
  void streamsOf32BitsAndSubstreamsOf20Are() {
    Map<String, Long> registers = registers();
    registers.put("IDR1", 20L << 6 | 32);
    assertEquals(20L << 6 | 32, SmmuCapabilities.of(registers).idr1());
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 255, 256})
  void numbersOfNoEventHaveNone(int code) {
    assertNull(EventType.of(code));
  }

  @Test
  void registersAreNeededButForIdr3() {
    assertEquals(SmmuMachine.IDR0, SmmuCapabilities.of(registers()).idr0());
    for (String name : registers().keySet()) {
      Map<String, Long> without = registers();
      without.remove(name);
      Exception refused =
          assertThrows(IllegalArgumentException.class, () -> SmmuCapabilities.of(without));
      assertEquals("register " + name + " is missing", refused.getMessage());
    }
  }
}
