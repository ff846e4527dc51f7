package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.CountingMemory;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** No memory content and no register value makes a walk throw, hang, or read without bound. */
final class VtdHostileInputTest {
  /** Root 2, context 4, directory 1, PASID entry 8; nested 5 * (5 + 1) + 5; one leaf twice: 5. */
  private static final int MOST_READS = 15 + 35 + 5;

  private static final int SIZE = 16 * 4096;

  private static CountingMemory memory(Arena arena, Chance chance, long mask, long set) {
    MemorySegment low = arena.allocate(SIZE, 4096);
    // The second run ends in the middle of a page, so that tables lie across the end of memory.
    MemorySegment high = arena.allocate(4096 + 2048, 4096);
    for (MemorySegment bytes : new MemorySegment[] {low, high}) {
      for (long at = 0; at < bytes.byteSize(); at += 8) {
        long word = chance.percent(20) ? chance.bits() : chance.bits() & mask | set;
        bytes.set(ValueLayout.JAVA_LONG, at, word);
      }
    }
    return new CountingMemory(
        GuestMemory.builder().ram(0x1_0000, low).ram(0x1_0000 + SIZE + 4096, high));
  }

  private static void walk(
      Chance chance, Translator translator, CountingMemory memory, Map<Integer, Integer> answers) {
    for (int i = 0; i < 100; i++) {
      int access = chance.below(Access.ALL + 1);
      if (!Access.isValid(access)) {
        continue;
      }
      int pasid = chance.percent(60) ? -1 : chance.below(1 << chance.oneOf(0, 1, 1, 1, 20));
      long iova = chance.bits() >>> chance.below(64);
      memory.reset();
      int source = chance.percent(90) ? chance.below(4) : chance.below(1 << 16);
      long answer = translator.translate(source, pasid, iova, access);
      int bound = MOST_READS * (1 + memory.lost());
      assertTrue(memory.loads() <= bound, memory.loads() + " reads");
      answers.merge(Translation.isFault(answer) ? Translation.code(answer) : -1, 1, Integer::sum);
    }
  }

  /** Contexts are sound, everything they point to is noise. */
  private static VtdMachine machine(TableMemory memory, Chance chance) {
    VtdMachine machine = new VtdMachine(memory);
    long noise = memory.page(32);
    if (chance.percent(20)) {
      for (int source = 0; source < 4; source++) {
        machine.context(source, chance.below(2), 1 + chance.below(3), 5, noise);
      }
      return machine;
    }
    machine.scalable();
    for (int source = 0; source < 4; source++) {
      PasidEntry entry =
          PasidEntry.ofType(1 + chance.below(3))
              .secondRoot(1 + chance.below(3), noise)
              .firstRoot(chance.oneOf(4, 5), chance.percent(80) ? noise : chance.bits() >>> 24)
              .noExecute()
              .supervisorRequests()
              .walkSnoop();
      machine.pasid(source, 0, chance.percent(50) ? entry.secondStageFlags() : entry);
      machine.pasid(source, 1, entry.extendedAccessed());
    }
    return machine;
  }

  @Test
  void randomMemoryAsTables() {
    Map<Integer, Integer> answers = new HashMap<>();
    for (int seed = 0; seed < 4000; seed++) {
      Chance chance = new Chance(seed);
      try (Arena arena = Arena.ofConfined()) {
        TableMemory tables = new TableMemory(arena).run(0x10_0000, 64);
        VtdMachine machine = machine(tables, chance);
        // Rights and presence are likely, and pointers stay near: walks get deep.
        long set = chance.oneOf(0x10_0003L, 0x10_0007L, 0x10_0027L, 0x10_0167L);
        for (long at = tables.page(32); at < 0x14_0000; at += 8) {
          boolean wild = chance.percent(3);
          tables.put(at, wild ? chance.bits() : chance.bits() & 0x3_f3e7L | set);
        }
        TableMemory.Run run = tables.runs().get(0);
        CountingMemory memory =
            new CountingMemory(GuestMemory.builder().ram(run.first(), run.bytes()));
        Translator translator = Iommu.vtd(memory, machine.registers(), 46).newUncachedTranslator();
        walk(chance, translator, memory, answers);
      }
    }
    assertTrue(answers.size() > 30, "too few kinds of answers: " + answers);
  }

  @Test
  void randomRegisters() {
    Map<Integer, Integer> answers = new HashMap<>();
    int accepted = 0;
    for (int seed = 0; seed < 6000; seed++) {
      Chance chance = new Chance(seed);
      try (Arena arena = Arena.ofConfined()) {
        CountingMemory memory = memory(arena, chance, 0x1_f0e7L, 0x1_0007L);
        Map<String, Long> registers = new HashMap<>();
        for (String name : new String[] {"PLMBASE", "PLMLIMIT", "PHMBASE", "PHMLIMIT", "PMEN"}) {
          registers.put(name, chance.bits());
        }
        registers.put("CAP", chance.bits());
        registers.put("ECAP", chance.bits());
        registers.put("GSTS", chance.bits() | 1L << 31);
        registers.put(
            "RTADDR", chance.percent(80) ? 0x1_0000L | chance.below(4) << 10 : chance.bits());
        Translator translator;
        try {
          translator = Iommu.vtd(memory, registers, 32 + chance.below(21)).newUncachedTranslator();
        } catch (IllegalArgumentException impossible) {
          continue;
        }
        accepted++;
        walk(chance, translator, memory, answers);
      }
    }
    assertTrue(accepted > 500, "only " + accepted + " register sets accepted");
    assertTrue(answers.size() > 8, "too few kinds of answers: " + answers);
  }

  @Test
  void tableThatPointsToItself() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment page = arena.allocate(4096, 4096);
      for (long at = 0; at < 4096; at += 8) {
        page.set(ValueLayout.JAVA_LONG, at, 0x1_0003L);
      }
      CountingMemory memory = new CountingMemory(GuestMemory.builder().ram(0x1_0000, page));
      Map<String, Long> registers =
          Map.of(
              "CAP",
              VtdMachine.CAP,
              "ECAP",
              VtdMachine.ECAP,
              "GSTS",
              1L << 31,
              "RTADDR",
              0x1_0000L);
      Translator translator = Iommu.vtd(memory, registers, 46).newUncachedTranslator();
      assertEquals(
          0x0a, Translation.code(translator.translate(0x10, -1, 0, Access.READ)), "root entry");
      assertEquals(2, memory.loads());
    }
  }
}
