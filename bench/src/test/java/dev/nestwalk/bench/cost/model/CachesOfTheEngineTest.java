package dev.nestwalk.bench.cost.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.Counts;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.LatencyModel;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a few events leave in the modelled caches, and what invalidations take from them. */
class CachesOfTheEngineTest {
  private static final long USED = 0x4000_0000L;
  private static final long GONE = 0x4010_0000L;
  private static final long PAGE = 4096;

  private static Counts play(String cell, DmaOp... ops) {
    return CountedEngine.run(Cell.parse(cell), (any, sink) -> List.of(ops).forEach(sink));
  }

  private static DmaOp map(long iova) {
    return DmaOp.map(1, -1, iova, 4 * PAGE, 0);
  }

  private static DmaOp unmap(long nanoseconds) {
    return DmaOp.unmap(1, -1, GONE, 4 * PAGE, nanoseconds);
  }

  private static DmaOp access(long iova, long nanoseconds) {
    return DmaOp.access(1, -1, iova, 64, false, nanoseconds);
  }

  /** A flush drops the partial walks of the stage that the driver writes, and no others. */
  @ParameterizedTest
  @CsvSource({"1, pwc1.hit", "2, pwc2.hit", "nested, pwc1.hit"})
  void aFlushDropsPartialWalks(String stages, String hits) {
    String cell = "stages=%s pwc1=64x8lru pwc2=64x8lru invalidate=lazy:1".formatted(stages);
    Counts kept = play(cell, map(USED), map(GONE), access(USED, 0), access(USED + PAGE, 0));
    assertTrue(kept.get(hits) > 0, kept::toString);
    Counts flushed =
        play(cell, map(USED), map(GONE), access(USED, 0), unmap(1), access(USED + PAGE, 2));
    assertEquals(1, flushed.get("invalidate.all"));
    assertEquals(kept.get("walk"), flushed.get("walk"));
    assertTrue(flushed.get(hits) < kept.get(hits), flushed::toString);
  }

  @ParameterizedTest
  @ValueSource(strings = {"iotlb", "atc"})
  void aSecondAccessHitsUnlessAFlushComesBetween(String cache) {
    String cell = "atc=%s invalidate=lazy:1".formatted(cache.equals("atc") ? "64x8lru" : "0");
    Counts kept = play(cell, map(USED), map(GONE), access(USED, 0), access(USED + 64, 1));
    assertEquals(1, kept.get(cache + ".hit"), kept::toString);
    Counts flushed =
        play(cell, map(USED), map(GONE), access(USED, 0), unmap(1), access(USED + 64, 2));
    assertEquals(0, flushed.get(cache + ".hit"), flushed::toString);
    assertEquals(2, flushed.get("walk"), flushed::toString);
  }

  /** What waits for a flush is flushed by the first access after its time, not before. */
  @ParameterizedTest
  @CsvSource({"599, 0", "600, 1", "1000, 1"})
  void aFlushIsDueAfterItsTime(long at, long flushes) {
    Counts counts =
        play("invalidate=lazy:100:500", map(USED), map(GONE), unmap(100), access(USED, at));
    assertEquals(flushes, counts.get("invalidate.all"));
  }

  /** From the first buffer that waits on, whatever comes later. */
  @Test
  void aLaterBufferDoesNotPutAFlushOff() {
    DmaOp other = DmaOp.unmap(1, -1, USED, 4 * PAGE, 400);
    long third = USED + (1L << 21);
    Counts counts =
        play(
            "invalidate=lazy:100:500",
            map(USED),
            map(GONE),
            map(third),
            unmap(100),
            other,
            access(third, 600));
    assertEquals(1, counts.get("invalidate.all"));
  }

  @Test
  void countingBeginsAfterTheWarmUp() {
    DmaOp end = DmaOp.request(1, -1, 64, 0);
    Counts counts = play("warmup=1", map(USED), access(USED, 0), end, access(USED + PAGE, 1), end);
    assertEquals(1, counts.get("request"));
    assertEquals(1, counts.get("access"));
    assertEquals(64, counts.get("bytes"));
  }

  /** A strict driver invalidates each page of the buffer, the last one too. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void eachPageOfABufferIsInvalidated(int page) {
    long at = GONE + page * PAGE;
    Counts counts =
        play("invalidate=strict", map(GONE), access(at, 0), unmap(1), map(GONE), access(at, 2));
    assertEquals(0, counts.get("iotlb.hit"), counts::toString);
    assertEquals(2, counts.get("walk"), counts::toString);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "2", "nested"})
  void whatIsTranslatedAheadCostsNoTime(String stages) {
    Counts counts =
        play("stages=" + stages, map(USED), DmaOp.prefetch(1, -1, USED, 64, 0), access(USED, 1));
    assertEquals(0, counts.get("walk"), counts::toString);
    assertEquals(0, counts.get("ref"), counts::toString);
    assertEquals(1, counts.get("iotlb.hit"));
    assertTrue(counts.get("prefetch.ref") > 0);
  }

  /** Whatever caches a walk asks in advance: it counts as nothing that takes time. */
  @ParameterizedTest
  @CsvSource({
    "format=vtd stages=1, 4",
    "format=vtd stages=2, 4",
    "format=vtd, 24",
    "format=smmuv3 stages=1, 4",
    "format=smmuv3 stages=2, 4",
    "format=smmuv3, 24"
  })
  void aWalkInAdvanceIsBilledForNoCacheThatItAsks(String format, long reads) {
    String cell = format + " pwc1=64x8lru pwc2=64x8lru ntlb=64x8lru";
    DmaOp first = DmaOp.prefetch(1, -1, USED, 64, 0);
    DmaOp beside = DmaOp.prefetch(1, -1, USED + PAGE, 64, 0);
    Counts counts = play(cell, map(USED), first, beside);
    assertEquals(Set.of("map", "prefetch", "prefetch.ref"), counts.all().keySet());
    assertEquals(0, LatencyModel.DEFAULT.translation(counts));
    long ahead = counts.get("prefetch.ref");
    assertTrue(ahead > 0 && ahead < 2 * reads, "the caches save reads all the same: " + ahead);
    // A walk that somebody waits for finds what those have left in the caches.
    Counts waiting = play(cell, map(USED), first, access(USED + PAGE, 1));
    assertEquals(ahead, waiting.get("prefetch.ref") + waiting.get("ref"), waiting::toString);
    assertTrue(waiting.get("pwc1.hit") + waiting.get("pwc2.hit") > 0, waiting::toString);
  }
}
