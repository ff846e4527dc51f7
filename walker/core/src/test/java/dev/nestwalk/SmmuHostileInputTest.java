package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.SmmuMachine;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.memory.CountingMemory;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** No memory content and no register value makes an SMMUv3 walk throw, hang, or read unbounded. */
final class SmmuHostileInputTest {
  /**
   * L1STD 1, STE 4; L1CD and CD through stage 2: 5 + 1 and 5 + 3; nested 5 * (5 + 1) + 5; one
   * descriptor's stage 2 walk again for its update: 5.
   */
  private static final int MOST_READS = 5 + 14 + 35 + 5;

  private static void walk(
      Chance chance, Translator translator, CountingMemory memory, Map<Integer, Integer> answers) {
    for (int i = 0; i < 100; i++) {
      int access = chance.below(Access.ALL + 1);
      if (!Access.isValid(access)) {
        continue;
      }
      int substream = chance.percent(70) ? -1 : chance.below(1 << chance.oneOf(0, 1, 3, 20));
      int stream = chance.percent(90) ? chance.below(4) : (int) chance.bits();
      memory.reset();
      long address = chance.bits() >>> chance.below(64);
      long answer = translator.translate(stream, substream, address, access);
      int bound = MOST_READS * (1 + memory.lost());
      assertTrue(memory.loads() <= bound, memory.loads() + " reads");
      answers.merge(Translation.isFault(answer) ? Translation.code(answer) : -1, 1, Integer::sum);
    }
  }

  private static CountingMemory counting(TableMemory tables) {
    TableMemory.Run run = tables.runs().get(0);
    return new CountingMemory(GuestMemory.builder().ram(run.first(), run.bytes()));
  }

  private static void noise(Chance chance, TableMemory tables, long first) {
    long set = chance.oneOf(0x10_0003L, 0x10_0443L, 0x10_04c3L, 0x10_0401L);
    for (long at = first; at < tables.page(tables.pages() - 1) + 4096; at += 8) {
      boolean wild = chance.percent(3);
      tables.put(at, wild ? chance.bits() : chance.bits() & 0x3_f7ffL | set);
    }
  }

  @Test
  void randomMemoryAsTables() {
    Map<Integer, Integer> answers = new HashMap<>();
    for (int seed = 0; seed < 3000; seed++) {
      Chance chance = new Chance(seed);
      try (Arena arena = Arena.ofConfined()) {
        TableMemory tables = new TableMemory(arena).run(0x10_0000, 64);
        SmmuMachine machine = new SmmuMachine(tables);
        long contexts = tables.allocate();
        VmsaTables lower = new VmsaTables(tables, 12, 0, 48);
        VmsaTables second = new VmsaTables(tables, 12, 1, 39);
        for (int stream = 0; stream < 4; stream++) {
          StreamEntry entry =
              new StreamEntry(chance.oneOf(5, 6, 7)).stage1(contexts, 0, 0, 0).stage2(second, 48);
          machine.stream(stream, chance.percent(50) ? entry.set(184).set(183) : entry);
        }
        ContextEntry context = new ContextEntry(48).lower(lower);
        machine.context(contexts, chance.percent(50) ? context.set(43).set(42) : context);
        for (long page = 0x10_0000; page < 0x14_0000; page += 4096) {
          second.map(page, page, 3, 0x4fc);
        }
        noise(chance, tables, tables.page(tables.pagesUsed() - 4));
        CountingMemory memory = counting(tables);
        walk(
            chance,
            Iommu.smmuv3(memory, machine.registers()).newUncachedTranslator(),
            memory,
            answers);
      }
    }
    for (int code : new int[] {-1, 0x02, 0x05, 0x08, 0x0b, 0x10, 0x12, 0x13}) {
      assertTrue(answers.containsKey(code), "code %x never came: %s".formatted(code, answers));
    }
  }

  /** Four streams and a CD, each sound but for a few random bits, tables of noise. */
  private static void structures(Chance chance, TableMemory tables) {
    SmmuMachine machine = new SmmuMachine(tables);
    tables.put(0x10_2000, 0);
    for (int stream = 0; stream < 4; stream++) {
      long[] words = new StreamEntry(4 + chance.below(4)).stage1(0x10_2000, 0, 0, 0).words();
      words[2] = 25L << 32 | 1L << 38 | 5L << 48 | 1L << 51 | 1L << 58;
      words[3] = 0x10_4000;
      for (int word = 0; word < 8; word++) {
        boolean spoiled = chance.percent(10);
        tables.put(
            machine.streamAddress(stream) + 8L * word,
            spoiled ? words[word] ^ 1L << chance.below(64) : words[word]);
      }
    }
    ContextEntry context = new ContextEntry(48).clear(14);
    long[] words = context.words();
    tables.put(0x10_2000, words[0] | 25);
    tables.put(0x10_2008, 0x10_8000);
  }

  @Test
  void randomStructuresAndRegisters() {
    Map<Integer, Integer> answers = new HashMap<>();
    int accepted = 0;
    for (int seed = 0; seed < 4000; seed++) {
      Chance chance = new Chance(seed);
      try (Arena arena = Arena.ofConfined()) {
        TableMemory tables = new TableMemory(arena).run(0x10_0000, 64);
        noise(chance, tables, 0x10_0000);
        structures(chance, tables);
        Map<String, Long> registers = new HashMap<>();
        for (String name : new String[] {"IDR0", "IDR1", "IDR3", "IDR5", "CR2", "GBPA"}) {
          registers.put(name, chance.bits());
        }
        registers.merge("IDR0", 0xbL, (random, both) -> random & ~4L | both);
        registers.put("CR0", chance.bits() | 5);
        boolean wild = chance.percent(20);
        registers.put("STRTAB_BASE", wild ? chance.bits() : 0x10_0000L);
        registers.put("STRTAB_BASE_CFG", wild ? chance.bits() : 6L);
        CountingMemory memory = counting(tables);
        Translator translator;
        try {
          translator = Iommu.smmuv3(memory, registers).newUncachedTranslator();
        } catch (IllegalArgumentException impossible) {
          continue;
        }
        accepted++;
        walk(chance, translator, memory, answers);
      }
    }
    assertTrue(accepted > 200, "only " + accepted + " register sets accepted");
    assertTrue(answers.size() > 5, "too few kinds of answers: " + answers);
  }
}
