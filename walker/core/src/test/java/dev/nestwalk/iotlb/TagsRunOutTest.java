package dev.nestwalk.iotlb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * An address space takes two tags; when fewer are left, all caches are emptied and it starts over.
 */
final class TagsRunOutTest {
  private static final long PAGE = 0x4000_0000L;

  private final List<String> refreshed = new ArrayList<>();
  private final TranslationCache iotlb = new TranslationCache(64, 4);
  private final StructureCaches structures =
      new StructureCaches(CacheOptions.NONE.withStructures(16, 16, 16));
  private final List<TranslationCache> caches =
      List.of(
          iotlb,
          Objects.requireNonNull(structures.first),
          Objects.requireNonNull(structures.second),
          Objects.requireNonNull(structures.nested));

  private AddressSpaces spaces(int tags) {
    return new AddressSpaces(
        new InvalidationLog(),
        iotlb,
        structures,
        new TagCounter(tags),
        List.of(() -> refreshed.add("one"), () -> refreshed.add("other")));
  }

  private void keepEverywhere(AddressSpace space) {
    for (TranslationCache cache : caches) {
      cache.put(PAGE, 12, space.translations, 0, 0, 3);
      cache.put(PAGE, 12, space.structures, 0, 0, 3);
    }
    space.keeps(0);
  }

  @ParameterizedTest(name = "{0} tags, {1} spaces: {2}")
  @CsvSource({
    "2, 1, false", "2, 2, true", "3, 1, false", "3, 2, true", "4, 2, false", "4, 3, true",
    "5, 2, false", "5, 3, true", "6, 3, false", "6, 4, true", "7, 3, false", "7, 4, true"
  })
  void theSpaceForWhichLessThanTwoAreLeftStartsOver(int tags, int count, boolean startsOver) {
    AddressSpaces spaces = spaces(tags);
    List<AddressSpace> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      AddressSpace space = spaces.of(new SmallPages(10, i, true), 0);
      spaces.freshen(space);
      all.add(space);
      if (i < count - 1) {
        keepEverywhere(space);
      }
    }
    AddressSpace last = all.get(count - 1);
    assertTrue(last.translations.isSet() && last.structures.isSet());
    assertEquals(startsOver ? List.of("one", "other") : List.of(), refreshed);
    for (AddressSpace space : all.subList(0, count - 1)) {
      assertEquals(startsOver, !space.translations.isSet());
      assertEquals(startsOver, !space.structures.isSet());
    }
    for (TranslationCache cache : caches) {
      // What the first space had is under the last one's numbers now, unless it went.
      assertEquals(0, cache.count(last.translations));
      assertEquals(0, cache.count(last.structures));
    }
    if (startsOver) {
      assertEquals("1 2", last.translations.low() + " " + last.structures.low());
      spaces.freshen(all.get(0));
      assertTrue(all.get(0).translations.isSet(), "the others take new ones when they are used");
    }
  }

  /**
   * A space that only lost its partial walks needs one new tag, and may be the one that starts
   * over.
   */
  @Test
  void partialWalksThatWereDroppedTakeATagToo() {
    InvalidationLog log = new InvalidationLog();
    AddressSpaces spaces = new AddressSpaces(log, iotlb, structures, new TagCounter(4), List.of());
    AddressSpace space = spaces.of(new SmallPages(10, 1, true), 0);
    for (int round = 0; round < 20; round++) {
      spaces.freshen(space);
      assertTrue(space.translations.isSet() && space.structures.isSet());
      assertTrue(space.translations.low() != space.structures.low(), "round " + round);
      keepEverywhere(space);
      log.firstRange(10, 1, PAGE, PAGE + 4095, false);
      spaces.catchUp();
      assertEquals(0, iotlb.find(PAGE, 12, space.translations, 0, 0));
      spaces.freshen(space);
      for (TranslationCache cache : caches) {
        assertEquals(0, cache.count(space.structures), "round " + round);
      }
    }
  }

  /** Spaces of equal hash hang together; each of them loses its tags. */
  @Test
  void spacesOfOneHashStartOverTogether() {
    AddressSpaces spaces = spaces(6);
    SmallPages[] plans = {new SmallPages(10, 1, true), new SmallPages(10, 2, true)};
    AddressSpace one = spaces.of(plans[0], CountersTest.mixed(plans[0]));
    AddressSpace other = spaces.of(plans[1], CountersTest.mixed(plans[1]));
    assertEquals(one.hash, other.hash);
    spaces.freshen(one);
    spaces.freshen(other);
    AddressSpace third = spaces.of(new SmallPages(10, 3, true), 0);
    spaces.freshen(third);
    AddressSpace fourth = spaces.of(new SmallPages(10, 4, true), 0);
    spaces.freshen(fourth);
    for (AddressSpace space : List.of(one, other, third)) {
      assertFalse(space.translations.isSet() || space.structures.isSet());
    }
  }

  @Test
  void aTagWithoutANumberIsNotSet() {
    Tag tag = new Tag();
    assertFalse(tag.isSet());
    tag.set(5);
    assertTrue(tag.isSet());
    tag.set(0);
    assertFalse(tag.isSet());
    assertEquals(1, new TagCounter(1).next(), "one is few, and enough to count");
  }

  @Test
  void notesAreThoseOfTheLastWalk() {
    WalkNotes notes = new WalkNotes();
    notes.inputSpan(21);
    notes.inputSpan(12);
    notes.intermediate(0x8000_1000L);
    notes.global(true);
    assertEquals(21, notes.inputSpan(), "the largest page that the tables map");
    assertEquals(0x8000_1000L, notes.intermediate());
    assertTrue(notes.isGlobal());
    notes.clear();
    assertEquals(
        "0 0 false", notes.inputSpan() + " " + notes.intermediate() + " " + notes.isGlobal());
  }
}
