package dev.nestwalk.bench.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.nestwalk.bench.cost.workload.Workloads;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeterminismTest {
  private static final List<String> CELLS =
      List.of(
          "workload=nic:imix:16 tenants=5 order=random invalidate=lazy:8 iotlb=16x4random",
          "workload=nvme:64k:4 format=smmuv3 pasids=2 invalidate=strict iotlb=16x4plru-hash",
          "workload=gpu:256k:16k stages=2 pages2=4k:60+2m iotlb=16x2fifo-split pwc2=4x4",
          "workload=random:8m atc=16x4 tenants=3 burst=3 ntlb=8x2 pwc1=4x2 pwc2=4x2");

  private static Map<String, Counts> shard(int number, int of) {
    Map<String, Counts> results = new TreeMap<>();
    for (int i = 0; i < CELLS.size(); i++) {
      if (i % of == number) {
        Cell cell = Cell.parse(CELLS.get(i) + " requests=150");
        results.put(cell.text(), Runner.run(cell).counts());
      }
    }
    return results;
  }

  @Test
  void countsAreTheSameInEveryRunInEveryShardAndUnderEveryLocale() {
    Map<String, Counts> whole = shard(0, 1);
    Map<String, Counts> merged = new TreeMap<>();
    Locale before = Locale.getDefault();
    try {
      Locale.setDefault(Locale.forLanguageTag("ar-EG"));
      for (int i = 2; i >= 0; i--) {
        merged.putAll(shard(i, 3));
      }
    } finally {
      Locale.setDefault(before);
    }
    assertEquals(whole, merged);
  }

  /** Numbers written down once, on another machine than yours: any change has to be meant. */
  @Test
  void countsAreTheseOnEveryMachine() {
    Cell cell =
        Cell.parse(
            "workload=nic:imix:16 tenants=3 order=random iotlb=16x4 pwc1=4x4 pwc2=4x4 ntlb=4x4"
                + " invalidate=strict requests=500 warmup=100");
    Counts counts = Runner.run(cell).counts();
    assertEquals("1500 500 ", counts.get("access") + " " + counts.get("request") + " ");
    assertEquals(Runner.run(cell).counts(), counts);
    assertNotEquals(Runner.run(cell.with(Axis.SEED, 2)).counts(), counts);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nic:9000:4",
        "nic:imix:4",
        "nvme:1m:2",
        "nvme:512:2",
        "gpu:64k:4k",
        "scan:1m",
        "random:1m:512"
      })
  void workloadsTouchOnlyWhatIsMappedAndTimeNeverFalls(String text) {
    for (String policy : List.of("strict", "lazy:3", "pool", "huge")) {
      Cell cell =
          Cell.parse("tenants=2 requests=40 warmup=3 workload=" + text)
              .with(Axis.INVALIDATE, policy);
      Counts counts = Runner.run(cell).counts();
      assertEquals(0, counts.get("fault"), text + " " + policy);
      assertEquals(40, counts.get("request"), text);
      List<Long> times = new ArrayList<>(List.of(0L));
      Workloads.of(text)
          .play(
              cell,
              op -> {
                assertEquals(true, op.nanoseconds() >= times.getLast());
                times.set(0, op.nanoseconds());
              });
    }
  }
}
