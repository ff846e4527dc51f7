package dev.nestwalk.smmu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.iotlb.CachedPlan;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.walk.Tables;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What caches are told of an SMMUv3 configuration: its names, and what a hit may answer. */
final class SmmuPlanTest {
  // Bits of a CD and of an STE.
  private static final int HD = 42;
  private static final int HA = 43;
  private static final int TBI0 = 38;
  private static final int ASID0 = 48;
  private static final int S2VMID0 = 128;
  private static final int S2HD = 128 + 55;
  private static final int S2HA = 128 + 56;
  private static final int INSTCFG = 64 + 50;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64);
  private final SmmuMachine machine = new SmmuMachine(memory);
  private final VmsaTables tables = new VmsaTables(memory, 12, 1, 39);
  private final VmsaTables second = new VmsaTables(memory, 12, 1, 39);
  private final long context = memory.allocate();

  @AfterEach
  void close() {
    arena.close();
  }

  private StreamEntry stream(boolean one, boolean two) {
    StreamEntry entry = new StreamEntry(4 | (one ? 1 : 0) | (two ? 2 : 0));
    entry = one ? entry.stage1(context, 0, 0, 0) : entry;
    return two ? entry.stage2(second, 48).set(S2VMID0) : entry;
  }

  private void resolve(SmmuPlan plan) {
    GuestMemory.Builder builder = GuestMemory.builder();
    memory.runs().forEach(run -> builder.ram(run.first(), run.bytes()));
    SmmuWalker walker = new SmmuWalker(SmmuConfig.of(machine.registers()), builder.build());
    assertTrue(walker.resolve(plan, 1, -1));
  }

  private void mapContexts() {
    for (int page = 0; page < memory.pages(); page++) {
      second.map(memory.page(page), memory.page(page), 3, 1L << 10 | 3L << 6 | 15L << 2);
    }
  }

  /** After a read, a hit grants a write unless that would set a flag of one of the stages. */
  @Test
  void aWriteLeavesATraceWhereAStageThatIsOnSetsDirtyState() {
    mapContexts();
    for (int stages = 0; stages <= 3; stages++) {
      boolean one = (stages & 1) != 0;
      boolean two = (stages & 2) != 0;
      for (int flags = 0; flags <= 3; flags++) {
        boolean ofOne = (flags & 1) != 0;
        boolean ofTwo = (flags & 2) != 0;
        ContextEntry entry = new ContextEntry(48).lower(tables).set(ASID0);
        machine.context(context, ofOne ? entry.set(HD).set(HA) : entry);
        StreamEntry stream = stream(one, two);
        machine.stream(1, two && ofTwo ? stream.set(S2HD).set(S2HA) : stream);
        SmmuPlan plan = new SmmuPlan();
        resolve(plan);
        boolean silent = !(one && ofOne) && !(two && ofTwo);
        String where = "stages " + stages + ", flags " + flags;
        assertEquals(silent ? Access.ATOMIC : Access.READ, plan.usable(Access.READ), where);
        assertEquals(Access.ATOMIC, plan.usable(Access.WRITE), where);
        assertEquals(one ? 1 : -1, plan.process(), where);
        assertEquals(two ? 1 : 0, plan.domain(), where);
        assertEquals(one, plan.usesFirst(), where);
        assertEquals(two, plan.usesSecond(), where);
      }
    }
  }

  /** TBI is stage 1's: of the stream that had it before, nothing is left. */
  @Test
  void topBytesAreIgnoredByStage1Alone() {
    machine.context(context, new ContextEntry(48).lower(tables).set(TBI0));
    machine.stream(1, stream(true, false));
    SmmuPlan plan = new SmmuPlan();
    resolve(plan);
    assertEquals(0x1000, plan.untagged(0x12L << 56 | 0x1000));
    machine.stream(1, stream(false, true));
    resolve(plan);
    assertEquals(0x12L << 56 | 0x1000, plan.untagged(0x12L << 56 | 0x1000));
  }

  /** INSTCFG: reads become fetches, of which a write says nothing. */
  @Test
  void aWriteSaysNothingOfReadsThatAreFetches() {
    machine.register("IDR1", SmmuMachine.IDR1 | 1L << 26);
    machine.context(context, new ContextEntry(48).lower(tables));
    for (int instruction = 0; instruction <= 3; instruction++) {
      StreamEntry entry = stream(true, false);
      entry = (instruction & 1) != 0 ? entry.set(INSTCFG) : entry;
      machine.stream(1, (instruction & 2) != 0 ? entry.set(INSTCFG + 1) : entry);
      SmmuPlan plan = new SmmuPlan();
      resolve(plan);
      int expected = instruction == 3 ? Access.WRITE : Access.ATOMIC;
      assertEquals(expected, plan.usable(Access.WRITE), "INSTCFG " + instruction);
      assertEquals(Access.ATOMIC, plan.usable(Access.READ));
    }
  }

  /** A unit that is off has one configuration for all, whatever the plan held before. */
  @Test
  void aUnitThatIsOffIsNamedByNoInvalidation() {
    mapContexts();
    machine.context(context, new ContextEntry(48).lower(tables).set(ASID0).set(HD).set(HA));
    machine.stream(1, stream(true, true).set(S2HD).set(S2HA).set(INSTCFG).set(INSTCFG + 1));
    SmmuPlan plan = new SmmuPlan();
    resolve(plan);
    assertTrue(plan.usesFirst() && plan.usesSecond());
    machine.register("CR0", 0);
    resolve(plan);
    assertEquals(CachedPlan.UNTRANSLATED, plan.domain());
    assertEquals(-1, plan.process());
    assertEquals(0, plan.pasid());
    assertFalse(plan.usesFirst() || plan.usesSecond());
    assertEquals(Access.ATOMIC, plan.usable(Access.READ));
    assertSame(Tables.NONE, plan.tables());
  }
}
