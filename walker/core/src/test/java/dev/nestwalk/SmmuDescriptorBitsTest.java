package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Each bit of each descriptor on the way to a page or block, in each granule and form of addresses:
 * walkers and caches agree on what it changes.
 */
final class SmmuDescriptorBitsTest {
  private static final int STREAM = 1;
  private static final long FIRST_FLAGS = 1L << 10 | 1L << 6 | 1L << 11;
  private static final long SECOND_FLAGS = 1L << 10 | 3L << 6 | 15L << 2;
  private static final long OUTPUT = 0x8_8000_0000L;

  /** Output sizes as IDR5.OAS encodes them. */
  private static final List<Integer> SIZES = List.of(32, 36, 40, 42, 44, 48, 52);

  // IDR5: VAX 01 for inputs of 52 bits, DS.
  private static final long WIDE = 1L << 10 | 1L << 7;

  // Bits of a CD and of an STE.
  private static final int CD_ENDI = 15;
  private static final int CD_DS = 186;
  private static final int S2ENDI = 180;
  private static final int S2DS = 195;

  /** The last column says whether the unit has addresses of 52 bits, which a stage may narrow. */
  @ParameterizedTest
  @CsvSource({
    "12, 0, 48, 48, 3, false, false",
    "12, 1, 39, 40, 3, true, false",
    "12, 1, 39, 48, 2, false, false",
    "12, 0, 44, 44, 1, false, false",
    "12, 0, 48, 52, 3, false, true",
    "12, -1, 52, 52, 3, true, true",
    "14, 1, 47, 48, 3, false, false",
    "14, 1, 47, 48, 2, true, false",
    "14, 1, 47, 52, 3, false, true",
    "14, 1, 47, 52, 1, false, true",
    "16, 1, 48, 48, 3, true, false",
    "16, 2, 40, 40, 2, false, false",
    "16, 1, 52, 52, 3, false, true",
    "16, 1, 52, 52, 2, true, true",
    "16, 1, 52, 52, 1, false, true",
    "12, 0, 48, 52, 0, false, true",
    "12, 0, 48, 48, 3, false, true",
    "12, 1, 39, 40, 2, true, true",
    "14, 1, 47, 48, 3, true, true",
    "16, 1, 48, 48, 3, false, true",
  })
  void agree(
      int granule, int start, int inputBits, int outputBits, int leaf, boolean big, boolean wide) {
    for (boolean second : new boolean[] {false, true}) {
      try (Arena arena = Arena.ofConfined()) {
        TableMemory memory = new TableMemory(arena).run(0x10_0000, 128);
        SmmuMachine machine = new SmmuMachine(memory);
        VmsaTables tables = new VmsaTables(memory, granule, start, inputBits);
        tables = wide ? tables.wide() : tables;
        tables = big ? tables.bigEndian() : tables;
        long address = (1L << inputBits - 1) - (1L << tables.shift(leaf)) + 0x123;
        long high = outputBits == 52 ? 0xd_0000_0000_0000L : 0;
        long output = high | OUTPUT & -1L << tables.shift(leaf);
        tables.map(address, output, leaf, second ? SECOND_FLAGS : FIRST_FLAGS);
        machine.register(
            "IDR5", SIZES.indexOf(wide ? 52 : outputBits) | 7L << 4 | (wide ? WIDE : 0));
        boolean ds = wide && granule != 16;
        machine.stream(
            STREAM,
            second
                ? stage2(tables, outputBits, ds, big)
                : new StreamEntry(5)
                    .stage1(cd(memory, machine, tables, outputBits, ds, big), 0, 0, 0));
        Lab lab = new Lab(memory, machine.registers());
        long answer = lab.ask(address, Access.READ, "as it is");
        assertEquals(output | 0x123, Translation.address(answer), Translation.describe(answer));
        for (int level = start; level <= leaf; level++) {
          long at = tables.descriptorAddress(address, level);
          long word = memory.get(at);
          for (int bit = 0; bit < 64; bit++) {
            memory.put(at, word ^ 1L << bit);
            lab.ask(address, Access.READ, "level " + level + ", bit " + bit);
            lab.ask(address, Access.WRITE, "level " + level + ", bit " + bit);
            memory.put(at, word);
          }
        }
        assertTrue(lab.faults > 0);
      }
    }
  }

  private static StreamEntry stage2(VmsaTables tables, int outputBits, boolean ds, boolean big) {
    StreamEntry entry = new StreamEntry(6).stage2(tables, outputBits);
    entry = ds ? entry.set(S2DS) : entry;
    return big ? entry.set(S2ENDI) : entry;
  }

  private static long cd(
      TableMemory memory,
      SmmuMachine machine,
      VmsaTables tables,
      int outputBits,
      boolean ds,
      boolean big) {
    ContextEntry entry = new ContextEntry(outputBits).lower(tables);
    entry = ds ? entry.set(CD_DS) : entry;
    entry = big ? entry.set(CD_ENDI) : entry;
    long at = memory.allocate();
    machine.context(at, entry);
    return at;
  }

  /** Both walkers and an endpoint, over one memory whose tables nobody writes. */
  private static final class Lab {
    private final TableMemory memory;
    private final Map<String, Long> registers;
    private final Translator hot;
    private final Reference reference;
    private int faults;

    Lab(TableMemory memory, Map<String, Long> registers) {
      this.memory = memory;
      this.registers = registers;
      GuestMemory all = Comparison.over(memory);
      hot = Iommu.smmuv3(all, registers).newUncachedTranslator();
      reference = References.smmuv3(all, registers);
    }

    long ask(long address, int access, String what) {
      long answer = hot.translate(STREAM, -1, address, access);
      Trace trace = reference.translate(STREAM, -1, address, access);
      assertEquals("", Comparison.difference(answer, hot.lastFault(), trace), what);
      Iommu unit = Iommu.smmuv3(Comparison.over(memory), registers);
      assertEquals("", Comparison.throughCaches(unit, STREAM, -1, address, access, trace), what);
      faults += Translation.isFault(answer) ? 1 : 0;
      return answer;
    }
  }
}
