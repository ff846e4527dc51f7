package dev.nestwalk.bench.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LatencyModelTest {
  private static final Counts COUNTS =
      Counts.of(
          Map.of(
              "request",
              10L,
              "bytes",
              15_000L,
              "iotlb.hit",
              20L,
              "iotlb.miss",
              10L,
              "ref",
              30L,
              "ref.config",
              4L,
              "pwc2.hit",
              9L,
              "pwc2.miss",
              1L,
              "atc.miss",
              5L,
              "invalidate.page",
              10L));

  @Test
  void timesAreSumsOfEvents() {
    // 35 look-ups x 2 + 10 x 5 + 34 x 50 + 5 x 2 x 450 ns.
    assertEquals(6_320_000, LatencyModel.DEFAULT.translation(COUNTS));
    assertEquals(632.0, LatencyModel.DEFAULT.nanosPerRequest(COUNTS));
    // 10 packets x 600 + 10 invalidations x 700 ns, nested with an exit of 2 us each.
    assertEquals(13_000_000, LatencyModel.DEFAULT.processor(COUNTS, false));
    assertEquals(33_000_000, LatencyModel.DEFAULT.processor(COUNTS, true));
    // 15,000 bytes take 600 ns at 200 Gb/s.
    assertEquals(600.0 / 6320, LatencyModel.DEFAULT.shareOfLine(COUNTS, 200), 1e-12);
    assertEquals(1.0, LatencyModel.DEFAULT.shareOfLine(COUNTS, 10), 1e-12);
  }

  /** In nanoseconds: of the unit, of a processor without guests, and with one. */
  @ParameterizedTest
  @CsvSource({
    "iotlb.hit, 3, 0, 0", "iotlb.miss, 3, 0, 0", "atc.hit, 3, 0, 0", "atc.miss, 7, 0, 0",
    "pwc1.hit, 4, 0, 0", "pwc1.miss, 4, 0, 0", "pwc2.hit, 4, 0, 0", "pwc2.miss, 4, 0, 0",
    "ntlb.hit, 4, 0, 0", "ntlb.miss, 4, 0, 0", "ref, 1, 0, 0", "ref.config, 1, 0, 0",
    "prefetch.ref, 0, 0, 0", "request, 0, 6, 6", "map, 0, 7, 7", "unmap, 0, 8, 8",
    "invalidate.page, 0, 9, 20", "invalidate.all, 0, 10, 21", "bytes, 0, 0, 0",
  })
  void eachEventHasItsTime(String event, long unit, long processor, long nested) {
    LatencyModel model =
        LatencyModel.parse(
            "dram=1,pcie=2,iotlb=3,cache=4,packet=6,map=7,unmap=8,invalidate=9,flush=10,trap=11");
    Counts counts = Counts.of(Map.of(event, 5L));
    assertEquals(5000 * unit, model.translation(counts));
    assertEquals(5000 * processor, model.processor(counts, false));
    assertEquals(5000 * nested, model.processor(counts, true));
  }

  @Test
  void aUsersNumbersReplaceTheDefaults() {
    LatencyModel own = LatencyModel.parse("dram=100,walkers=2");
    assertEquals(6_320_000 + 34 * 50_000, own.translation(COUNTS));
    assertEquals(600.0 * 2 / (6320 + 1700), own.shareOfLine(COUNTS, 200), 1e-12);
    LatencyModel every =
        LatencyModel.parse(
            "dram=1,pcie=2,iotlb=3,cache=4,walkers=5,packet=6,map=7,unmap=8,invalidate=9,flush=10,"
                + "trap=11");
    assertEquals(every, LatencyModel.parse(every.toString()));
    assertEquals(LatencyModel.DEFAULT, LatencyModel.parse(LatencyModel.DEFAULT.toString()));
    for (String text :
        List.of("dram", "dram=x", "ram=3", "dram=-1", "dram=5,", "walkers=0", "dram=1,dram=2")) {
      String message =
          assertThrows(IllegalArgumentException.class, () -> LatencyModel.parse(text)).toString();
      assertTrue(message.contains("latency") && !message.contains("\n"), message);
    }
  }
}
