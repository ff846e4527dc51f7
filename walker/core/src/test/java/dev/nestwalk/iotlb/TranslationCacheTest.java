package dev.nestwalk.iotlb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The IOTLB beside a map that forgets nothing, in the shared room and with memory of its own. */
class TranslationCacheTest {
  private static final int[] SHIFTS = {12, 16, 21, 30};

  /** Entries of a cache that is larger than the room. */
  private static final int LARGE = CacheArena.BYTES / 8;

  /** An eighth of the room, in bytes. */
  private static final int SHARE = CacheArena.BYTES / 8;

  /** What an entry is kept under. */
  private record Key(int tag, int sizeClass, long page) {}

  static int[][] geometries() {
    return new int[][] {{2, 1}, {2, 2}, {16, 4}, {1024, 4}, {4096, 1}, {4096, 16}, {LARGE, 4}};
  }

  @ParameterizedTest
  @MethodSource("geometries")
  void findsNothingButWhatWasKeptLast(int[] geometry) {
    int entries = geometry[0];
    int ways = geometry[1];
    TranslationCache cache = new TranslationCache(entries, ways);
    Tag[] tags = {tag(1), tag(0x1001), tag(0x2fff), tag(0x7_ffff)};
    Map<Key, Long> kept = new HashMap<>();
    Random random = new Random(entries * 31L + ways);
    int found = 0;
    for (int i = 0; i < 50_000; i++) {
      int which = random.nextInt(tags.length);
      int sizeClass = random.nextInt(SHIFTS.length);
      int shift = SHIFTS[sizeClass];
      long address = (long) random.nextInt(64) << shift | random.nextInt(1 << 12);
      Tag tag = tags[which];
      Key key = new Key(which, sizeClass, address >>> shift);
      long expected = TranslationCache.expect(tag, sizeClass);
      long first = cache.isPooled() ? preferred(cache, address, shift, tag, expected) : 0;
      long answer = cache.find(address, shift, tag, sizeClass, 1);
      assertTrue(first == 0 || first == answer);
      if (answer != 0) {
        found++;
        assertEquals(kept.get(key), answer, key.toString());
      }
      switch (random.nextInt(8)) {
        case 0 -> {
          long last = address | 0xffff;
          cache.drop(tag, SHIFTS, 0xf, address, last);
          kept.keySet()
              .removeIf(
                  other ->
                      other.tag == which
                          && meets(other.page << SHIFTS[other.sizeClass], other, address, last));
        }
        case 1 -> {
          long payload = payload(random);
          cache.put(address, shift, tag, sizeClass, payload, 3);
          kept.put(key, payload | expected | 3);
        }
        default -> {
          if (answer == 0) {
            long word1 = payload(random) | expected | 3;
            cache.fill(address, shift, cache.origin(tag), tag.low(), word1);
            kept.put(key, word1);
          }
        }
      }
    }
    assertTrue(found > 25, found + " found");
  }

  /** As an endpoint looks. */
  private static long preferred(
      TranslationCache cache, long address, int shift, Tag tag, long expected) {
    long at =
        TranslationCache.preferred(
            address, shift - TranslationCache.ENTRY_SHIFT, cache.offsets(), cache.origin(tag));
    long word1 = TranslationCache.word1At(at);
    long key = address >>> shift << shift | tag.low();
    return TranslationCache.answers(at, word1, key, expected, 1) ? word1 : 0;
  }

  private static boolean meets(long block, Key key, long first, long last) {
    return block <= last && block + (1L << SHIFTS[key.sizeClass]) - 1 >= first;
  }

  private static long payload(Random random) {
    return random.nextLong() & TranslationCache.PAYLOAD | 12L << 52;
  }

  private static Tag tag(int number) {
    Tag tag = new Tag();
    tag.set(number);
    return tag;
  }

  @ParameterizedTest(name = "{0} ways")
  @CsvSource({"1", "2", "4", "16"})
  void aSetThatIsNotFullLosesNothing(int ways) {
    Tag tag = tag(7);
    TranslationCache cache = new TranslationCache(ways * 64, ways);
    // Pages that share a set: the index has 6 bits above the way, and bits from 9 on join in.
    int kept = 0;
    for (long page = 0; kept < ways && page < 1 << 20; page++) {
      long joined = page ^ page >>> 9;
      if ((joined & ways * 64L - ways) == 0) {
        assertFalse(cache.put(page << 12, 12, tag, 0, 12L << 52, 3), "nothing had to go");
        kept++;
        assertEquals(kept, cache.count(tag));
      }
    }
    long another = (long) ways * 64 << 12;
    assertTrue(cache.put(another, 12, tag, 0, 12L << 52, 3), "one had to go");
    assertEquals(ways, cache.count(tag));
  }

  @ParameterizedTest(name = "{0} ways")
  @CsvSource({"1", "2", "4", "16"})
  void fillingAFreePlaceDropsNothing(int ways) {
    Tag tag = tag(7);
    TranslationCache cache = new TranslationCache(ways * 64, ways);
    long expected = TranslationCache.expect(tag, 0);
    for (long page = 0; page < ways * 64L; page++) {
      cache.fill(page << 12, 12, cache.origin(tag), tag.low(), 12L << 52 | expected | 3);
      assertEquals(page + 1, cache.count(tag));
    }
  }

  @Test
  void anEntryWithFewerRightsBesideANewOneGoesWithIt() {
    Tag tag = tag(7);
    TranslationCache cache = new TranslationCache(64, 4);
    long expected = TranslationCache.expect(tag, 0);
    long origin = cache.origin(tag);
    // The second one prefers the same place, and moves the first aside.
    cache.fill(0, 12, origin, tag.low(), 12L << 52 | expected | 1);
    cache.fill(64 << 12, 12, origin, tag.low(), 12L << 52 | expected | 1);
    assertEquals(0, cache.find(0, 12, tag, 0, 2), "no right to write");
    cache.fill(0, 12, origin, tag.low(), 12L << 52 | expected | 3);
    assertEquals(12L << 52 | expected | 3, cache.find(0, 12, tag, 0, 2));
    assertEquals(3, cache.count(tag));
    cache.drop(tag, SHIFTS, 1, 0, 0);
    assertEquals(1, cache.count(tag), "both are dropped");
    assertEquals(0, cache.find(0, 12, tag, 0, 1));
  }

  @Test
  void clearingLeavesTheNeighbourInTheRoomAlone() {
    Tag tag = tag(9);
    TranslationCache one = new TranslationCache(64, 4);
    TranslationCache other = new TranslationCache(64, 4);
    for (TranslationCache cache : new TranslationCache[] {one, other}) {
      for (long page = 0; page < 64; page++) {
        cache.put(page << 12, 12, tag, 0, 12L << 52, 3);
      }
    }
    one.clear();
    assertEquals(0, one.count(tag));
    assertEquals(64, other.count(tag));
  }

  /** Room for an owner; caches of other tests that are gone give theirs back first. */
  private static long room(Object owner, long bytes) throws InterruptedException {
    long at = CacheArena.take(owner, bytes);
    for (int tries = 0; at < 0 && tries < 500; tries++) {
      System.gc();
      Thread.sleep(2);
      at = CacheArena.take(owner, bytes);
    }
    assertTrue(at >= 0, "no room although nobody uses it");
    return at;
  }

  @Test
  void partsOfTheRoomAreAlignedAndApart() throws InterruptedException {
    Object owner = new Object();
    try {
      long first = room(owner, 64);
      long second = room(owner, 1024);
      assertEquals(0, first % 256);
      assertEquals(0, second % 1024, "its parts are found by exclusive or");
      assertTrue(first + 64 <= second || second + 1024 <= first);
      assertEquals(-1, CacheArena.take(owner, 2L * CacheArena.BYTES), "more than there is");
    } finally {
      Reference.reachabilityFence(owner);
    }
  }

  @Test
  void aPartThatAnotherCacheLeftIsZeroAgain() throws InterruptedException {
    long left = dirty();
    // All are kept, so that the part in question comes after at most seven others.
    List<Object> owners = new ArrayList<>();
    try {
      long taken = -1;
      while (taken != left) {
        Object owner = new Object();
        owners.add(owner);
        taken = room(owner, SHARE);
        for (long at = taken; at < taken + SHARE; at += 8) {
          assertEquals(0, CacheArena.MEMORY.get(ValueLayout.JAVA_LONG_UNALIGNED, at));
        }
      }
    } finally {
      Reference.reachabilityFence(owners);
    }
  }

  @Test
  void theLastPartOfTheRoomIsGivenOutToo() throws InterruptedException {
    List<Object> owners = new ArrayList<>();
    long at = -1;
    try {
      for (int tries = 0; at != CacheArena.BYTES - SHARE && tries < 500; tries++) {
        Object owner = new Object();
        at = CacheArena.take(owner, SHARE);
        owners.add(owner);
        if (at < 0) {
          System.gc();
          Thread.sleep(2);
        }
      }
      assertEquals(CacheArena.BYTES - SHARE, at);
    } finally {
      Reference.reachabilityFence(owners);
    }
  }

  @Test
  void aHoleBetweenTwoPartsIsGivenOut() throws InterruptedException {
    Map<Long, Object> owners = new HashMap<>();
    long hole = -1;
    for (int tries = 0; hole < 0 && tries < 500; tries++) {
      Object owner = new Object();
      long at = room(owner, SHARE / 8);
      owners.put(at, owner);
      hole = owners.containsKey(at - SHARE / 8) ? at - SHARE / 8 : -1;
    }
    owners.remove(hole);
    try {
      long taken = -1;
      while (taken != hole) {
        Object owner = new Object();
        taken = room(owner, SHARE / 8);
        owners.put(taken, owner);
      }
      assertTrue(owners.containsKey(hole + SHARE / 8), "with a part behind it");
    } finally {
      Reference.reachabilityFence(owners);
    }
  }

  /** Takes a part, writes all of it, and leaves it. */
  private static long dirty() throws InterruptedException {
    Object owner = new Object();
    try {
      long at = room(owner, SHARE);
      CacheArena.MEMORY.asSlice(at, SHARE).fill((byte) -1);
      return at;
    } finally {
      Reference.reachabilityFence(owner);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "4M", "65535", "32768", "3145728", "-65536", "2147483648"})
  void aRoomOfAnotherSizeIsAPowerOfTwo(String text) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> CacheArena.size(text)).getMessage();
    assertEquals(
        "nestwalk.cache.bytes=%s: expected a power of two, 65536 to 1073741824".formatted(text),
        message);
    for (int log2 = 16; log2 <= 30; log2++) {
      assertEquals(1 << log2, CacheArena.size(Integer.toString(1 << log2)));
    }
  }

  @Test
  void theRoomOfCachesThatAreGoneIsTakenAgain() throws InterruptedException {
    // Together far more than the room: each can only have a part if those before gave theirs back.
    int inRoom = 0;
    for (int i = 0; i < 40; i++) {
      Object owner = new Object();
      for (int tries = 0; tries < 50; tries++) {
        if (CacheArena.take(owner, SHARE) >= 0) {
          inRoom++;
          break;
        }
        System.gc();
        Thread.sleep(5);
      }
    }
    assertEquals(40, inRoom);
  }

  @Test
  void aLargeCacheHasMemoryOfItsOwn() {
    Tag tag = tag(3);
    TranslationCache cache = new TranslationCache(LARGE, 4);
    assertFalse(cache.isPooled());
    int pages = 1 << 14;
    for (long i = 1; i <= pages; i++) {
      cache.put(i * LARGE / pages - 1 << 12, 12, tag, 0, 12L << 52, 1);
    }
    assertEquals(pages, cache.count(tag));
  }

  @ParameterizedTest(name = "{0} entries, {1} ways")
  @CsvSource({"2, 1", "2, 2", "16, 1", "16, 16", "64, 1", "64, 2", "64, 4", "1024, 1", "1024, 16"})
  @Timeout(value = 20, unit = TimeUnit.SECONDS)
  void dropsAnyRangeWithAtMostOneLookAtEachEntry(int entries, int ways) {
    TranslationCache cache = new TranslationCache(entries, ways);
    Tag tag = tag(7);
    for (int log = 12; log <= 64; log++) {
      long within = log == 64 ? -1 : (1L << log) - 1;
      for (int classes = 1; classes < 16; classes++) {
        for (long at : new long[] {0, 0x4030_2000L, 0x4_0000_0000L, -1L}) {
          long first = at & ~within;
          long looks = cache.drop(tag, SHIFTS, classes, first, at | within);
          assertTrue(looks <= entries, () -> looks + " looks");
        }
      }
    }
  }

  @ParameterizedTest(name = "{0} ways")
  @CsvSource({"1", "2", "4", "16"})
  @Timeout(value = 20, unit = TimeUnit.SECONDS)
  void dropsWhatMeetsARangeOfAnySizeAndNothingElse(int ways) {
    Tag tag = tag(7);
    for (int log = 12; log <= 64; log++) {
      long within = log == 64 ? -1 : (1L << log) - 1;
      TranslationCache cache = new TranslationCache(ways * 64, ways);
      for (long page = 0; page < 16; page++) {
        cache.put(page * 0x1_0040_3000L, 12, tag, 0, page << 12, 3);
      }
      long last = 0x3_00c0_9000L | within;
      long first = last & ~within;
      cache.drop(tag, SHIFTS, 1, first, last);
      for (long page = 0; page < 16; page++) {
        long address = page * 0x1_0040_3000L;
        boolean named =
            Long.compareUnsigned(address, first) >= 0 && Long.compareUnsigned(address, last) <= 0;
        assertEquals(named, cache.find(address, 12, tag, 0, 0) == 0, "page " + page);
      }
    }
  }

  /** Few bytes are looked up page by page, many by a look at every entry: both meet the same. */
  @ParameterizedTest(name = "class {0}")
  @ValueSource(ints = {0, 1, 2, 3})
  void aRangeMeetsABlockInItsFirstOrLastByteToo(int sizeClass) {
    Tag tag = tag(7);
    long size = 1L << SHIFTS[sizeClass];
    long block = 0x40_0000_0000L;
    TranslationCache cache = new TranslationCache(16, 1);
    long far = 64 * size;
    long[][] met = {
      {block + size - 1, block + size - 1},
      {block + size - 1, block + far},
      {block, block},
      {block - far, block},
      {block - far, block + far},
    };
    long[][] apart = {
      {block - 1, block - 1},
      {block - far, block - 1},
      {block + size, block + size},
      {block + size, block + far},
    };
    for (long[] range : met) {
      cache.put(block, SHIFTS[sizeClass], tag, sizeClass, 0, 3);
      cache.drop(tag, SHIFTS, 1 << sizeClass, range[0], range[1]);
      assertEquals(0, cache.count(tag), () -> "from %x to %x".formatted(range[0], range[1]));
    }
    cache.put(block, SHIFTS[sizeClass], tag, sizeClass, 0, 3);
    for (long[] range : apart) {
      cache.drop(tag, SHIFTS, 1 << sizeClass, range[0], range[1]);
      assertEquals(1, cache.count(tag), () -> "from %x to %x".formatted(range[0], range[1]));
    }
  }
}
