package dev.nestwalk.smmu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a unit asks of an STE without a translation. */
final class StreamProbeTest {
  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 32);
  private final SmmuMachine machine = new SmmuMachine(memory);

  @AfterEach
  void close() {
    arena.close();
  }

  private StreamProbe probe(Map<String, Long> changed) {
    GuestMemory.Builder builder = GuestMemory.builder();
    memory.runs().forEach(run -> builder.ram(run.first(), run.bytes()));
    Map<String, Long> registers = new HashMap<>(machine.registers());
    registers.putAll(changed);
    return new StreamProbe(builder.build(), registers);
  }

  @Test
  void anSteIsValidMissingOrUnreadable() {
    machine.stream(1, new StreamEntry(4));
    machine.stream(2, new StreamEntry(4).set(82));
    machine.stream(3, new StreamEntry(0));
    StreamProbe probe = probe(Map.of());
    assertEquals(StreamProbe.VALID, probe.resolve(1));
    assertFalse(probe.respondsWithPasid());
    assertEquals(StreamProbe.VALID, probe.resolve(2));
    assertTrue(probe.respondsWithPasid(), "PPAR");
    assertEquals(StreamProbe.VALID, probe.resolve(3), "one that aborts is valid too");
    assertEquals(EventType.C_BAD_STE.code(), probe.resolve(4));
    assertEquals(EventType.C_BAD_STREAMID.code(), probe.resolve(-1));
    StreamProbe elsewhere = probe(Map.of("STRTAB_BASE", 0x7000_0000L));
    assertEquals(EventType.F_STE_FETCH.code(), elsewhere.resolve(5));
    assertEquals(0x7000_0000L + 5 * 64, elsewhere.fetchAddress());
  }
}
