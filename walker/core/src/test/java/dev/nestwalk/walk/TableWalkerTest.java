package dev.nestwalk.walk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.SmmuConfig;
import dev.nestwalk.smmu.SmmuWalker;
import dev.nestwalk.vtd.VtdConfig;
import dev.nestwalk.vtd.VtdWalker;
import java.lang.foreign.Arena;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A requester has a configuration or none, by the registers that are in force. */
class TableWalkerTest {
  private static final int NOBODY = 77;

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aRequesterWithoutAnEntryHasNoConfiguration(boolean vtd) {
    try (Arena arena = Arena.ofConfined()) {
      MappedPlan plan = MappedPlan.of(vtd, false, true);
      MappedMachine machine = new MappedMachine(plan, arena);
      GuestMemory memory = KernelLab.writable(machine);
      TableWalker<?> tables =
          vtd
              ? new TableWalker<>(
                  () -> new VtdWalker(VtdConfig.of(machine.registers(), KernelLab.WIDTH), memory))
              : new TableWalker<>(() -> new SmmuWalker(SmmuConfig.of(machine.registers()), memory));
      Requester known = tables.requester(MappedMachine.SOURCE, -1);
      assertTrue(known.resolve());
      assertTrue(known.tables().second().isOn());
      long iova = machine.input();
      assertEquals(machine.output(), Translation.address(known.walk(iova, 1)));
      assertFalse(tables.requester(NOBODY, -1).resolve());
      FullWalker<?> before = tables.full();
      machine.registers().put(vtd ? "GSTS" : "CR0", 0L);
      assertFalse(before.isOff());
      tables.reconfigure();
      assertNotSame(before, tables.full());
      assertTrue(tables.full().isOff());
    }
  }
}
