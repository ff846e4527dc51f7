package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** GCMD, PMEN and invalidation by registers (test list 6 to 15). */
final class VtdCommandTest {
  private static final long GO = 1L << 63;

  private final VtdRig rig = new VtdRig(VtdRig.CAP | 1 << 5 | 1L << 63, VtdRig.LEGACY | 1 << 3);

  @AfterEach
  void close() {
    rig.close();
  }

  @ParameterizedTest
  @CsvSource({
    "31, 1", "30, 1", "29, 0", "28, 0", "27, 0", "26, 1", "25, 1", "24, 1", "23, 1", "0, 0"
  })
  @DisplayName("6 each bit of GCMD alone sets its status, if the unit has it")
  void eachBitAlone(int bit, int status) {
    rig.w32(0x18, 1L << bit);
    assertEquals((long) status << bit, rig.gsts());
  }

  @ParameterizedTest
  @CsvSource({"31", "26", "25", "23"})
  @DisplayName("7 a level that a write leaves out is switched off")
  void levelLeftOut(int bit) {
    rig.w32(0x18, 1L << bit);
    rig.w32(0x18, 0x0100_0000L);
    assertEquals(0x0100_0000L, rig.gsts());
    rig.w32(0x18, 1L << bit);
    rig.w32(0x18, 0x0000_0000L);
    assertEquals(0x0100_0000L, rig.gsts(), "one-shot statuses stay");
  }

  @Test
  @DisplayName("8 SRTP and SIRTP written 0 do nothing")
  void oneShotsWrittenZero() {
    rig.w64(0x20, rig.machine.root());
    rig.w64(0xb8, 0x470_000f);
    rig.w32(0x18, 0x8000_0000L);
    assertEquals(0x8000_0000L, rig.gsts());
    assertTrue(Translation.isFault(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)), "root table at 0");
  }

  @Test
  @DisplayName("9 RTADDR takes effect with SRTP alone, and reads back what was written")
  void rootNeedsItsCommand() {
    rig.translate();
    assertEquals(rig.page, Translation.address(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)));
    rig.w64(0x20, 0x1_0000);
    assertEquals(0x1_0000, rig.r64(0x20));
    assertFalse(Translation.isFault(rig.dma(VtdRig.OTHER, VtdRig.IOVA, 1)));
    rig.w32(0x18, 0xc000_0000L);
    assertTrue(Translation.isFault(rig.dma(VtdRig.OTHER, VtdRig.IOVA, 1)));
    assertTrue(Translation.isFault(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)), "ESRTPS: no stale hit");
    assertEquals(0xc000_0000L, rig.gsts());
  }

  @Test
  @DisplayName("9 the mode of RTADDR changes with SRTP; abort and reserved modes fault")
  void modes() {
    rig.translate();
    for (long[] mode : new long[][] {{2, 0x30}, {1, 0x30}, {3, 0x30}}) {
      rig.w64(0x20, rig.machine.root() | mode[0] << 10);
      rig.w32(0x18, 0xc000_0000L);
      assertEquals(mode[1], Translation.code(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)));
    }
    rig.translate();
    assertFalse(Translation.isFault(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)));
  }

  @Test
  @DisplayName("10 WBFS reads 0 at once")
  void writeBufferFlush() {
    rig.w32(0x18, 0x0800_0000L);
    assertEquals(0, rig.gsts());
  }

  @Test
  @DisplayName("11 QIE off resets IQH")
  void queueOffResetsHead() {
    rig.queue(0, false).putWait(1).putWait(2).ring();
    assertEquals(32, rig.head());
    rig.w32(0x18, 0);
    assertEquals(0, rig.head());
    assertEquals(0, rig.gsts());
    assertEquals(32, rig.r64(0x88), "IQT is software's");
  }

  @Test
  @DisplayName("12 QIE with a tail that was written before carries out what is queued")
  void queueOnWithTail() {
    rig.poke64(VtdRig.QUEUE, 0x25 | 7L << 32);
    rig.poke64(VtdRig.QUEUE + 8, VtdRig.STATUS);
    rig.w64(0x90, VtdRig.QUEUE);
    rig.w64(0x88, 16);
    assertEquals(0, rig.status());
    rig.w32(0x18, 0x0400_0000L);
    assertEquals(7, rig.status());
    assertEquals(16, rig.head());
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "2, 2", "3, 3", "0, 0"})
  @DisplayName("13 CCMD: go bit falls, CAIG tells what was done")
  void contextCommand(long asked, long done) {
    rig.translate();
    rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1);
    rig.machine.context(VtdRig.SOURCE, 0, 2, 6, 0x9_0000);
    rig.w32(0x28, VtdRig.SOURCE << 16 | VtdRig.DOMAIN);
    assertFalse(Translation.isFault(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)), "low half alone");
    rig.w32(0x2c, (GO | asked << 61) >>> 32);
    assertEquals(asked << 61 | done << 59 | VtdRig.DOMAIN, rig.r64(0x28));
    assertEquals(done != 0, Translation.isFault(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)));
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "2, 2", "3, 3", "0, 0"})
  @DisplayName("13 IOTLB: go bit falls, IAIG tells what was done")
  void iotlbCommand(long asked, long done) {
    rig.translate();
    rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1);
    rig.second.map(VtdRig.IOVA, 0x31_0000L, 12, 3);
    rig.w64(0xf0, VtdRig.IOVA);
    long command = asked << 60 | 3L << 48 | (long) VtdRig.DOMAIN << 32;
    rig.w32(0xf8, 0);
    rig.w64(0xf8, GO | command);
    assertEquals(command | done << 57, rig.r64(0xf8));
    long expected = done == 0 ? rig.page : 0x31_0000L;
    assertEquals(expected, Translation.address(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)));
  }

  @Test
  @DisplayName("14 with QIES=1 nothing is done, the go bit falls, granularity 0")
  void registersWhileQueued() {
    rig.queue(0, false).translate();
    rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1);
    rig.second.map(VtdRig.IOVA, 0x31_0000L, 12, 3);
    rig.w64(0x28, GO | 1L << 61);
    rig.w64(0xf8, GO | 1L << 60);
    assertEquals(1L << 61, rig.r64(0x28));
    assertEquals(1L << 60, rig.r64(0xf8));
    assertEquals(rig.page, Translation.address(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)));
    assertEquals(
        List.of(
            "invalidation by register while GSTS.QIES=1: CCMD, once",
            "invalidation by register while GSTS.QIES=1: IOTLB, once"),
        rig.unit.guestErrors().lines());
  }

  @Test
  @DisplayName("15 an address mask beyond MAMV is not carried out")
  void maskBeyondMaximum() {
    rig.w64(0xf0, VtdRig.IOVA | 9);
    rig.w64(0xf8, GO | 3L << 60);
    assertEquals(3L << 57, rig.r64(0xf8) & 3L << 57);
    rig.w64(0xf0, VtdRig.IOVA | 10);
    rig.w64(0xf8, GO | 3L << 60);
    assertEquals(0, rig.r64(0xf8) & (GO | 3L << 57));
  }

  @Test
  @DisplayName("15 without PSI the whole domain is invalidated, IAIG 2")
  void noPageSelection() {
    try (VtdRig coarse = new VtdRig(VtdRig.CAP & ~(1L << 39), VtdRig.LEGACY)) {
      coarse.w64(0xf8, GO | 3L << 60);
      assertEquals(3L << 60 | 2L << 57, coarse.r64(0xf8));
    }
  }

  @Test
  @DisplayName("13 CCMD is not carried out outside legacy mode")
  void contextCommandInScalableMode() {
    try (VtdRig scalable = VtdRig.scalable().translate()) {
      scalable.w64(0x28, GO | 1L << 61);
      assertEquals(1L << 61, scalable.r64(0x28));
    }
  }

  @Test
  @DisplayName("major version 6 has no invalidation by registers")
  void versionSix() {
    VtdUnit unit =
        VtdUnit.of(
            rig.unit.options(),
            java.util.Map.of("CAP", VtdRig.CAP, "ECAP", VtdRig.LEGACY, "VER", 0x60L),
            -1);
    unit.mmioWrite(0x28, 8, GO | 1L << 61);
    unit.mmioWrite(0xf8, 8, GO | 1L << 60);
    assertEquals(0, unit.mmioRead(0x28, 8));
    assertEquals(0, unit.mmioRead(0xf8, 8));
  }

  @Test
  @DisplayName("PMEN: PRS follows EPM, the region refuses DMA while translation is off")
  void protectedMemory() {
    rig.w32(0x68, 0x20_0000);
    rig.w32(0x6c, 0x20_0000);
    rig.w32(0x64, 0x8000_0000L);
    assertEquals(0x8000_0001L, rig.r32(0x64));
    assertEquals(
        Outcome.PROTECTED_MEMORY.code(), Translation.code(rig.dma(VtdRig.SOURCE, 0x3f_ffff, 1)));
    assertFalse(Translation.isFault(rig.dma(VtdRig.SOURCE, 0x1f_ffff, 1)));
    assertEquals(0, rig.r32(0x34), "never recorded");
    rig.w32(0x64, 0);
    assertEquals(0, rig.r32(0x64));
    assertFalse(Translation.isFault(rig.dma(VtdRig.SOURCE, 0x3f_ffff, 1)));
  }

  @Test
  @DisplayName("several changes in one write are all made, and counted")
  void severalChanges() {
    rig.w64(0x20, rig.machine.root());
    rig.w64(0x90, VtdRig.QUEUE);
    rig.w32(0x18, 0xc600_0000L);
    assertEquals(0xc600_0000L, rig.gsts());
    assertEquals(rig.page, Translation.address(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)));
    assertEquals(
        List.of("several changes in one write: GCMD, once"), rig.unit.guestErrors().lines());
  }

  @Test
  void withoutPageSelectionThePageIsDroppedWithItsDomain() {
    try (VtdRig coarse = new VtdRig(VtdRig.CAP & ~(1L << 39), VtdRig.LEGACY).translate()) {
      coarse.dma(VtdRig.SOURCE, VtdRig.IOVA, 1);
      coarse.second.map(VtdRig.IOVA, 0x31_0000L, 12, 3);
      coarse.w64(0xf8, GO | 3L << 60 | (long) VtdRig.DOMAIN << 32);
      assertEquals(0x31_0000L, Translation.address(coarse.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)));
    }
  }
}
