package dev.nestwalk.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

  private static final class Plan extends CachedPlan {
    Plan(int major, int minor, boolean first) {
      this.major = major;
      this.minor = minor;
      pasid = minor;
      usesFirst = first;
      usesSecond = !first;
      words[0] = major;
      words[1] = minor;
      words[2] = first ? 1 : 0;
    }

    @Override
    public void aim(StructureCaches caches) {}
  }

  /** An address space with one translation of a small page. */
  private AddressSpace add(int major, int minor, boolean first, long address) {
    AddressSpace space = spaces.of(new Plan(major, minor, first));
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

  @ParameterizedTest(name = "kind {0}, minor {1}, {2} to {3}")
  @CsvSource({
    "5, -1, 0, -1",
    "5, -1, 0x40000000, 0x40000fff",
    "5, 7, 0, -1",
    "5, 7, 0x40000000, 0x40000fff",
    "4, -1, 0, -1",
    "4, -1, 0x40000000, 0x40000fff",
  })
  void aRangeCostsAtMostAFewLooksAtTheCacheHoweverManySpacesADomainHas(
      int kind, int minor, String first, String last) {
    boolean firstStage = kind == InvalidationLog.FIRST_RANGE;
    for (int i = 0; i < 2000; i++) {
      add(10, i, firstStage, 0x4000_0000L);
    }
    AddressSpace other = add(20, 7, firstStage, 0x4000_0000L);
    long before = spaces.work();
    log.publish(kind, 10, minor, Long.decode(first), Long.decode(last), false);
    spaces.catchUp();
    long work = spaces.work() - before;
    assertTrue(work <= MOST_WORK, () -> work + " looks");
    for (AddressSpace space : all.subList(0, 2000)) {
      boolean named = minor < 0 || space.minor == minor;
      assertTrue(!named || !has(space, 0x4000_0000L), () -> "minor " + space.minor);
    }
    assertTrue(has(other, 0x4000_0000L), "another domain's stay");
  }

  @Test
  void aRangeOfAMinorLooksAtThatMinorAlone() {
    for (int i = 0; i < 2000; i++) {
      add(10, i, true, i * 4096L);
    }
    AddressSpace named = all.get(1990);
    AddressSpace beside = all.get(1991);
    long before = spaces.work();
    log.publish(InvalidationLog.FIRST_RANGE, 10, named.minor, 1990 * 4096L, 1990 * 4096L, true);
    spaces.catchUp();
    assertEquals(2, spaces.work() - before, "one space, one entry");
    assertTrue(has(beside, 1991 * 4096L));
    assertTrue(!has(named, 1990 * 4096L));
  }

  @Test
  void aGlobalTranslationGoesWithARangeOfAnyMinor() {
    AddressSpace global = add(10, 1, true, 0x4000_0000L);
    AddressSpace own = add(10, 2, true, 0x4000_1000L);
    global.setGlobal();
    log.publish(InvalidationLog.FIRST_RANGE, 10, 3, 0x4000_0000L, 0x4000_1fff, true);
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
    log.publish(InvalidationLog.FIRST_RANGE, 10, -1, 0, -1, false);
    log.publish(InvalidationLog.FIRST_RANGE, 10, 1, 0, -1, false);
    log.publish(InvalidationLog.SECOND_RANGE, 10, -1, 0, -1, false);
    spaces.catchUp();
    assertEquals(before, spaces.work());
    assertNotEquals(0, spaces.applied());
  }
}
