package dev.nestwalk.iotlb;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Each counter adds up by itself, and all begin again together. */
final class WalkCountersTest {
  @Test
  void eachCounterAddsUp() {
    WalkCounters counters = new WalkCounters();
    for (int i = 0; i < 2; i++) {
      counters.addHits(1);
      counters.addMisses(2);
      counters.addEviction();
      counters.addReferences(4);
      counters.addFirstStageHits(5);
      counters.addSecondStageHits(6);
      counters.addNestedHits(7);
    }
    assertEquals(
        "hits 2, misses 4, evictions 2, references 8; "
            + "structure hits: first stage 10, second stage 12, nested 14",
        counters.toString());
    assertEquals(2, counters.hits());
    assertEquals(4, counters.misses());
    assertEquals(2, counters.evictions());
    assertEquals(8, counters.references());
    assertEquals(10, counters.firstStageHits());
    assertEquals(12, counters.secondStageHits());
    assertEquals(14, counters.nestedHits());
    counters.reset();
    assertEquals(new WalkCounters().toString(), counters.toString());
  }
}
