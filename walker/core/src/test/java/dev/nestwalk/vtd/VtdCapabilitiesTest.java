package dev.nestwalk.vtd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What CAP and ECAP can say together, and where each width ends. */
final class VtdCapabilitiesTest {
  private static final int HAW = 46;
  private static final long SMTS = 1L << 43;
  private static final long FSTS = 1L << 47;
  private static final long SSTS = 1L << 46;
  private static final long NEST = 1L << 26;
  private static final long PASID = 1L << 40;
  private static final long SAGAW = 0x1fL << 8;

  private static long mgaw(int bits) {
    return VtdMachine.CAP & ~(63L << 16) | bits - 1L << 16;
  }

  private static String refusal(long cap, long ecap, int haw) {
    return String.valueOf(
        assertThrows(IllegalArgumentException.class, () -> VtdCapabilities.of(cap, ecap, haw))
            .getMessage());
  }

  @ParameterizedTest
  @ValueSource(ints = {30, 39, 57})
  void guestAddressesHave30To57Bits(int bits) {
    VtdCapabilities unit = VtdCapabilities.of(mgaw(bits), VtdMachine.ECAP, HAW);
    assertEquals(bits, unit.guestAddressWidth());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 29, 58, 64})
  void otherGuestAddressesAreRefused(int bits) {
    assertEquals(
        "CAP.MGAW gives " + bits + " address bits: expected 30 to 57",
        refusal(mgaw(bits), VtdMachine.ECAP, HAW));
  }

  @ParameterizedTest
  @CsvSource({"32, 57, 32", "52, 57, 52", "-1, 32, 32", "-1, 52, 52"})
  void hostAddressesHave32To52Bits(int given, int guest, int width) {
    VtdCapabilities unit = VtdCapabilities.of(mgaw(guest), VtdMachine.ECAP, given);
    assertEquals(width, unit.hostAddressWidth());
    assertEquals(-1L << width, unit.beyondHost());
  }

  @ParameterizedTest
  @CsvSource({"31, 57, 31", "53, 57, 53", "0, 57, 0", "-1, 31, 31", "-1, 53, 53"})
  void otherHostAddressesAreRefused(int given, int guest, int width) {
    assertEquals(
        "host address width " + width + ": expected 32 to 52 bits",
        refusal(mgaw(guest), VtdMachine.ECAP, given));
  }

  @Test
  void capabilitiesComeWithThoseThatTheyNeed() {
    String nest = "ECAP.NEST is set: expected SMTS, FSTS and SSTS with it";
    for (long missing : new long[] {SMTS, FSTS, SSTS}) {
      assertEquals(nest, refusal(VtdMachine.CAP, VtdMachine.ECAP & ~PASID & ~missing, HAW));
      VtdCapabilities.of(VtdMachine.CAP, VtdMachine.ECAP & ~PASID & ~NEST & ~missing, HAW);
    }
    assertEquals(
        "ECAP.PASID is set: expected SMTS with it",
        refusal(VtdMachine.CAP, VtdMachine.ECAP & ~NEST & ~SMTS, HAW));
    long noSecond = VtdMachine.CAP & ~SAGAW;
    VtdCapabilities first = VtdCapabilities.of(noSecond, VtdMachine.ECAP, HAW);
    assertEquals(0, first.widestSecondStage());
    assertEquals(
        "CAP.SAGAW names no width and there is no first stage: expected one of them",
        refusal(noSecond, VtdMachine.ECAP & ~NEST & ~FSTS, HAW));
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "1, 2", "18, 19", "19, 20", "20, 20", "31, 20"})
  void pasidsHaveUpTo20Bits(long pss, int width) {
    long ecap = VtdMachine.ECAP & ~(31L << 35) | pss << 35;
    assertEquals(width, VtdCapabilities.of(VtdMachine.CAP, ecap, HAW).pasidWidth());
  }

  @ParameterizedTest
  @CsvSource({"0, 0xfff0", "2, 0xff00", "5, 0xc000", "6, 0", "7, 0"})
  void domainIdsHave4To16Bits(long nd, String beyond) {
    long cap = VtdMachine.CAP & ~7L | nd;
    long bits = VtdCapabilities.of(cap, VtdMachine.ECAP, HAW).unsupportedDomainBits();
    assertEquals(Long.decode(beyond), bits);
  }

  @ParameterizedTest
  @CsvSource({"1, 1, 39", "2, 2, 48", "3, 2, 48", "4, 3, 57", "7, 3, 57"})
  void theSecondStagesWidthsAreThoseOfSagaw(long sagaw, int widest, int bits) {
    long cap = VtdMachine.CAP & ~SAGAW | sagaw << 9;
    VtdCapabilities unit = VtdCapabilities.of(cap, VtdMachine.ECAP, HAW);
    assertEquals(widest, unit.widestSecondStage());
    assertEquals(bits, unit.inputWidth(widest));
    for (int aw = -1; aw <= 8; aw++) {
      boolean named = aw >= 1 && aw <= 3 && (sagaw >> aw - 1 & 1) == 1;
      assertEquals(named, unit.supportsWidth(aw), "AW " + aw);
    }
  }

  @Test
  void theInputIsNoWiderThanGuestAddresses() {
    VtdCapabilities unit = VtdCapabilities.of(mgaw(41), VtdMachine.ECAP, HAW);
    assertEquals(39, unit.inputWidth(1));
    assertEquals(41, unit.inputWidth(2));
  }

  @ParameterizedTest
  @CsvSource({"0, 0, 2, 6", "1, 0, 6, 6", "2, 1, 10, 14", "3, 1, 14, 14"})
  void pagesAreThoseOfSslpsAndFs1gp(long sslps, long fs1gp, int second, int first) {
    long cap = VtdMachine.CAP & ~(3L << 34) & ~(1L << 56) | sslps << 34 | fs1gp << 56;
    VtdCapabilities unit = VtdCapabilities.of(cap, VtdMachine.ECAP, HAW);
    assertEquals(second, unit.secondStageLeafLevels());
    assertEquals(first, unit.firstStageLeafLevels());
  }

  @ParameterizedTest
  @ValueSource(strings = {"CAP", "ECAP", "GSTS", "RTADDR"})
  void aUnitHasTheseRegisters(String missing) {
    Map<String, Long> all = Map.of("CAP", VtdMachine.CAP, "ECAP", VtdMachine.ECAP);
    Map<String, Long> registers = new HashMap<>(all);
    registers.put("GSTS", 1L << 31);
    registers.put("RTADDR", 3L << 10);
    VtdConfig config = VtdConfig.of(registers, HAW);
    assertTrue(config.isEnabled());
    assertEquals(RootTableAddress.TTM_ABORT, config.mode());
    assertEquals(HAW, config.capabilities().hostAddressWidth());
    registers.remove(missing);
    Exception refusal =
        assertThrows(IllegalArgumentException.class, () -> VtdConfig.of(registers, HAW));
    assertEquals("register " + missing + " is missing", refusal.getMessage());
  }

  @Test
  void protectedMemoryHasAGranuleFrom4KibTo2Gib() {
    Map<String, Long> registers =
        Map.of("CAP", VtdMachine.CAP, "ECAP", VtdMachine.ECAP, "GSTS", 0L, "RTADDR", 0L);
    for (int log2 = 12; log2 <= 31; log2++) {
      assertEquals(HAW, VtdConfig.of(registers, HAW, log2).capabilities().hostAddressWidth());
    }
    for (int log2 : new int[] {-1, 11, 32}) {
      Exception refusal =
          assertThrows(IllegalArgumentException.class, () -> VtdConfig.of(registers, HAW, log2));
      assertEquals(
          "protected memory in units of 2^" + log2 + " bytes: expected 2^12 to 2^31",
          refusal.getMessage());
    }
  }
}
