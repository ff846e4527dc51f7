package dev.nestwalk.iotlb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the places of a set keep and lose, and what storing and dropping tell of it. */
final class TranslationCacheSetsTest {
  private static final int[] SHIFTS = {12, 16, 21, 30};
  private static final int SETS = 64;

  /**
   * A tag whose low bits are zero. With a payload of zero an entry's words then have no bit in
   * common, and the first word of page 0 is zero.
   */
  private final Tag tag = new Tag();

  TranslationCacheSetsTest() {
    tag.set(0x1000);
  }

  /** A cache in the room; caches of other tests that are gone give theirs back first. */
  private static TranslationCache pooled(int entries, int ways) throws InterruptedException {
    TranslationCache cache = new TranslationCache(entries, ways);
    for (int tries = 0; !cache.isPooled() && tries < 500; tries++) {
      System.gc();
      Thread.sleep(2);
      cache = new TranslationCache(entries, ways);
    }
    assertTrue(cache.isPooled(), "no room although nobody uses it");
    return cache;
  }

  /** Addresses of small pages that prefer one place of a cache, of which page 0 is the first. */
  private static List<Long> rivals(int entries, int count) {
    List<Long> all = new ArrayList<>();
    for (long page = 0; all.size() < count; page++) {
      if (((page ^ page >>> 9) & entries - 1) == 0) {
        all.add(page << 12);
      }
    }
    return all;
  }

  private long word1(int rights) {
    return TranslationCache.expect(tag, 0) | rights;
  }

  @ParameterizedTest(name = "{0} ways")
  @ValueSource(ints = {1, 2, 4, 16})
  void pagesThatPreferOnePlaceFillTheSetBeforeOneGoes(int ways) {
    TranslationCache cache = new TranslationCache(ways * SETS, ways);
    List<Long> pages = rivals(ways * SETS, ways + 20);
    for (int i = 0; i < pages.size(); i++) {
      boolean lost = cache.put(pages.get(i), 12, tag, 0, 0, 3);
      assertEquals(i >= ways, lost, "page " + i);
      assertEquals(Math.min(i + 1, ways), cache.count(tag));
      assertEquals(word1(3), cache.find(pages.get(i), 12, tag, 0, 3));
      boolean before = i > 0 && cache.find(pages.get(i - 1), 12, tag, 0, 3) != 0;
      assertEquals(i > 0 && ways > 1, before, "the one before only moves aside");
    }
  }

  @ParameterizedTest(name = "{0} ways")
  @ValueSource(ints = {1, 2, 4, 16})
  void aFillMovesWhatIsThereAsideInTurnAndTellsWhatGoes(int ways) {
    TranslationCache cache = new TranslationCache(ways * SETS, ways);
    List<Long> pages = rivals(ways * SETS, 3 * ways + 2);
    for (int i = 0; i < pages.size(); i++) {
      boolean lost = cache.fill(pages.get(i), 12, cache.origin(tag), tag.low(), word1(3));
      assertEquals(i >= ways, lost, "page " + i);
      for (int j = 0; j <= i; j++) {
        boolean there = cache.find(pages.get(j), 12, tag, 0, 3) != 0;
        assertEquals(j > i - ways, there, "the last ones stay: %d of %d".formatted(j, i));
      }
    }
  }

  @Test
  void aFillOfWhatIsThereMovesNothing() {
    TranslationCache cache = new TranslationCache(4 * SETS, 4);
    for (int i = 0; i < 5; i++) {
      assertFalse(cache.fill(0x7000, 12, cache.origin(tag), tag.low(), word1(1 + i % 3)));
      assertEquals(1, cache.count(tag));
    }
  }

  /** What batches do in steps of their own is what single translations do. */
  @Test
  void theStepsOfABatchStoreAndFindAsTheCacheDoes() throws InterruptedException {
    TranslationCache one = pooled(4 * SETS, 4);
    TranslationCache other = pooled(4 * SETS, 4);
    assertTrue(one.isUsual() && other.isUsual());
    List<Long> pages = rivals(4 * SETS, 12);
    tag.set(0x1007);
    SplittableRandom random = new SplittableRandom(3);
    int last = 0;
    for (int i = 0; i < 2000; i++) {
      long address = pages.get(random.nextInt(pages.size())) ^ random.nextInt(4) << 12;
      long word1 = word1(1 + random.nextInt(3)) | (long) random.nextInt() << 12 & 0xfff_f000L;
      one.fill(address, 12, one.origin(tag), tag.low(), word1);
      last = TranslationCache.fillUsual(place(other, address), address | tag.low(), word1, last);
      assertTrue(last >= 0 && last < 4, "way " + last);
      assertEquals(word1, preferred(one, address), "the preferred place has what came last");
      assertEquals(word1, preferred(other, address));
      for (long page : pages) {
        for (long at = page; at < page + 0x4000; at += 0x1000) {
          long found = one.find(at, 12, tag, 0, 0);
          assertEquals(found, other.find(at, 12, tag, 0, 0));
          boolean there = TranslationCache.isThere(place(other, at), at | tag.low());
          assertEquals(found != 0, there, "page %x".formatted(at));
        }
      }
    }
  }

  private long place(TranslationCache cache, long address) {
    return TranslationCache.preferred(
        address, 12 - TranslationCache.ENTRY_SHIFT, cache.offsets(), cache.origin(tag));
  }

  /** The answer of the preferred place, as an endpoint looks; 0 for none. */
  private long preferred(TranslationCache cache, long address) {
    long at = place(cache, address);
    long word1 = TranslationCache.word1At(at);
    long expected = TranslationCache.expect(tag, 0);
    return TranslationCache.answers(at, word1, address | tag.low(), expected, 0) ? word1 : 0;
  }

  @Test
  void onlyFourWaysInTheRoomAreUsual() throws InterruptedException {
    for (int ways : new int[] {1, 2, 4, 8, 16}) {
      assertEquals(ways == 4, pooled(64, ways).isUsual(), ways + " ways");
    }
    TranslationCache large = new TranslationCache(CacheArena.BYTES / 8, 4);
    assertFalse(large.isPooled());
    assertFalse(large.isUsual());
  }

  /** Caches of one set each lie side by side in the room: a set does not reach beyond its own. */
  @Test
  void aCacheOfOneSetNeitherFindsNorDropsWhatItsNeighboursHave() throws InterruptedException {
    List<TranslationCache> caches = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      caches.add(pooled(16, 16));
      if (i % 2 == 0) {
        caches.get(i).put(0x7000, 12, tag, 0, 0, 3);
      }
    }
    for (int i = 0; i < 64; i++) {
      assertEquals(i % 2 == 0, caches.get(i).find(0x7000, 12, tag, 0, 3) != 0, "cache " + i);
    }
    for (int i = 1; i < 64; i += 2) {
      caches.get(i).drop(tag, SHIFTS, 1, 0x7000, 0x7fff);
    }
    for (int i = 0; i < 64; i++) {
      assertEquals(i % 2 == 0 ? 1 : 0, caches.get(i).count(tag), "cache " + i);
    }
  }

  @ParameterizedTest
  @CsvSource({
    // entries, ways, classes, pages of 4 KiB that are dropped, looks
    "64, 4, 1, 1, 4",
    "64, 4, 1, 5, 20",
    "64, 4, 1, 16, 64",
    "64, 4, 1, 17, 64",
    "64, 4, 3, 1, 8",
    "64, 4, 15, 1, 16",
    "64, 4, 8, 1000, 4",
    "64, 1, 1, 1000, 64",
    "64, 1, 5, 31, 32",
    "16, 16, 1, 2, 16",
  })
  void aDropTellsHowManyEntriesItExamined(
      int entries, int ways, int classes, long pages, long looks) {
    TranslationCache cache = new TranslationCache(entries, ways);
    long first = 0x40_0000_0000L;
    assertEquals(looks, cache.drop(tag, SHIFTS, classes, first, first + pages * 4096 - 1));
  }

  /** Page 0 under a tag without low bits has a first word of zero, as a free place has. */
  @ParameterizedTest(name = "{0} pages dropped")
  @ValueSource(longs = {1, 1L << 40})
  void aDroppedEntryLeavesNothingThatPageZeroCouldFind(long pages) {
    TranslationCache cache = new TranslationCache(16, 1);
    long other = rivals(16, 2).get(1);
    assertFalse(cache.put(other, 12, tag, 0, 0, 3));
    cache.drop(tag, SHIFTS, 1, other, other + (pages << 12) - 1);
    assertEquals(0, cache.find(0, 12, tag, 0, 0));
    assertEquals(0, cache.count(tag));
    assertFalse(cache.put(0, 12, tag, 0, 0, 3), "its place is free");
    assertNotEquals(0, cache.find(0, 12, tag, 0, 3));
  }
}
