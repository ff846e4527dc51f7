package dev.nestwalk.bench.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Streams of a few requests whose counts were worked out by hand.
 *
 * <p>Four pages, side by side, twice over. Cold, one stage of four levels reads 4 entries for the
 * first page and with walk caches 1 for each other. Nested, the first page takes 4 + 1 for the root
 * table, 1 + 1 for each of the three tables below (their guest pages share a second-stage table)
 * and 3 for the page itself, whose guest address has only the topmost table in common with those:
 * 14. Each other page is 1 entry of the first stage and 1 of the second.
 */
class SmallStreamsTest {
  private static final String FOUR = "physical=contiguous workload=scan:16k requests=8 ";

  @ParameterizedTest
  @CsvSource({
    "stages=2 iotlb=4, ref 16 iotlb.hit 4 iotlb.miss 4",
    "stages=2 iotlb=4 pwc2=16, ref 7 iotlb.hit 4 pwc2.hit 3 pwc2.miss 1",
    "stages=2 iotlb=2x2lru pwc2=16, ref 11 iotlb.hit 0 iotlb.miss 8",
    "stages=1 iotlb=4 pwc1=16, ref 7 ref.s1 7 ref.s2 0 pwc1.hit 3",
    "iotlb=4, ref 96 ref.s1 16 ref.s2 80",
    "iotlb=4 pwc1=16 pwc2=16, ref 20 ref.s1 7 ref.s2 13",
    "iotlb=0 pwc1=16 pwc2=16, ref 28 walk 8",
    "iotlb=0 pwc1=16 pwc2=16 ntlb=16, ref 24 ntlb.hit 4 ntlb.miss 8",
    "iotlb=4 ntlb=16, ref 48 ntlb.hit 12 ntlb.miss 8",
    "stages=2 iotlb=4 atc=4, atc.miss 4 atc.hit 4 iotlb.miss 4 iotlb.hit 0 ref 16",
    "stages=2 iotlb=4 atc=2, atc.miss 8 atc.hit 0 iotlb.miss 4 iotlb.hit 4",
    "stages=2 iotlb=4 context=0 pasidcache=0, ref.config 32 context.miss 8",
    "stages=2 iotlb=4 context=0, ref.config 18 pasidcache.hit 7",
    "format=smmuv3 stages=2 iotlb=4 context=0, ref.config 8",
    "format=smmuv3 stages=1 iotlb=4, ref.config 2 ref 16",
    "format=smmuv3 iotlb=4, ref.config 6 ref 96"
  })
  void fourPagesTwiceOver(String text, String expected) {
    assertCounts(expected, Cell.parse(FOUR + text));
  }

  /** Counts by name, as in {@code "iotlb.miss 16 ref 64"}; others may be anything. */
  private static void assertCounts(String expected, Cell cell) {
    Counts counts = Runner.run(cell).counts();
    String[] words = expected.split(" ", -1);
    List<String> found = new ArrayList<>();
    for (int i = 0; i < words.length; i += 2) {
      found.add(words[i] + " " + counts.get(words[i]));
    }
    assertEquals(expected, String.join(" ", found), counts::toString);
  }

  /**
   * Contiguous hints: 16 pages of 4 KiB are one entry of a cache of translations, where both stages
   * have the hint; the walk that fills it reads what it would without.
   */
  @ParameterizedTest
  @CsvSource({
    "stages=2, iotlb.miss 16 iotlb.hit 16 ref 64",
    "stages=2 contiguous=2, iotlb.miss 1 iotlb.hit 31 ref 4",
    "stages=2 contiguous=1, iotlb.miss 16 iotlb.hit 16 ref 64",
    "stages=1 contiguous=1, iotlb.miss 1 iotlb.hit 31 ref 4",
    "contiguous=1, iotlb.miss 16 ref 384",
    "contiguous=2, iotlb.miss 16 ref 384",
    "contiguous=both, iotlb.miss 1 iotlb.hit 31 ref 24",
    "contiguous=both atc=16, atc.miss 1 atc.hit 31 iotlb.miss 1 iotlb.hit 0",
    // Each walk looks for four tables and the page: of the tables each is missed once.
    "ntlb=64, ntlb.miss 20 ntlb.hit 60",
    // Pages and tables are each one guest group of 64 KiB: tables of two groups at most.
    "contiguous=2 ntlb=64, ntlb.hit 78 ntlb.miss 2"
  })
  void aGroupOfSixteenPagesTwiceOver(String text, String expected) {
    assertCounts(
        expected,
        Cell.parse(
            "format=smmuv3 iotlb=64 physical=contiguous workload=scan:64k requests=32 " + text));
  }

  @ParameterizedTest
  @CsvSource({
    "4k base 16",
    "4k 2m 16",
    "16k base 128",
    "16k 32m 32",
    "64k base 32",
  })
  void contiguousHintsStretchTheReachOfTheIotlbByTheGroup(String shape) {
    String[] words = shape.split(" ", -1);
    int group = Integer.parseInt(words[2]);
    Cell cell =
        Cell.parse("format=smmuv3 stages=2 iotlb=4 requests=4096 granule=%s".formatted(words[0]))
            .with(Axis.PAGES2, words[1]);
    String page = words[1].equals("base") ? words[0] : words[1];
    int size = Integer.parseInt(page.substring(0, page.length() - 1));
    char unit = page.charAt(page.length() - 1);
    for (int fits : new int[] {4, 5}) {
      // Four entries hold four pages or groups; of five each is missed a fifth of the time.
      String plain = "random:%d%c:%s".formatted(fits * size, unit, "4k");
      String wide = "random:%d%c:%s".formatted(fits * size * group, unit, "4k");
      long without = misses(cell.with(Axis.WORKLOAD, plain));
      long with = misses(cell.with(Axis.WORKLOAD, wide).with(Axis.CONTIGUOUS, "2"));
      if (fits == 4) {
        assertEquals(4, without, plain);
        assertEquals(4, with, wide);
      } else {
        assertTrue(without > 400, plain + " " + without);
        assertTrue(with > 400, wide + " " + with);
      }
    }
  }

  private static long misses(Cell cell) {
    return Runner.run(cell).counts().get("iotlb.miss");
  }

  @ParameterizedTest
  @CsvSource({
    // Strict: a packet's data page was mapped anew; descriptors and completions are one page each.
    "strict, map 8 unmap 8 invalidate.page 8 invalidate.all 0 iotlb.miss 10",
    // Lazy, two by two: each flush takes the rings' translations along.
    "lazy:2, map 8 unmap 8 invalidate.page 0 invalidate.all 4 iotlb.miss 16",
    // The four buffers go round.
    "pool, map 0 unmap 0 invalidate.page 0 invalidate.all 0 iotlb.miss 6"
  })
  void eightPacketsThroughARingOfFour(String policy, String expected) {
    Cell cell =
        Cell.parse("stages=2 iotlb=64 workload=nic:1500:4 requests=8")
            .with(Axis.INVALIDATE, policy);
    Counts counts = Runner.run(cell).counts();
    // Rings and first buffers are mapped before the first packet.
    long before = 2 + 4;
    String[] words = expected.split(" ", -1);
    List<String> found = new ArrayList<>();
    for (int i = 0; i < words.length; i += 2) {
      found.add(words[i] + " " + (counts.get(words[i]) - (words[i].equals("map") ? before : 0)));
    }
    assertEquals(expected, String.join(" ", found), counts::toString);
  }

  @ParameterizedTest
  @CsvSource({"0, 10, 0", "1, 3, 8", "2, 4, 8"})
  void announcedBuffersDoNotMiss(int ahead, long misses, long announced) {
    Cell cell =
        Cell.parse("stages=2 iotlb=64 workload=nic:1500:4 requests=8 invalidate=strict")
            .with(Axis.PREFETCH, ahead);
    Counts counts = Runner.run(cell).counts();
    assertEquals(misses, counts.get("iotlb.miss"), counts::toString);
    assertEquals(announced, counts.get("prefetch"));
    assertEquals(counts.get("iotlb.miss") * 4, counts.get("ref"));
  }
}
