package dev.nestwalk.bench.cost.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.bench.cost.Geometry;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Small streams whose hits were worked out by hand. */
class ModelCacheTest {
  /** Uses and fills each page of the stream; a letter for each: h hit, m miss. */
  private static String play(Geometry geometry, String stream) {
    ModelCache cache = new ModelCache(geometry, 8, 1);
    StringBuilder answers = new StringBuilder();
    for (String word : stream.split(" ", -1)) {
      long page = Long.parseLong(word);
      boolean hit = cache.use(7, page, 12);
      answers.append(hit ? 'h' : 'm');
      if (!hit) {
        cache.fill(7, page, 12);
      }
    }
    return answers.toString();
  }

  @ParameterizedTest
  @CsvSource({
    // LRU: 1 was used again, so that 2 gives way to 5.
    "4x4lru, 1 2 3 4 1 5 1 2, mmmmhmhm",
    // FIFO: 1 came first and gives way to 5, whatever use it had; then 2 gives way to 1, 3 to 2.
    "4x4fifo, 1 2 3 4 1 5 1 2 4, mmmmhmmmh",
    // Tree of four: after 1 2 3 4 and 1 the tree points to 3's place.
    "4x4plru, 1 2 3 4 1 5 1 2 4 3, mmmmhmhhhm",
    // Two sets of two: odd pages share one set, even ones the other.
    "4x2lru, 1 3 5 1 2 4 2 4, mmmmmmhh",
    // One way: pages that are 4 apart drive each other out.
    "4x1lru, 0 4 0 1 2 3 1 2 3, mmmmmmhhh",
    "0, 1 1 1, mmm"
  })
  void eachPolicyHitsWhatItsRuleSays(String geometry, String stream, String answers) {
    assertEquals(answers, play(Geometry.parse(geometry), stream));
  }

  /** To take in what is there is a use of it; only what gives way counts. */
  @Test
  void whatIsTakenInAgainStaysAndNothingGivesWay() {
    ModelCache cache = new ModelCache(Geometry.parse("4x4lru"), 8, 1);
    for (long page : new long[] {1, 2, 3, 4, 1}) {
      cache.fill(7, page, 12);
    }
    assertEquals(0, cache.evictions());
    cache.fill(7, 5, 12);
    assertEquals(1, cache.evictions());
    assertTrue(cache.holds(7, 1, 12));
    assertFalse(cache.holds(7, 2, 12));
  }

  @Test
  void randomReplacementIsTheSameForTheSameSeedAndUsesAllWays() {
    Geometry geometry = Geometry.parse("8x8random");
    Random random = new Random(5);
    StringBuilder stream = new StringBuilder("0");
    for (int i = 0; i < 2000; i++) {
      stream.append(' ').append(random.nextInt(16));
    }
    String once = play(geometry, stream.toString());
    assertEquals(once, play(geometry, stream.toString()));
    long hits = once.chars().filter(letter -> letter == 'h').count();
    // Half of sixteen pages fit.
    assertEquals(0.5, hits / 2001.0, 0.05);
  }

  @Test
  void lruOfOneSetEqualsAListOfLastUses() {
    Random random = new Random(3);
    ModelCache cache = new ModelCache(Geometry.parse("16"), 1, 1);
    List<Long> uses = new ArrayList<>();
    for (int i = 0; i < 5000; i++) {
      long page = random.nextInt(24);
      assertEquals(uses.remove(page), cache.use(1, page, 0), "use " + i);
      uses.add(page);
      if (uses.size() > 16) {
        uses.remove(0);
      }
      cache.fill(1, page, 0);
    }
  }

  @Test
  void tagsAndSizesTellKeysApartAndAreDroppedAlone() {
    ModelCache cache = new ModelCache(Geometry.parse("8"), 8, 1);
    cache.fill(1, 5, 12);
    cache.fill(2, 5, 12);
    cache.fill(1, 5, 21);
    cache.drop(1, 5, 12);
    assertEquals(
        List.of(false, true, true),
        List.of(cache.holds(1, 5, 12), cache.holds(2, 5, 12), cache.holds(1, 5, 21)));
    assertEquals(1, cache.dropAll(1));
    assertEquals(List.of(true, false), List.of(cache.holds(2, 5, 12), cache.holds(1, 5, 21)));
  }

  @Test
  void splitCachesGiveEachSizeRoomOfItsOwn() {
    ModelCache shared = new ModelCache(Geometry.parse("4x4lru"), 8, 1);
    ModelCache split = new ModelCache(Geometry.parse("4x4lru-split"), 8, 1);
    for (ModelCache cache : List.of(shared, split)) {
      for (long page = 0; page < 4; page++) {
        cache.fill(1, page, 12);
      }
      for (long page = 0; page < 4; page++) {
        cache.fill(1, page, 21);
      }
    }
    assertEquals(false, shared.holds(1, 0, 12));
    assertEquals(true, split.holds(1, 0, 12) && split.holds(1, 3, 21));
  }

  @Test
  void hashedSetsSpreadTagsThatLowestBitsPutInOneSet() {
    Set<String> kept = new HashSet<>();
    for (String text : List.of("64x1lru", "64x1lru-hash")) {
      ModelCache cache = new ModelCache(Geometry.parse(text), 1, 1);
      for (int tag = 0; tag < 32; tag++) {
        cache.fill(tag, 9, 12);
      }
      int held = 0;
      for (int tag = 0; tag < 32; tag++) {
        held += cache.holds(tag, 9, 12) ? 1 : 0;
      }
      kept.add(text + " " + (held == 1 ? "one" : held > 16 ? "most" : "some"));
    }
    assertEquals(Set.of("64x1lru one", "64x1lru-hash most"), kept);
  }
}
