package dev.nestwalk.iotlb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What invalidations cost, and that they reach whatever they name, however many there are. */
class AddressSpacesTest {
  private static final int ENTRIES = 64;
  private static final int MOST_WORK = 6 * ENTRIES;

  private final InvalidationLog log = new InvalidationLog();
  private final TranslationCache iotlb = new TranslationCache(ENTRIES, 1);
  private final AddressSpaces spaces =
      new AddressSpaces(
          log, iotlb, new StructureCaches(CacheOptions.NONE), new TagCounter(), List.of());
  private final List<AddressSpace> all = new ArrayList<>();

  /** An address space with one translation of a small page. */
  private AddressSpace add(int domain, int process, boolean first, long address) {
    return add(new SmallPages(domain, process, first), address);
  }

  private AddressSpace add(SmallPages plan, long address) {
    AddressSpace space = spaces.of(plan, 0);
    spaces.freshen(space);
    iotlb.put(address, 12, space.translations, 0, 0, 3);
    space.classes |= 1;
    all.add(space);
    return space;
  }

  /** Whether the translation is still there for who asks now. */
  private boolean has(AddressSpace space, long address) {
    spaces.freshen(space);
    return iotlb.count(space.translations) != 0
        && iotlb.find(address, 12, space.translations, 0, 0) != 0;
  }

  @ParameterizedTest(name = "kind {0}, process {1}, {2} to {3}")
  @CsvSource({
    "FIRST_RANGE, -1, 0, -1",
    "FIRST_RANGE, -1, 0x40000000, 0x40000fff",
    "FIRST_RANGE, 7, 0, -1",
    "FIRST_RANGE, 7, 0x40000000, 0x40000fff",
    "SECOND_RANGE, -1, 0, -1",
    "SECOND_RANGE, -1, 0x40000000, 0x40000fff",
  })
  void aRangeCostsAtMostAFewLooksAtTheCacheHoweverManySpacesADomainHas(
      InvalidationLog.Kind kind, int process, String first, String last) {
    boolean firstStage = kind == InvalidationLog.Kind.FIRST_RANGE;
    for (int i = 0; i < 2000; i++) {
      add(10, i, firstStage, 0x4000_0000L);
    }
    AddressSpace other = add(20, 7, firstStage, 0x4000_0000L);
    long before = spaces.work();
    if (firstStage) {
      log.firstRange(10, process, Long.decode(first), Long.decode(last), false);
    } else {
      log.secondRange(10, Long.decode(first), Long.decode(last), false);
    }
    spaces.catchUp();
    long work = spaces.work() - before;
    assertTrue(work <= MOST_WORK, () -> work + " looks");
    for (AddressSpace space : all.subList(0, 2000)) {
      boolean named = process < 0 || space.process == process;
      assertTrue(!named || !has(space, 0x4000_0000L), () -> "process " + space.process);
    }
    assertTrue(has(other, 0x4000_0000L), "another domain's stay");
  }

  @ParameterizedTest(name = "{0} to {1}")
  @CsvSource({"0, -1", "0x40000000, 0x40000fff"})
  void aRangeOfAProcessReachesAllItsSpacesHoweverMany(String first, String last) {
    for (int i = 0; i < 2000; i++) {
      SmallPages plan = new SmallPages(10, 7, true);
      plan.words[3] = i;
      add(plan, 0x4000_0000L);
    }
    AddressSpace other = add(10, 8, true, 0x4000_0000L);
    long before = spaces.work();
    log.firstRange(10, 7, Long.decode(first), Long.decode(last), true);
    spaces.catchUp();
    long work = spaces.work() - before;
    assertTrue(work <= MOST_WORK, () -> work + " looks");
    for (AddressSpace space : all.subList(0, 2000)) {
      assertTrue(!has(space, 0x4000_0000L));
    }
    assertTrue(all.contains(other));
  }

  /** A plan with another number in one word and, in the next, what makes its hash equal. */
  private static SmallPages colliding(int number) {
    SmallPages plan = new SmallPages(10, 7, true);
    plan.words[3] = number;
    plan.words[4] = hashed(plan) ^ hashed(new SmallPages(10, 7, true));
    return plan;
  }

  /** The hash of a plan's domain and first four words, as address spaces make it. */
  private static long hashed(SmallPages plan) {
    long hash = plan.domain();
    for (int i = 0; i < 4; i++) {
      hash = (hash ^ plan.words[i]) * 0x9e37_79b9_7f4a_7c15L;
      hash ^= hash >>> 29;
    }
    return hash;
  }

  /** The spaces of one hash are in a list: whichever goes, the others are found as before. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void spacesOfEqualHashesAreKeptApartAndFoundAgain(int leaves) {
    int before = spaces.records();
    List<AddressSpace> made = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      made.add(spaces.of(colliding(i), 0));
    }
    assertEquals(3, spaces.records() - before, "a domain, a process, and one hash");
    assertEquals(4, Set.copyOf(made).size());
    spaces.release(made.get(leaves));
    for (int i = 0; i < 4; i++) {
      AddressSpace again = spaces.of(colliding(i), 0);
      assertEquals(i != leaves, made.get(i) == again, "space " + i);
    }
  }

  @ParameterizedTest(name = "process {0}")
  @ValueSource(ints = {0, 1, 1990})
  void aRangeOfAProcessLooksAtThatProcessAlone(int process) {
    for (int i = 0; i < 2000; i++) {
      add(10, i, true, i * 4096L);
    }
    AddressSpace named = all.get(process);
    AddressSpace beside = all.get(process + 1);
    iotlb.put(process * 4096L, 12, named.translations, 0, 0, 3);
    iotlb.put((process + 1) * 4096L, 12, beside.translations, 0, 0, 3);
    long before = spaces.work();
    log.firstRange(10, process, process * 4096L, process * 4096L, true);
    spaces.catchUp();
    assertEquals(2, spaces.work() - before, "one space, one entry");
    assertTrue(has(beside, (process + 1) * 4096L));
    assertTrue(!has(named, process * 4096L));
  }

  @Test
  void aGlobalTranslationGoesWithARangeOfAnyProcess() {
    AddressSpace global = add(10, 1, true, 0x4000_0000L);
    AddressSpace own = add(10, 2, true, 0x4000_1000L);
    global.setGlobal();
    log.firstRange(10, 3, 0x4000_0000L, 0x4000_1fff, true);
    spaces.catchUp();
    assertTrue(!has(global, 0x4000_0000L));
    assertTrue(has(own, 0x4000_1000L));
  }

  @Test
  void aSpaceThatWasGivenBackIsNoLongerInAnyChain() {
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < 10; i++) {
        add(10, i & 3, (i & 4) == 0, 0x4000_0000L + i * 4096L);
      }
      while (!all.isEmpty()) {
        spaces.release(all.remove(all.size() / 2));
      }
    }
    long before = spaces.work();
    log.firstRange(10, -1, 0, -1, false);
    log.firstRange(10, 1, 0, -1, false);
    log.secondRange(10, 0, -1, false);
    spaces.catchUp();
    assertEquals(before, spaces.work());
    assertNotEquals(0, spaces.applied());
  }

  /** Whichever space of a chain goes, and whatever is left of it, ranges reach the others. */
  @Test
  void aRangeReachesAllThatIsLeftOfAChain() {
    int count = 5;
    for (boolean first : new boolean[] {true, false}) {
      for (int gone = 0; gone < 1 << count; gone++) {
        List<AddressSpace> left = new ArrayList<>();
        for (int i = 0; i < count; i++) {
          SmallPages plan = new SmallPages(10, 7, first);
          plan.words[3] = i;
          left.add(add(plan, 0x4000_0000L));
        }
        for (int i = count - 1; i >= 0; i--) {
          if ((gone >>> i & 1) != 0) {
            spaces.release(left.remove(i));
          }
        }
        if (first) {
          log.firstRange(10, 7, 0x4000_0000L, 0x4000_0fffL, true);
        } else {
          log.secondRange(10, 0x4000_0000L, 0x4000_0fffL, true);
        }
        spaces.catchUp();
        for (AddressSpace space : left) {
          assertTrue(!has(space, 0x4000_0000L), "without 0x%x".formatted(gone));
        }
        left.forEach(spaces::release);
      }
    }
  }

  @ParameterizedTest(name = "ignored bits {0}")
  @ValueSource(ints = {0, 1, 4, 6, 7, 0xff, 0xffff, 0x7fff_ffff, -1})
  void anInvalidationOfSeveralSourcesNamesThoseThatDifferInIgnoredBitsAlone(int ignored) {
    int[] sources = {0, 1, 2, 4, 7, 8, 0x10, 0x17, 0x1ff, 0xffff, 0x1_0000, -1, 0x8000_0000};
    for (int named : sources) {
      List<Validity> before = new ArrayList<>();
      for (int source : sources) {
        before.add(spaces.validity(source, new SmallPages(10, 3, true)));
      }
      log.configurationsOf(named, ignored);
      spaces.catchUp();
      for (int i = 0; i < sources.length; i++) {
        boolean differs = ((sources[i] ^ named) & ~ignored) != 0;
        assertEquals(differs, before.get(i).holds(), "%x, named %x".formatted(sources[i], named));
        assertTrue(
            spaces.validity(sources[i], new SmallPages(10, 3, true)).holds(), "resolved after");
      }
    }
  }

  @Test
  void anInvalidationOfConfigurationsNamesSourcePasidAndDomain() {
    for (int named = 0; named < 16; named++) {
      for (int mask = 0; mask < 6; mask++) {
        boolean bySource = mask == 1 || mask == 3;
        boolean byPasid = mask == 3 || mask == 4;
        boolean byDomain = mask == 2 || mask == 4;
        List<Validity> before = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
          before.add(spaces.validity(i & 3, new SmallPages(10 + (i >> 3), i >> 2 & 1, true)));
        }
        int source = named & 3;
        int pasid = named >> 2 & 1;
        int domain = 10 + (named >> 3);
        switch (mask) {
          case 1 -> log.configurationsOf(source, 0);
          case 2 -> log.configurationsIn(domain, -1);
          case 3 -> log.configuration(source, pasid);
          case 4 -> log.configurationsIn(domain, pasid);
          default -> log.configurations();
        }
        spaces.catchUp();
        for (int i = 0; i < 16; i++) {
          boolean meant =
              (!bySource || (i & 3) == (named & 3))
                  && (!byPasid || (i >> 2 & 1) == (named >> 2 & 1))
                  && (!byDomain || i >> 3 == named >> 3);
          assertEquals(
              !meant, before.get(i).holds(), "%d, named %d, by %d".formatted(i, named, mask));
        }
        before.forEach(spaces::release);
      }
    }
  }

  @Test
  void whatIsGivenBackLeavesNoRecord() {
    int before = spaces.records();
    List<Validity> held = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      held.add(spaces.validity(i, new SmallPages(i, i, true)));
      add(i, i, (i & 1) == 0, 0);
    }
    assertTrue(spaces.records() > before + 5000);
    held.forEach(spaces::release);
    all.forEach(spaces::release);
    assertEquals(before, spaces.records());
  }
}
