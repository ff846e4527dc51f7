package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Translation;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The register page of a VT-d unit: reset values, masks, access sizes (test list 1 to 5, 39, 40).
 */
final class VtdRegisterPageTest {
  private static final long IM = 0x8000_0000L;

  /**
   * Offset, bytes, value after reset, bits that hold what is written; of a unit with everything.
   */
  private static final long[][] REGISTERS = {
    {0x00, 4, 0x10, 0},
    {0x1c, 4, 0, 0},
    {0x20, 8, 0, 0x0000_ffff_ffff_fc00L},
    {0x34, 4, 0, 0},
    {0x38, 4, IM, IM},
    {0x3c, 4, 0, 0xffff},
    {0x40, 4, 0, 0xffff_fffcL},
    {0x44, 4, 0, 0xffff_ffffL},
    {0x58, 8, 0, 0},
    {0x68, 4, 0, 0xffe0_0000L},
    {0x6c, 4, 0, 0xffe0_0000L},
    {0x70, 8, 0, 0x0000_ffff_ffe0_0000L},
    {0x78, 8, 0, 0x0000_ffff_ffe0_0000L},
    {0x80, 8, 0, 0},
    {0x90, 8, 0, 0x0000_ffff_ffff_f807L},
    {0x9c, 4, 0, 0},
    {0xa0, 4, IM, IM},
    {0xa4, 4, 0, 0xffff},
    {0xa8, 4, 0, 0xffff_fffcL},
    {0xac, 4, 0, 0xffff_ffffL},
    {0xb0, 8, 0, 0},
    {0xb8, 8, 0, 0xffff_ffff_ffff_f80fL},
    {0xc0, 8, 0, 0x7ffe0},
    {0xc8, 8, 0, 0x7ffe0},
    {0xd0, 8, 0, 0x0000_ffff_ffff_f007L},
    {0xdc, 4, 0, 0},
    {0xe0, 4, IM, IM},
    {0xe4, 4, 0, 0xffff},
    {0xe8, 4, 0, 0xffff_fffcL},
    {0xec, 4, 0, 0xffff_ffffL},
    {0xf0, 8, 0, 0},
    {0x220, 8, 0, 0},
    {0x228, 8, 0, 0},
  };

  /** Both protected regions, interrupt remapping; the rest as the rig has it. */
  private final VtdRig rig = new VtdRig(VtdRig.CAP | 1 << 5 | 1 << 6, VtdRig.SCALABLE | 1 << 3);

  @AfterEach
  void close() {
    rig.close();
  }

  private long read(long[] register) {
    return rig.unit.mmioRead(register[0], (int) register[1]);
  }

  @Test
  @DisplayName("1 every register has its reset value, after power-on and after a reset")
  void resetValues() {
    for (int round = 0; round < 2; round++) {
      for (long[] one : REGISTERS) {
        assertEquals(one[2], read(one), "0x%x".formatted(one[0]));
      }
      assertEquals(rig.cap, rig.r64(8));
      assertEquals(rig.ecap, rig.r64(0x10));
      assertEquals(0, rig.r64(0x28));
      assertEquals(0, rig.r64(0xf8));
      rig.unmask().queue(0, true).put(0x4d).ring();
      rig.fault(VtdRig.SOURCE);
      rig.unit.reset();
    }
  }

  @Test
  @DisplayName("2 what is written stands in the writable bits alone, 64 bits at once or by halves")
  void masks() {
    for (long[] one : REGISTERS) {
      for (int way = 0; way < 3; way++) {
        for (long value : new long[] {-1, 0, 0x5a5a_a5a5_5a5a_a5a5L, one[2]}) {
          write(one, value, way);
          long held = one[2] & ~one[3] | value & one[3];
          assertEquals(held, read(one), "0x%x way %d".formatted(one[0], way));
          if (one[1] == 8) {
            assertEquals(held & 0xffff_ffffL, rig.r32(one[0]));
            assertEquals(held >>> 32, rig.r32(one[0] + 4));
          }
          // The queue's address asks for wide descriptors, faults are not there: nothing happens.
          assertEquals(0, rig.r32(0x34), "0x%x".formatted(one[0]));
        }
      }
    }
  }

  private void write(long[] one, long value, int way) {
    if (one[1] == 4) {
      rig.w32(one[0], value);
    } else if (way == 0) {
      rig.w64(one[0], value);
    } else {
      rig.w32(one[0] + (way == 1 ? 0 : 4), value >>> (way == 1 ? 0 : 32));
      rig.w32(one[0] + (way == 1 ? 4 : 0), value >>> (way == 1 ? 32 : 0));
    }
  }

  @Test
  @DisplayName("2 CCMD, IOTLB and IVA: go bits apart, fields that read as zero")
  void invalidationMasks() {
    rig.w32(0x2c, 0x7fff_ffffL);
    rig.w32(0x28, 0xffff_ffffL);
    assertEquals(0x6000_0000_0000_ffffL, rig.r64(0x28));
    rig.w64(0xf8, 0x7fff_ffff_ffff_ffffL);
    assertEquals(0x3003_ffff_0000_0000L, rig.r64(0xf8));
    rig.w64(0xf0, -1);
    assertEquals(0, rig.r64(0xf0));
  }

  @Test
  @DisplayName("2 registers of absent features read zero and take nothing")
  void absentFeatures() {
    try (VtdRig bare = new VtdRig(VtdRig.CAP, 0xf << 8)) {
      for (long at :
          new long[] {0x64, 0x68, 0x70, 0x78, 0x88, 0x90, 0x9c, 0xa0, 0xb8, 0xc0, 0xd0}) {
        bare.w64(at & -8, -1);
        assertEquals(0, bare.r32(at), "0x%x".formatted(at));
      }
      bare.w32(0x44, -1);
      assertEquals(0, bare.r32(0x44), "no EIM, no upper address");
      bare.w32(0x18, 0x0780_0000L | 1 << 28 | 1 << 29);
      assertEquals(0, bare.gsts());
      assertTrue(bare.unit.guestErrors().toString().contains("bits without a capability"));
    }
  }

  @Test
  @DisplayName("3 read-only registers do not move")
  void readOnly() {
    rig.translate();
    for (long at : new long[] {0, 8, 0x10, 0x80, 0xb0}) {
      long before = rig.r64(at);
      rig.w64(at, 0x5a5a_5a5aL);
      rig.w32(at + 4, 0x5a5a_5a5aL);
      assertEquals(before, rig.r64(at), "0x%x".formatted(at));
    }
    rig.w32(0x1c, 0x5a5a_5a5aL);
    assertEquals(0xc000_0000L, rig.gsts());
    assertTrue(rig.unit.guestErrors().toString().contains("write to a read-only register: CAP"));
  }

  @Test
  @DisplayName("3 zero to a reserved register is no mistake, anything else is")
  void zeroToReserved() {
    try (VtdRig bare = new VtdRig(VtdRig.CAP, 0xf << 8)) {
      for (long upperAddress : new long[] {0x44, 0xac, 0xec}) {
        bare.w32(upperAddress, 0);
      }
      assertTrue(bare.unit.guestErrors().isEmpty(), bare.unit.guestErrors()::toString);
      bare.w32(0x44, 1);
      assertEquals(
          "write to a read-only register: FEUADDR, once", bare.unit.guestErrors().toString());
      bare.w32(8, 0);
      assertTrue(bare.unit.guestErrors().toString().contains("read-only register: CAP"));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 4, 5, 6})
  @DisplayName("4 a written 1 clears a status bit, 0 does nothing")
  void clearedByOne(int bit) {
    rig.translate().queue(0, true);
    rig.deviceAnswer = bit == 5 ? DeviceTlb.Completion.UNEXPECTED : DeviceTlb.Completion.TIMED_OUT;
    switch (bit) {
      case 0 -> {
        rig.fault(VtdRig.SOURCE);
        rig.fault(VtdRig.OTHER);
      }
      case 4 -> rig.put(0x0d).ring();
      default -> rig.put(3 | 0x10L << 32, 0).ring();
    }
    long others = rig.r32(0x34) & ~(1L << bit);
    assertEquals(1, rig.r32(0x34) >>> bit & 1);
    rig.w32(0x34, 0);
    assertEquals(1, rig.r32(0x34) >>> bit & 1);
    rig.w32(0x34, 0xff & ~(1L << bit));
    assertEquals(1, rig.r32(0x34) >>> bit & 1);
    rig.poke64(VtdRig.QUEUE, 0x45);
    rig.w32(0x34, 1L << bit);
    assertEquals(others, rig.r32(0x34), "PPF follows the records alone");
  }

  @Test
  @DisplayName("5 GCMD reads as zero")
  void commandReadsZero() {
    rig.w32(0x18, 0xffff_ffffL);
    assertEquals(0, rig.r32(0x18));
    assertEquals(rig.gsts() << 32, rig.r64(0x18));
  }

  @Test
  @DisplayName("39 a 64-bit access covers two registers of 32 bits, low one first")
  void pairs() {
    rig.w64(0x40, 0x0000_0001_fee0_1000L);
    assertEquals(0xfee0_1000L, rig.r32(0x40));
    assertEquals(1, rig.r32(0x44));
    assertEquals(0x0000_0001_fee0_1000L, rig.r64(0x40));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 1", "0, 2", "3, 4", "4, 8", "0x22, 2", "-1, 8", "0x21, 1", "0, 3", "0, 16", "8, 0"
  })
  @DisplayName("40 odd sizes and places read zero, write nothing, and are counted")
  void oddAccesses(long offset, int size) {
    assertEquals(0, rig.unit.mmioRead(offset, size));
    rig.unit.mmioWrite(offset, size, -1);
    resetValuesStand();
    assertEquals(2, rig.unit.guestErrors().counts().size());
  }

  private void resetValuesStand() {
    for (long[] one : REGISTERS) {
      assertEquals(one[2], read(one));
    }
  }

  @Test
  @DisplayName("40 unknown places read zero, past the block all ones")
  void unknownPlaces() {
    assertEquals(0, rig.r32(0x300));
    rig.w64(0x300, -1);
    assertEquals(0, rig.r64(0x300));
    assertEquals(4096, rig.unit.registerBytes());
    assertEquals(-1, rig.r64(4096));
    assertEquals(0xffff_ffffL, rig.r32(0x7fff_ffff_ffff_fff0L));
    rig.w64(1L << 40, -1);
    resetValuesStand();
  }

  @Test
  void placesLeftOpenAreTheUnits() {
    VtdUnit own =
        VtdUnit.of(
            rig.unit.options(),
            Map.of("CAP", VtdRig.CAP & ~(0x3ffL << 24), "ECAP", VtdRig.LEGACY & ~(0x3ffL << 8)),
            -1);
    assertEquals(0x22, own.mmioRead(8, 8) >>> 24 & 0x3ff);
    assertEquals(0xf, own.mmioRead(0x10, 8) >>> 8 & 0x3ff);
  }

  @ParameterizedTest
  @CsvSource({"2, 0xf", "0x22, 2", "0xf, 0xf", "0x21, 0x22"})
  void placesOverOtherRegistersAreRefused(int fro, int iro) {
    long cap = VtdRig.CAP & ~(0x3ffL << 24) | (long) fro << 24 | 1L << 40;
    long ecap = VtdRig.LEGACY & ~(0x3ffL << 8) | (long) iro << 8;
    assertThrows(
        IllegalArgumentException.class,
        () -> VtdUnit.of(rig.unit.options(), Map.of("CAP", cap, "ECAP", ecap), -1));
  }

  @Test
  void aUnitWith256RecordsHasTwoPagesOfRegisters() {
    try (VtdRig large = VtdRig.withRecords(256)) {
      assertEquals(8192, large.unit.registerBytes());
      assertEquals(0, large.r64(0x220 + 255 * 16 + 8));
    }
  }

  @Test
  void dmaPassesUntilTranslationIsOn() {
    assertEquals(0x1234, Translation.address(rig.dma(VtdRig.SOURCE, 0x1234, 1)));
    assertEquals(List.of(), rig.sent());
  }

  @Test
  void twoRegistersInOneWriteAreWrittenLowOneFirst() {
    rig.translate().unmask();
    rig.w32(0x38, IM);
    rig.fault(VtdRig.SOURCE);
    rig.w64(0x38, 0x77L << 32);
    assertEquals(List.of("fee00000 21"), rig.sent(), "unmasked with the data from before");
    rig.w32(0x34, 1);
    rig.w32(0x22c, 0x8000_0000L);
    rig.fault(VtdRig.SOURCE);
    assertEquals(List.of("fee00000 77"), rig.sent());
  }

  @Test
  void theBlockEndsAtThePageOfTheLastRecord() {
    // CAP.FRO: the last 16 bytes of a page, the first of the next, across both.
    for (long[] place : new long[][] {{0xff, 1, 0x1000}, {0x100, 1, 0x2000}, {0xff, 2, 0x2000}}) {
      long cap = VtdRig.CAP & ~(0x3ffL << 24) | place[0] << 24 | place[1] - 1 << 40;
      try (VtdRig other = new VtdRig(cap, VtdRig.LEGACY)) {
        assertEquals(place[2], other.unit.registerBytes());
        other.translate();
        long first = place[0] * 16;
        for (int source : new int[] {VtdRig.SOURCE, VtdRig.SOURCE, VtdRig.OTHER}) {
          other.fault(source);
        }
        assertEquals(place[1] == 1 ? 3 : 2, other.r32(0x34), "PPF, and PFO with one record");
        other.w32(first + 12, 0x8000_0000L);
        assertEquals(place[1] == 1 ? 1 : 2, other.r32(0x34), "PPF falls with the last record");
      }
    }
  }

  @Test
  void registersEndWhereTheMtrrsBeginAndBeginWhereTheyEnd() {
    long mts = VtdRig.SCALABLE | 1L << 25;
    try (VtdRig with = new VtdRig(VtdRig.CAP, mts)) {
      assertEquals(0, with.r64(0x220), "IOTLB at 0xf8, records at 0x220");
    }
    long iva = mts & ~(0x3ffL << 8) | 0x10 << 8;
    assertThrows(IllegalArgumentException.class, () -> new VtdRig(VtdRig.CAP, iva));
    // Records below, at 0xf0, with IVA and IOTLB above the MTRRs.
    long high = mts & ~(0x3ffL << 8) | 0x23 << 8;
    long records = VtdRig.CAP & ~(0x3ffL << 24) | 0xfL << 24;
    try (VtdRig with = new VtdRig(records, high)) {
      assertEquals(0, with.r64(0xf0));
    }
  }

  @Test
  void protectedMemoryIsOffUntilItIsAskedFor() {
    rig.w32(0x6c, 0x40_0000);
    rig.w64(0x20, rig.rootTable());
    rig.w32(0x18, 0x4000_0000L);
    assertEquals(0x1000, Translation.address(rig.dma(VtdRig.SOURCE, 0x1000, 1)));
  }

  @Test
  void aResetUnitIsAsANewOne() {
    rig.translate().unmask().queue(0, true).putWait(1).ring();
    rig.fault(VtdRig.SOURCE);
    rig.w64(0xb8, 0x5000);
    rig.w32(0x18, rig.gsts() & 0x8680_0000L | 1 << 24);
    rig.unit.reset();
    assertEquals(rig.newUnit().snapshot(), rig.unit.snapshot());
    rig.translate();
    rig.fault(VtdRig.SOURCE);
    assertEquals(2, rig.r32(0x34), "PPF, for record 0");
  }
}
