package dev.nestwalk.iotlb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An invalidation drops what it names and leaves what it does not name, translation by number. */
final class RangesTest {
  private static final int ENTRIES = 64;
  private static final long PAGE = 0x4000_0000L;

  private final InvalidationLog log = new InvalidationLog();
  private final TranslationCache iotlb = new TranslationCache(ENTRIES, 1);
  private final AddressSpaces spaces =
      new AddressSpaces(
          log, iotlb, new StructureCaches(CacheOptions.NONE), new TagCounter(), List.of());

  private AddressSpace space(int domain, int process, int variant, boolean first) {
    SmallPages plan = new SmallPages(domain, process, first);
    plan.words[3] = variant;
    AddressSpace space = spaces.of(plan, 0);
    spaces.freshen(space);
    return space;
  }

  private void keep(AddressSpace space, long address) {
    iotlb.put(address, 12, space.translations, 0, 0, 3);
    space.keeps(0);
  }

  private boolean has(AddressSpace space, long address) {
    spaces.freshen(space);
    return iotlb.find(address, 12, space.translations, 0, 0) != 0;
  }

  private static int number(Tag tag) {
    return (int) (tag.high() >>> 3 << 12 | tag.low());
  }

  @Test
  void onlyAChangeOfRegistersIsToldToTheWalker() {
    log.everything();
    log.domain(10);
    log.configurations();
    assertFalse(spaces.catchUp());
    assertFalse(spaces.catchUp(), "nothing new");
    log.registers(true);
    log.domain(10);
    assertTrue(spaces.catchUp());
    assertFalse(spaces.catchUp(), "told once");
    log.registers(false);
    assertTrue(spaces.catchUp());
    for (int i = 0; i < InvalidationLog.CAPACITY - 1; i++) {
      log.domain(10);
    }
    assertFalse(spaces.catchUp(), "as many as are kept");
    for (int i = 0; i < InvalidationLog.CAPACITY; i++) {
      log.domain(10);
    }
    assertTrue(spaces.catchUp(), "it may have missed one");
  }

  /** Protected memory and what an SMMU's GBPA says may be among the registers that changed. */
  @Test
  void aChangeOfRegistersDropsWhatPassedWhileTheUnitWasOff() {
    AddressSpace passed = space(CachedPlan.UNTRANSLATED, 0, 0, false);
    AddressSpace translated = space(10, 0, 0, false);
    keep(passed, PAGE);
    keep(translated, PAGE + 4096);
    log.registers(true);
    spaces.catchUp();
    assertFalse(has(passed, PAGE));
    assertTrue(has(translated, PAGE + 4096));
    log.registers(false);
    spaces.catchUp();
    assertFalse(has(translated, PAGE + 4096));
  }

  @ParameterizedTest(name = "global translations: {0}")
  @ValueSource(booleans = {false, true})
  void aRangeOfProcessZeroIsNotOneOfAll(boolean global) {
    AddressSpace zero = space(10, 0, 0, true);
    AddressSpace one = space(10, 1, 0, true);
    if (global) {
      space(10, 2, 0, true).setGlobal();
    }
    keep(zero, PAGE);
    keep(one, PAGE + 4096);
    int structures = number(one.structures);
    log.firstRange(10, 0, PAGE, PAGE + 8191, false);
    spaces.catchUp();
    assertFalse(has(zero, PAGE));
    assertTrue(has(one, PAGE + 4096));
    assertEquals(structures, number(one.structures), "and its partial walks stay");
  }

  @Test
  void configurationsOfDomainZeroAreNotThoseOfAll() {
    Validity zero = spaces.validity(1, new SmallPages(0, 3, true));
    Validity other = spaces.validity(2, new SmallPages(10, 3, true));
    log.configurationsIn(0, -1);
    spaces.catchUp();
    assertFalse(zero.holds());
    assertTrue(other.holds());
  }

  /**
   * A range examines up to four times as many entries as there are and one space more; then it
   * drops the whole domain. Each space costs two looks here.
   */
  @ParameterizedTest(name = "{0} spaces")
  @CsvSource({"128, true", "129, true", "130, false", "500, false"})
  void aRangeIsPreciseUntilThatCostsMoreThanToDropAll(int count, boolean precise) {
    List<AddressSpace> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      all.add(space(10, i, 0, true));
      keep(all.get(i), PAGE);
    }
    AddressSpace first = all.get(0);
    keep(first, PAGE + 4096);
    log.firstRange(10, -1, PAGE, PAGE + 4095, true);
    spaces.catchUp();
    for (AddressSpace space : all) {
      assertFalse(has(space, PAGE));
    }
    assertEquals(precise, has(first, PAGE + 4096));
  }

  @Test
  void workOfBeforeDoesNotCount() {
    AddressSpace space = space(10, 1, 0, true);
    for (int i = 0; i < 20 * ENTRIES; i++) {
      keep(space, PAGE);
      log.firstRange(10, 1, PAGE, PAGE + 4095, true);
      keep(space, PAGE + 4096);
      spaces.catchUp();
      assertTrue(iotlb.find(PAGE + 4096, 12, space.translations, 0, 0) != 0, "range " + i);
    }
    assertTrue(has(space, PAGE + 4096));
  }

  @ParameterizedTest(name = "{0} to {1}: page {2} goes: {3}")
  @CsvSource({
    "0x5500000040000000, 0x5500000040000fff, 0x40000000, true",
    "0x5500000040000000, 0x5500000040000fff, 0x40001000, false",
    "0x5500000040000000, 0x5500000040000000, 0x40000000, true",
    "0x5500000040000000, 0x5500000040000000, 0x40001000, false",
    "0xaa80000040000000, 0xaa80000040000fff, 0xff80000040000000, true",
    "0xaa80000040000000, 0xaa80000040000fff, 0xff80000040001000, false",
    "0xaa80000040000000, 0xaa80000040000fff, 0x40000000, false",
    "0, 0x007fffffffffffff, 0x40000000, true",
    "0, 0x007fffffffffffff, 0xff80000040000000, false",
    // The range goes on behind the last address with that tag: at the first of the other half.
    "0x007fffffffff0000, 0x0080000000000fff, 0x7fffffffff0000, true",
    "0x007fffffffff0000, 0x0080000000000fff, 0xff80000000000000, true",
    "0x007fffffffff0000, 0x0080000000000fff, 0x40000000, false",
    "0x00ffffffffff0000, 0x0100000000000fff, 0, true",
    "0x00ffffffffff0000, 0x0100000000000fff, 0xffffffffffff0000, true",
    "0x00ffffffffff0000, 0x0100000000000fff, 0x40000000, false",
    "0x00ffffffffff0000, 0x0100000000000fff, 0xff80000040000000, false",
    // Every address has a name in so long a range.
    "0x0000000040000000, 0x0100000040000000, 0x40000000, true",
    "0x0000000040000000, 0x0100000040000000, 0, true",
    "0x0000000040000000, 0x0100000040000000, 0xff80000040000000, true",
    "0xaa80000040000000, 0xffffffffffffffff, 0x40000000, true",
  })
  void aRangeOfTaggedAddressesIsThatOfTheAddressesWithoutTags(
      String first, String last, String page, boolean goes) {
    SmallPages plan = new SmallPages(10, 1, true);
    plan.judge(true, false, 3);
    AddressSpace space = spaces.of(plan, 0);
    spaces.freshen(space);
    long kept = Long.parseUnsignedLong(page.replace("0x", ""), 16);
    keep(space, kept);
    log.firstRange(
        10,
        1,
        Long.parseUnsignedLong(first.replace("0x", ""), 16),
        Long.parseUnsignedLong(last.replace("0x", ""), 16),
        true);
    spaces.catchUp();
    assertEquals(goes, !has(space, kept));
  }

  @Test
  void tagsLastUntilSomethingIsInvalidated() {
    for (int round = 0; round < 3; round++) {
      AddressSpace space = space(10, 1, round, true);
      int translations = number(space.translations);
      int structures = number(space.structures);
      spaces.freshen(space);
      assertEquals(translations, number(space.translations));
      assertEquals(structures, number(space.structures));
      log.firstRange(10, 1, PAGE, PAGE + 4095, false);
      spaces.catchUp();
      spaces.freshen(space);
      assertEquals(translations, number(space.translations), "a range drops pages one by one");
      assertTrue(number(space.structures) > structures, "and partial walks at once");
      structures = number(space.structures);
      spaces.freshen(space);
      assertEquals(structures, number(space.structures));
    }
  }

  /**
   * Nothing says which inputs led to an intermediate address, so whole walks of the second stage,
   * which nested ones keep under the tag of partial walks, go with a range of leaves too.
   */
  @ParameterizedTest(name = "leaves alone: {0}")
  @ValueSource(booleans = {true, false})
  void aRangeOfTheSecondStageDropsPartialWalksAndPagesThatItNames(boolean leafOnly) {
    SmallPages plan = new SmallPages(10, 7, true);
    AddressSpace both = spaces.of(plan, 0);
    AddressSpace second = spaces.secondOf(plan);
    AddressSpace other = space(11, 7, 0, false);
    for (AddressSpace space : List.of(both, second, other)) {
      spaces.freshen(space);
      keep(space, PAGE);
      keep(space, PAGE + 4096);
    }
    List<Integer> before = List.of(number(second.structures), number(both.structures));
    int others = number(other.structures);
    log.secondRange(10, PAGE, PAGE + 4095, leafOnly);
    spaces.catchUp();
    assertFalse(has(second, PAGE));
    assertTrue(has(second, PAGE + 4096));
    assertFalse(has(both, PAGE) || has(both, PAGE + 4096), "inputs of the first stage");
    assertTrue(number(second.structures) > before.get(0));
    assertTrue(number(both.structures) > before.get(1));
    assertTrue(has(other, PAGE) && has(other, PAGE + 4096), "another domain");
    assertEquals(others, number(other.structures));
  }

  /** Whichever space of two chains is given back, nobody looks at it again. */
  @ParameterizedTest(name = "first stage: {0}")
  @ValueSource(booleans = {true, false})
  void aRangeDoesNotLookAtWhatWasGivenBack(boolean first) {
    for (int gone = 0; gone < 3; gone++) {
      List<AddressSpace> all = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        all.add(space(10, 7, i, first));
      }
      spaces.release(all.remove(gone));
      long before = spaces.work();
      if (first) {
        log.firstRange(10, 7, PAGE, PAGE, true);
        log.firstRange(10, -1, PAGE, PAGE, true);
        log.secondRange(10, PAGE, PAGE, true);
      } else {
        log.secondRange(10, PAGE, PAGE, true);
        log.firstRange(10, -1, PAGE, PAGE, true);
      }
      spaces.catchUp();
      assertEquals(first ? 4 : 2, spaces.work() - before, "two are left, without " + gone);
      all.forEach(spaces::release);
    }
  }

  /** A nested configuration has spaces of both kinds in one domain and process. */
  @Test
  void givingASecondStageBackLeavesFirstStagesOfItsProcessInReach() {
    SmallPages plan = new SmallPages(10, 7, true);
    AddressSpace both = spaces.of(plan, 0);
    AddressSpace second = spaces.secondOf(plan);
    spaces.freshen(both);
    spaces.freshen(second);
    keep(both, PAGE);
    keep(both, PAGE + 4096);
    spaces.release(second);
    log.firstRange(10, 7, PAGE, PAGE + 4095, true);
    spaces.catchUp();
    assertFalse(has(both, PAGE));
    assertTrue(has(both, PAGE + 4096));
  }

  @Test
  void givingAFirstStageBackLeavesSecondStagesInReach() {
    SmallPages plan = new SmallPages(10, 7, true);
    AddressSpace second = spaces.secondOf(plan);
    spaces.freshen(second);
    keep(second, PAGE);
    spaces.release(spaces.of(plan, 0));
    log.secondRange(10, PAGE, PAGE + 4095, true);
    spaces.catchUp();
    assertFalse(has(second, PAGE));
  }
}
