package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nestwalk.dma.Outcome;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.smmu.EventType;
import dev.nestwalk.vtd.FaultReason;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** An IOMMU says what the code of a refusal stands for, in the words of its architecture. */
class ReasonsTest {
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  private Iommu iommu(boolean vtd) {
    MappedMachine machine = new MappedMachine(MappedPlan.of(vtd, false, true), arena);
    return vtd
        ? Iommu.vtd(Comparison.over(machine.memory()), machine.registers(), 46)
        : Iommu.smmuv3(Comparison.over(machine.memory()), machine.registers());
  }

  @Test
  void everyReasonOfVtdHasItsMnemonic() {
    Iommu iommu = iommu(true);
    assertEquals("SFS.2: first-stage entry not present", iommu.reason(0x71));
    for (FaultReason reason : FaultReason.values()) {
      assertEquals(reason.mnemonic() + ": " + reason.condition(), iommu.reason(reason.code()));
    }
  }

  @Test
  void everyEventHasItsName() {
    Iommu iommu = iommu(false);
    assertEquals("F_TRANSLATION: no valid translation", iommu.reason(0x10));
    for (EventType event : EventType.values()) {
      assertEquals(event.name() + ": " + event.condition(), iommu.reason(event.code()));
    }
  }

  @Test
  void theLibrarysOwnOutcomesAreTheSameForBoth() {
    for (Outcome outcome : Outcome.values()) {
      assertEquals(outcome.text(), iommu(true).reason(outcome.code()));
      assertEquals(outcome.text(), iommu(false).reason(outcome.code()));
    }
  }

  @Test
  void whatIsNoCodeOfTheFormatIsRefused() {
    // 0x71 is a reason of VT-d and no event; 0x12 is an event and no reason.
    assertThrows(IllegalArgumentException.class, () -> iommu(false).reason(0x71));
    assertThrows(IllegalArgumentException.class, () -> iommu(true).reason(0x12));
    assertThrows(IllegalArgumentException.class, () -> iommu(true).reason(-1));
  }
}
