package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Translation;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Snapshots of a VT-d unit (test list 34). */
final class VtdSnapshotTest {
  private final VtdRig rig = new VtdRig(VtdRig.CAP | 3L << 40 | 1 << 5, VtdRig.SCALABLE);

  @AfterEach
  void close() {
    rig.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 50})
  @DisplayName("34 a unit restored in any state goes on as the other would have")
  void anyState(int every) {
    assertEquals("", VtdTraffic.run(every == 1 ? 4_000 : 8_000, 100, every));
  }

  @Test
  @DisplayName("34 what was latched is kept, not what stands in the registers")
  void latched() {
    rig.translate().queue(0, true).putWait(1).ring();
    rig.w64(0x20, 0x1_0000);
    rig.w64(0x90, 0x5_0000);
    rig.migrate();
    assertEquals(rig.page, Translation.address(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)));
    assertEquals(0x1_0000, rig.r64(0x20));
    rig.putWait(2).ring();
    assertEquals(2, rig.status());
  }

  @Test
  @DisplayName("34 the interrupt table in force and the next record are kept, too")
  void tableAndRecord() {
    try (VtdRig remapping = new VtdRig(VtdRig.CAP | 3L << 40, VtdRig.SCALABLE | 1 << 3)) {
      remapping.translate();
      remapping.w64(0xb8, 0x5000); // IRTA
      remapping.w32(0x18, 0x8100_0000L); // SIRTP
      remapping.w64(0xb8, 0x6000);
      remapping.fault(VtdRig.SOURCE);
      for (int round = 0; round < 2; round++) {
        assertEquals(0x5000, remapping.unit.snapshot().value("IRTA-in-force"));
        assertEquals(0x6000, remapping.unit.snapshot().value("IRTA"));
        assertEquals(1, remapping.unit.snapshot().value("next-record"));
        remapping.migrate();
      }
      remapping.fault(VtdRig.OTHER);
      assertEquals(VtdRig.OTHER, remapping.r64(0x238) & 0xffff, "in the second record");
    }
  }

  @Test
  @DisplayName("34 records that end with the last page are kept, too")
  void recordsAtTheEnd() {
    long cap = VtdRig.CAP & ~(0x3ffL << 24) | 0xfeL << 24 | 1L << 40;
    try (VtdRig other = new VtdRig(cap, VtdRig.LEGACY)) {
      assertEquals(4096, other.unit.registerBytes());
      other.translate();
      other.fault(VtdRig.SOURCE);
      other.fault(VtdRig.OTHER);
      other.migrate();
      assertEquals(VtdRig.OTHER, other.r64(0xff8) & 0xffff);
    }
  }

  @Test
  @DisplayName("34 what was queued and not carried out is carried out")
  void queued() {
    rig.queue(0, true).putWait(7);
    String text = rig.unit.snapshot().toString();
    assertTrue(text.contains("IQT 0\n"), text);
    rig.newUnit().restore(Snapshot.parse(text.replace("IQT 0\n", "IQT 20\n")));
    assertEquals(7, rig.status());
  }

  @Test
  @DisplayName("34 waits that a time-out aborted stay aborted")
  void aborted() {
    rig.queue(0, true);
    rig.deviceAnswer = DeviceTlb.Completion.TIMED_OUT;
    rig.put(3 | 0x10L << 32, 0).putWait(1).ring();
    assertEquals(0x20, rig.unit.snapshot().value("aborted"));
    rig.migrate();
    rig.w32(0x34, 1 << 6);
    assertEquals(0x40, rig.head());
    assertEquals(0, rig.status());
    rig.putWait(2).ring();
    assertEquals(2, rig.status());
    assertEquals(0, rig.r32(0x34));
  }

  @Test
  @DisplayName("34 a pending event is sent once, by the unit that took it over")
  void pendingEvent() {
    rig.translate().unmask();
    rig.w32(0x38, 0x8000_0000L);
    rig.fault(VtdRig.SOURCE);
    rig.migrate();
    assertEquals(List.of(), rig.sent());
    rig.w32(0x38, 0);
    assertEquals(List.of("fee00000 21"), rig.sent());
  }

  @ParameterizedTest
  @CsvSource({
    "next-record 0, next-record 4",
    "next-record 0, next-record ffffffffffffffff",
    "IQH 20, IQH 1000",
    "IQH 20, IQH 8",
    "aborted 0, aborted 1000",
    "FSTS 2, FSTS 0",
    "FSTS 2, FSTS 402",
    "FSTS 2, FSTS 10002",
    "FECTL 0, FECTL 40000000",
    "PMEN 0, PMEN 1",
    "GCMD 0, GCMD 80000000",
    "VER 10, VER 20",
    "RTADDR-in-force, x",
    "CCMD 0, CCMD 8000000000000000",
    "FEDATA 21, FEDATA 10021",
    "FRCD0.low 70000000, FRCD0.low 70000001",
    "ICS 0, ICS 2",
    "nestwalk-snapshot 1 vtd, nestwalk-snapshot 1 smmuv3",
    "IQA-in-force 100800, IQA-in-force 100000000000000",
    "GSTS c4000000, GSTS c0000000",
    "aborted 0, aborted 10",
    "IQH 20, IQH 30",
    "FRCD1.high 0, FRCD1.high 10000",
    "IOTLB 0, IOTLB 8000000000000000",
  })
  @DisplayName("34 a state that no unit can have is refused, and nothing changes")
  void impossible(String before, String after) {
    rig.translate().unmask().queue(0, true).putWait(1).ring();
    rig.fault(VtdRig.SOURCE);
    // next-record is 1 after a fault; the table names it 0.
    String text = rig.unit.snapshot().toString().replace("next-record 1", "next-record 0");
    assertTrue(text.contains(before), text);
    Snapshot bent = Snapshot.parse(text.replace(before, after));
    VtdUnit other = rig.newUnit();
    Snapshot fresh = other.snapshot();
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> other.restore(bent));
    assertEquals(1, String.valueOf(e.getMessage()).lines().count());
    assertEquals(fresh, other.snapshot());
  }

  @Test
  @DisplayName("34 the state of a unit with other capabilities is refused")
  void otherUnit() {
    try (VtdRig legacy = VtdRig.legacy()) {
      Snapshot state = legacy.unit.snapshot();
      assertThrows(IllegalArgumentException.class, () -> rig.unit.restore(state));
    }
  }
}
