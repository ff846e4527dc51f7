package dev.nestwalk.iotlb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nestwalk.cache.CacheOptions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Numbers that run out, geometries that are none, and address spaces whose hashes are equal. */
final class CountersTest {
  @ParameterizedTest
  @ValueSource(ints = {0, -1, 1 << Tag.BITS, Integer.MAX_VALUE})
  void tagsAreNumberedWithinTheirBits(int last) {
    assertThrows(IllegalArgumentException.class, () -> new TagCounter(last));
  }

  @Test
  void aTagIsIssuedOnceUntilAllBeginAgain() {
    TagCounter counter = new TagCounter(2);
    assertEquals(1, counter.next());
    assertEquals(2, counter.next());
    assertEquals(0, counter.left());
    assertThrows(IllegalStateException.class, counter::next);
    counter.restart();
    assertEquals(1, counter.next());
    assertEquals(1, counter.left());
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "3, 1", "64, 3", "64, 0", "2, 4", "64, 32", "134217728, 4"})
  void aGeometryOfNoPowersOrBeyondItsBoundsIsRefused(int entries, int ways) {
    assertThrows(
        IllegalArgumentException.class, () -> CacheOptions.DEFAULT.withIotlb(entries, ways));
  }

  @Test
  void aGeometryIsKept() {
    TranslationCache cache = new TranslationCache(64, 4);
    assertEquals(64, cache.entries());
    assertEquals(4, cache.ways());
  }

  /** As {@link AddressSpaces} mixes words, but for the last one. */
  static long mixed(SmallPages plan) {
    long hash = plan.domain();
    for (int i = 0; i < CachedPlan.WORDS - 1; i++) {
      hash = (hash ^ plan.words[i]) * 0x9e37_79b9_7f4a_7c15L;
      hash ^= hash >>> 29;
    }
    return hash;
  }

  @Test
  void spacesWithEqualHashesAreFoundAndReleasedOneByOne() {
    for (int order = 0; order < 6; order++) {
      AddressSpaces spaces =
          new AddressSpaces(
              new InvalidationLog(),
              new TranslationCache(64, 1),
              new StructureCaches(CacheOptions.NONE),
              new TagCounter(),
              List.of());
      int none = spaces.records();
      SmallPages[] plans = {
        new SmallPages(10, 1, true), new SmallPages(10, 2, true), new SmallPages(10, 3, true)
      };
      AddressSpace[] made = new AddressSpace[3];
      for (int i = 0; i < 3; i++) {
        // The last word is what tells restrictions apart: chosen so that all hashes are equal.
        made[i] = spaces.of(plans[i], mixed(plans[i]) ^ mixed(plans[0]));
        assertEquals(made[0].hash, made[i].hash);
      }
      assertNotSame(made[0], made[1]);
      int[][] orders = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
      for (int gone = 0; gone < 3; gone++) {
        spaces.release(made[orders[order][gone]]);
        for (int left = gone + 1; left < 3; left++) {
          int which = orders[order][left];
          long kept = mixed(plans[which]) ^ mixed(plans[0]);
          assertSame(made[which], spaces.of(plans[which], kept), "still found");
          spaces.release(made[which]);
        }
      }
      assertEquals(none, spaces.records(), "nothing is left");
    }
  }
}
