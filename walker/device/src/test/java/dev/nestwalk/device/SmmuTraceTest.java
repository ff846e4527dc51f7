package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.fixtures.trace.RegisterTrace;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The register trace of QEMU's SMMUv3, driven by Linux: every read, event record, interrupt and DMA
 * answer is what the trace says, or the architecture where the two differ.
 */
final class SmmuTraceTest {
  private static final RegisterTrace TRACE =
      RegisterTrace.load(Scenarios.fixtures().resolve("traces/smmu-s1"));

  @Test
  void answersAsTheTraceSays() {
    try (Arena arena = Arena.ofShared()) {
      TracedMachine machine = new TracedMachine(TRACE, arena);
      assertEquals(List.of(), machine.replay(0));
      assertTrue(machine.compared() > 3000, machine.compared() + " comparisons");
    }
  }

  /**
   * Linux makes no mistake; the recorder writes registers that are only read, and an odd command.
   */
  @Test
  void theDiaryNamesWhatTheRecorderDidWrong() {
    try (Arena arena = Arena.ofShared()) {
      TracedMachine machine = new TracedMachine(TRACE, arena);
      machine.replay(0);
      assertEquals(
          List.of(
              "event lost, queue full: EVENTQ, 2 times",
              "CERROR_ILL, opcode 0xff: CMDQ, once",
              "write to a register that is only read: IDR0, once",
              "write to a register that is only read: IDR1, once",
              "write to a register that is only read: IDR5, once",
              "write to a register that is only read: CR0ACK, once",
              "write to a register that is only read: GERROR, once"),
          machine.guestErrors().lines());
    }
  }

  @ParameterizedTest(name = "after each {0} lines")
  @ValueSource(ints = {1, 7, 100})
  void aRestoredUnitGoesOnAsTheOther(int every) {
    try (Arena arena = Arena.ofShared()) {
      TracedMachine machine = new TracedMachine(TRACE, arena);
      assertEquals(List.of(), machine.replay(every));
    }
  }
}
