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
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every encoding of the fields that shape tables, legal or not: sizes of input and output, start
 * levels, granules, tables of CDs and where they begin, attributes of the memory of tables. Both
 * walkers agree on each.
 */
class SmmuGeometriesTest {
  private static final long ADDRESS = 0x4030_2000L;
  private static final long PAGE = 0x8000_0000L;

  /** IDR5: DS and inputs of 52 bits, which only a unit with outputs of 52 bits has. */
  private static final long WIDE = 1L << 7 | 1L << 10;

  private static final int OAS_52 = 6;

  private final Arena arena = Arena.ofConfined();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 400);
  private final SmmuMachine machine = new SmmuMachine(memory);
  private final VmsaTables first = new VmsaTables(memory, 12, 1, 39);
  private final VmsaTables second = new VmsaTables(memory, 12, 1, 39);

  /** Event numbers seen, 0 for a translation. */
  private final Set<Integer> seen = new TreeSet<>();

  SmmuGeometriesTest() {
    first.map(ADDRESS, PAGE, 3, SmmuLab.FIRST_PAGE);
    second.map(ADDRESS, PAGE, 3, SmmuLab.SECOND_PAGE);
  }

  @AfterEach
  void close() {
    arena.close();
  }

  /** Walkers over the registers as they are; both look at each structure anew each time. */
  private final class Pair {
    private final Translator hot;
    private final Reference reference;

    Pair() {
      Map<String, Long> registers = machine.registers();
      GuestMemory all = Comparison.over(memory);
      hot = Iommu.smmuv3(all, registers).newUncachedTranslator();
      reference = References.smmuv3(all, registers);
    }

    void ask(int substream, long address, String what) {
      long answer = hot.translate(1, substream, address, Access.READ);
      Trace trace = reference.translate(1, substream, address, Access.READ);
      String difference = Comparison.difference(answer, hot.lastFault(), trace);
      if (!difference.isEmpty()) {
        assertEquals("", difference, what);
      }
      seen.add(Translation.isFault(answer) ? Translation.code(answer) : 0);
    }
  }

  private void expectSeen(Integer... codes) {
    assertTrue(seen.containsAll(Set.of(codes)), () -> "event numbers: " + seen);
  }

  private void unit(int outputs, boolean smallTables) {
    machine.register("IDR5", outputs | 7L << 4 | (outputs == OAS_52 ? WIDE : 0));
    machine.register("IDR3", smallTables ? SmmuMachine.IDR3 : SmmuMachine.IDR3 & ~(1L << 9));
  }

  private static long with(long word, int lo, int width, long value) {
    long mask = (1L << width) - 1 << lo;
    return word & ~mask | value << lo;
  }

  /** S2T0SZ, S2SL0, S2TG, S2PS, S2DS and S2SL0_2 of an STE. */
  @ParameterizedTest
  @CsvSource({"0, 0", "2, 4", "4, 4", "5, 5", "5, 6", "6, 6", "6, 5"})
  void ofStage2(int outputs, long ps) {
    machine.stream(1, new StreamEntry(6).stage2(second, 48));
    long at = machine.streamAddress(1);
    long w2 = with(memory.get(at + 16), 48, 3, ps);
    long w3 = memory.get(at + 24);
    for (boolean small : new boolean[] {false, true}) {
      unit(outputs, small);
      Pair pair = new Pair();
      for (long upper = 0; upper < 4; upper++) {
        memory.put(at + 24, w3 & ~12L | upper << 2);
        for (long shape = 0; shape < 1 << 10; shape++) {
          long word = with(w2, 32, 8, shape & 255);
          memory.put(at + 16, with(word, 46, 2, shape >>> 8));
          pair.ask(-1, ADDRESS, "0x%x, %d".formatted(shape, upper));
        }
      }
    }
    expectSeen(0, 4);
  }

  /** T0SZ, TG0, T1SZ, TG1, IPS and DS of a CD. */
  @ParameterizedTest
  @ValueSource(ints = {0, 2, 5, 6})
  void ofStage1(int outputs) {
    long context = memory.allocate();
    machine.context(context, new ContextEntry(48).lower(first).upper(first));
    machine.stream(1, new StreamEntry(5).stage1(context, 0, 0, 0));
    long w0 = memory.get(context);
    for (boolean small : new boolean[] {false, true}) {
      unit(outputs, small);
      Pair pair = new Pair();
      for (long ds = 0; ds < 2; ds++) {
        memory.put(context + 16, with(memory.get(context + 16), 58, 1, ds));
        for (long shape = 0; shape < 1 << 8; shape++) {
          memory.put(context, with(w0, 0, 8, shape));
          pair.ask(-1, ADDRESS, "lower 0x%x".formatted(shape));
          memory.put(context, with(w0, 16, 8, shape));
          pair.ask(-1, ADDRESS | -1L << 39, "upper 0x%x".formatted(shape));
        }
        for (long ips = 0; ips < 8; ips++) {
          memory.put(context, with(w0, 32, 3, ips));
          pair.ask(-1, ADDRESS, "IPS " + ips);
        }
      }
    }
    expectSeen(0, 0x0a);
  }

  /** S1ContextPtr, S1CDMax and S1Fmt; about every other CD and descriptor of level 1 is valid. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void ofTablesOfContexts(int format) {
    SplittableRandom random = new SplittableRandom(format);
    long table = memory.allocateAligned(1 << 17);
    long leaf = memory.allocateAligned(1 << 17);
    for (long at = 0; at < 1 << 17; at += 64) {
      ContextEntry entry = new ContextEntry(48).lower(first);
      long[] descriptors = new long[8];
      for (int n = 0; n < 8; n++) {
        // Leaves begin anywhere; what is below their size does not count.
        descriptors[n] = leaf + (random.nextInt(1 << 17) & -4096L) | random.nextInt(2);
      }
      machine.context(leaf + at, random.nextBoolean() ? entry : entry.clear(31));
      if (format == 1 || format == 2) {
        for (int n = 0; n < 8; n++) {
          memory.put(table + at + 8L * n, descriptors[n]);
        }
      } else {
        machine.context(table + at, random.nextBoolean() ? entry : entry.clear(31));
      }
    }
    machine.register("IDR1", SmmuMachine.IDR1 & ~(31L << 6) | 12L << 6);
    Pair pair = new Pair();
    for (int bits = 0; bits <= 13; bits++) {
      for (int low = 6; low < 17; low++) {
        // DSS 2: requests without a SubstreamID use CD 0.
        machine.stream(1, new StreamEntry(5).stage1(table + (1L << low), bits, format, 2));
        for (int substream = -1; substream < 1 << bits; substream += 1 + substream / 5) {
          pair.ask(substream, ADDRESS, "%d bits, bit %d, %d".formatted(bits, low, substream));
        }
      }
    }
    expectSeen(0, 4, 0x0a);
  }

  /** MemAttr, AF and rights of the stage 2 pages that hold stage 1 tables, with S2PTW and S2FWB. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void ofMemoryThatHoldsTables(int ptwAndFwb) {
    long context = memory.allocate();
    machine.context(context, new ContextEntry(48).lower(first));
    StreamEntry entry = new StreamEntry(7).stage1(context, 0, 0, 0).stage2(second, 48);
    entry = (ptwAndFwb & 1) != 0 ? entry.set(182) : entry;
    machine.stream(1, (ptwAndFwb & 2) != 0 ? entry.set(64 + 25) : entry);
    second.map(PAGE, PAGE, 3, SmmuLab.SECOND_PAGE);
    for (int page = 0; page < memory.pagesUsed(); page++) {
      second.map(memory.page(page), memory.page(page), 3, SmmuLab.SECOND_PAGE);
    }
    Pair pair = new Pair();
    long[] tables = {context, first.root(), first.descriptorAddress(ADDRESS, 3)};
    // AF and the rights to read and to write, each with or without.
    long[] usable = {1L << 10 | 3L << 6, 3L << 6, 1L << 10 | 1L << 6, 1L << 10 | 1L << 7, 1L << 7};
    for (long table : tables) {
      for (long flags : usable) {
        for (long attributes = 0; attributes < 16; attributes++) {
          second.map(table, table & -4096L, 3, flags | attributes << 2);
          pair.ask(-1, ADDRESS, "0x%x: 0x%x, attributes %d".formatted(table, flags, attributes));
        }
      }
      second.map(table, table & -4096L, 3, SmmuLab.SECOND_PAGE);
    }
    expectSeen(0, 0x12, 0x13);
  }

  /**
   * Flags of both stages: HA and HD of the CD, S2HA and S2HD, AF, DBM and rights of the page and of
   * the stage 2 page that holds its descriptor. Answer, event and memory are compared.
   */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void ofFlagsBehindEachOther(int ofContext) {
    SmmuLab lab = new SmmuLab(arena);
    ContextEntry context = lab.guestContext();
    context = (ofContext & 1) != 0 ? context.set(43) : context;
    lab.machine.context(lab.guestContexts, (ofContext & 2) != 0 ? context.set(42) : context);
    long table = lab.guest.descriptorAddress(SmmuLab.ADDRESS, 3) & -4096L;
    for (int ofStream = 0; ofStream < 4; ofStream++) {
      StreamEntry stream = lab.nestedStream();
      stream = (ofStream & 1) != 0 ? stream.set(184) : stream;
      lab.machine.stream(SmmuLab.NESTED, (ofStream & 2) != 0 ? stream.set(183) : stream);
      for (int flags = 0; flags < 1 << 7; flags++) {
        // AF is bit 10, DBM bit 51, AP[2] bit 7; stage 2 has its rights in 7:6.
        long first = SmmuLab.FIRST_PAGE & ~(1L << 10);
        first |= (flags & 1L) << 10 | (flags >>> 1 & 1L) << 51 | (flags >>> 2 & 1L) << 7;
        long second = 15L << 2 | (flags >>> 3 & 1L) << 10;
        second |= (flags >>> 4 & 1L) << 51 | (flags >>> 5 & 3L) << 6;
        for (int access = Access.READ; access <= Access.WRITE; access++) {
          lab.second.map(table, table, 3, second);
          lab.guest.map(SmmuLab.ADDRESS, SmmuLab.IPA, 3, first);
          lab.ask(SmmuLab.NESTED, SmmuLab.ADDRESS, access);
          seen.add(lab.code());
        }
      }
    }
    expectSeen(0, 0x13);
  }
}
