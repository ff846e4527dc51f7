package dev.nestwalk.teach;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The streams of an SMMUv3 that are listed are those that its stream table has. */
class StreamsTest {
  private static final int C_BAD_STREAMID = 0x02;
  private static final StreamEntry BYPASS = new StreamEntry(4);
  private static final StreamEntry ILLEGAL = new StreamEntry(5).stage1(-1L >>> 12 << 12, 0, 0, 0);

  private final TableMemory memory = new TableMemory(Arena.ofAuto()).run(0x8000_0000L, 64);

  private GuestMemory guest() {
    TableMemory.Run run = memory.runs().get(0);
    return GuestMemory.of(run.bytes(), run.first());
  }

  private static List<Integer> listed(
      GuestMemory guest, SmmuMachine machine, @Nullable Integer only) {
    return SmmuEndpoints.list(guest, machine.registers(), only, Budget.ofSeconds(20)).stream()
        .map(Endpoint::sourceId)
        .toList();
  }

  /** Of the first leaf, the level 1 descriptor has 8 STEs; the table has 4 such leaves. */
  @Test
  void anEntryBeyondTheSpanOfItsLeafIsNone() {
    SmmuMachine machine = new SmmuMachine(memory).twoLevel();
    long level1 = Objects.requireNonNull(machine.registers().get("STRTAB_BASE"));
    memory.put(level1, memory.get(level1) & -0x20 | 4);
    long other = memory.allocateAligned(4096);
    memory.put(level1 + 16, other | 7);
    for (int id : new int[] {3, 7, 8, 20}) {
      machine.stream(id, BYPASS);
    }
    memory.put(other + 64 * 5, BYPASS.words()[0]);
    GuestMemory guest = guest();
    Reference walker = References.smmuv3(guest, machine.registers());
    List<Integer> served = new ArrayList<>();
    for (int id = 0; id < 300; id++) {
      long answer = walker.translate(id, -1, 0x1000, Access.READ).translation();
      if (!Translation.isFault(answer)) {
        served.add(id);
      } else if (id == 8 || id == 20 || id >= 256) {
        assertEquals(C_BAD_STREAMID, Translation.code(answer), "stream " + id);
      }
    }
    assertEquals(List.of(3, 7, 133), served);
    assertEquals(served, listed(guest, machine, null));
    assertEquals(List.of(7), listed(guest, machine, 7));
    assertEquals(List.of(), listed(guest, machine, 8));
    assertEquals(List.of(), listed(guest, machine, 1 << 30));
  }

  /** StreamIDs have 32 bits: with the highest set they are one stream as any other, not all. */
  @Test
  void aStreamIdWithItsHighestBitSetIsOneStream() {
    SmmuMachine machine = new SmmuMachine(memory).twoLevel();
    machine.stream(3, BYPASS);
    GuestMemory guest = guest();
    for (int id : new int[] {1 << 24, Integer.MIN_VALUE, 0xffff_ff03, -1}) {
      assertEquals(List.of(), listed(guest, machine, id), () -> Integer.toHexString(id));
    }
    assertEquals(List.of(3), listed(guest, machine, 3));
  }

  /**
   * What an illegal STE says of contexts is not looked for, nor taken from the stream before it.
   */
  @Test
  void anIllegalEntryIsListedAndItsWordsAreItsOwn() {
    SmmuMachine machine = new SmmuMachine(memory);
    VmsaTables tables = new VmsaTables(memory, 12, 1, 39);
    long contexts = memory.allocate();
    machine.context(contexts, new ContextEntry(48).lower(tables));
    machine.stream(2, new StreamEntry(5).stage1(contexts, 0, 0, 0));
    machine.stream(4, ILLEGAL);
    List<Endpoint> found =
        SmmuEndpoints.list(guest(), machine.registers(), null, Budget.ofSeconds(20));
    assertEquals(List.of(2, 4), found.stream().map(Endpoint::sourceId).toList());
    assertEquals(tables.root(), found.get(0).table());
    assertEquals(0, found.get(1).table());
  }

  @Test
  void aStreamIdOf32BitsIsNotAllStreams() {
    SmmuMachine machine = new SmmuMachine(memory);
    machine.stream(2, ILLEGAL);
    machine.stream(4, ILLEGAL);
    assertEquals(List.of(2, 4), listed(guest(), machine, null));
    assertEquals(List.of(4), listed(guest(), machine, 4));
    assertEquals(List.of(), listed(guest(), machine, 0x8000_0002));
  }
}
