package dev.nestwalk.smmu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
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

  @Test
  void wordsAndCountsAreThoseOfTheTables() {
    long linear = memory.allocateAligned(1 << 12);
    long leaves = memory.allocateAligned(1 << 12);
    machine.stream(1, new StreamEntry(5).stage1(linear, 2, 0, 2));
    machine.stream(2, new StreamEntry(5).stage1(linear, 8, 1, 2));
    machine.stream(3, new StreamEntry(5).stage1(leaves, 10, 2, 2));
    StreamProbe probe = probe(Map.of());
    assertEquals(1 << 6, probe.streams());
    assertEquals(probe.streams(), probe.group(), "a linear table");
    for (int[] row : new int[][] {{1, 2, 2}, {2, 8, 6}, {3, 10, 10}}) {
      assertEquals(StreamProbe.VALID, probe.resolve(row[0]));
      assertEquals(row[1], probe.contextBits());
      assertEquals(row[2], probe.leafBits());
      assertEquals(1 | 5 << 1, probe.entry(0) & 0xf, "V and Config");
    }
  }

  @Test
  void aCdIsValidBadOrMissing() {
    long contexts = memory.allocateAligned(1 << 12);
    VmsaTables tables = new VmsaTables(memory, 12, 1, 39);
    machine.context(contexts + 64, new ContextEntry(48).lower(tables));
    machine.stream(1, new StreamEntry(5).stage1(contexts, 2, 0, 2));
    long upper = memory.allocateAligned(1 << 12);
    machine.stream(2, new StreamEntry(5).stage1(upper, 8, 1, 2));
    StreamProbe probe = probe(Map.of());
    assertEquals(StreamProbe.VALID, probe.resolve(1));
    assertEquals(0, probe.contextWord(0), "not reached yet");
    assertEquals(StreamProbe.VALID, probe.context(1));
    assertEquals(memory.get(contexts + 64), probe.contextWord(0));
    assertEquals(memory.get(contexts + 72), probe.contextWord(1));
    assertEquals(EventType.C_BAD_CD.code(), probe.context(2));
    assertEquals(StreamProbe.VALID, probe.resolve(2));
    assertEquals(EventType.C_BAD_SUBSTREAMID.code(), probe.context(70), "no leaf");
    assertEquals(0, probe.contextWord(0), "not of the CD before");
    memory.put(upper, contexts | 1);
    assertEquals(StreamProbe.VALID, probe.context(1));
    assertEquals(EventType.C_BAD_SUBSTREAMID.code(), probe.context(70), "no leaf");
    assertEquals(0, probe.contextWord(0), "nor of one that was reached");
    assertEquals(StreamProbe.VALID, probe.context(1));
    assertEquals(StreamProbe.VALID, probe.resolve(1));
    assertEquals(0, probe.contextWord(0), "nor of the stream before");
  }

  @Test
  void streamsOfATwoLevelTableShareADescriptor() {
    // 2^10 StreamIDs, 2^6 of them to a descriptor.
    StreamProbe probe = probe(Map.of("STRTAB_BASE_CFG", 1L << 16 | 6 << 6 | 10));
    assertEquals(1 << 10, probe.streams());
    assertEquals(1 << 6, probe.group());
  }
}
