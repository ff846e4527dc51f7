package dev.nestwalk.bench.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Objects;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where the modelled hardware and the product's caches are the same, so are their counts. */
class EnginesAgreeTest {
  private static CellResult timed(Cell cell) {
    return Runner.run(cell.with(Axis.ENGINE, "timed"));
  }

  /** The warm-up takes in the configuration, whose second-stage reads the product counts too. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "format=vtd stages=1",
        "format=vtd stages=2 depth=4x3",
        "format=vtd stages=2 pages2=4k:50+2m:50",
        "format=vtd",
        "format=vtd depth=5x5 tenants=3",
        "format=vtd pages1=2m pages2=4k:50+2m ram=2",
        "format=vtd pasids=3",
        "format=smmuv3 stages=1 granule=64k",
        "format=smmuv3 stages=2 granule=16k",
        "format=smmuv3",
        "format=smmuv3 depth=3x3 tenants=3",
        "format=smmuv3 depth=5x5 tenants=2",
        "format=smmuv3 depth=5x3 pages1=2m",
        "format=smmuv3 depth=4x5 pasids=2",
        "format=smmuv3 contiguous=both invalidate=strict",
        "format=smmuv3 granule=16k contiguous=both pages2=16k:30+32m",
        "format=smmuv3 granule=16k pages2=16k:30+32m",
        "format=smmuv3 pasids=3 stages=1"
      })
  void withoutCachesBothCountTheSameReferences(String text) {
    Cell cell = Cell.parse(text + " iotlb=0 workload=random:4m requests=500 warmup=50");
    Counts counted = Runner.run(cell).counts();
    Counts timed = timed(cell).counts();
    assertEquals(0, timed.get("fault"));
    assertEquals(counted.get("access"), timed.get("access"));
    assertEquals(counted.get("ref"), timed.get("ref"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "format=vtd",
        "format=vtd stages=2",
        "format=smmuv3",
        "format=smmuv3 stages=1",
        "format=vtd tenants=4 pasids=2",
        "format=vtd invalidate=strict",
        "format=vtd stages=2 invalidate=strict",
        "format=smmuv3 invalidate=strict",
        "format=smmuv3 stages=2 invalidate=strict",
        "format=smmuv3 depth=5x5 invalidate=strict",
        "format=vtd invalidate=lazy:16",
        "format=smmuv3 stages=1 invalidate=lazy:16 tenants=3"
      })
  void anIotlbThatIsLargeEnoughMissesTheSamePages(String text) {
    // Nothing ever gives way, so that policies do not matter.
    Cell cell = Cell.parse(text + " iotlb=16384x16 workload=nic:1500:32 requests=2000");
    Counts counted = Runner.run(cell).counts();
    Counts timed = timed(cell).counts();
    assertEquals(0, timed.get("fault"));
    assertEquals(counted.get("iotlb.miss"), timed.get("iotlb.miss"), counted + " " + timed);
    assertEquals(counted.get("iotlb.hit"), timed.get("iotlb.hit"));
    assertEquals(counted.get("invalidate.page"), timed.get("invalidate.page"));
    assertEquals(counted.get("invalidate.all"), timed.get("invalidate.all"));
  }

  /** Whoever's event is the first after its time: both engines drop the same at the same moment. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "format=vtd",
        "format=vtd tenants=5 order=random",
        "format=vtd stages=2 tenants=3 pasids=2 burst=7",
        "format=vtd stages=1 pasids=3 warmup=300",
        "format=vtd tenants=4 warmup=1000 workload=nvme:16k:8",
        "format=smmuv3 stages=2 tenants=2",
        "format=smmuv3 stages=1 tenants=3 pasids=2",
        "format=smmuv3 tenants=5 order=random workload=nvme:16k:8"
      })
  void aQueueThatIsNotFullIsFlushedInTime(String text) {
    String nic = text.contains("workload") ? "" : " workload=nic:1500:32";
    Cell cell =
        Cell.parse(
            text + nic + " invalidate=lazy:1000000:20000 iotlb=262144x16 pwc1=64 requests=2000");
    Counts counted = Runner.run(cell).counts();
    Counts timed = timed(cell).counts();
    long flushes = counted.get("invalidate.all");
    assertTrue(flushes > 2 && flushes < 500, flushes + " flushes");
    for (String name : List.of("invalidate.all", "iotlb.miss", "iotlb.hit", "fault")) {
      assertEquals(counted.get(name), timed.get(name), name + " of " + text);
    }
  }

  /** What came before the warm-up's end is in no count, of either engine. */
  @ParameterizedTest
  @ValueSource(
      strings = {"invalidate=strict", "invalidate=lazy:16", "invalidate=lazy:16 tenants=3"})
  void bothBeginToCountAfterTheWarmUp(String text) {
    Cell cell = Cell.parse(text + " warmup=500 requests=1000 iotlb=16384x16 workload=nic:1500:32");
    Counts counted = Runner.run(cell).counts();
    Counts timed = timed(cell).counts();
    for (String name :
        List.of("access", "request", "bytes", "iotlb.miss", "invalidate.page", "invalidate.all")) {
      assertEquals(counted.get(name), timed.get(name), name + " of " + text);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"format=vtd", "format=smmuv3 stages=2", "format=vtd invalidate=strict"})
  void timedTranslationsAllocateNothing(String text) {
    CellResult result =
        timed(
            Cell.parse(text + " iotlb=64x4 pwc1=64x1 pwc2=64x1 workload=nic:1500:128 warmup=500"));
    assertEquals(0.0, result.figures().get("allocated.bytes"));
    Histogram latencies = Objects.requireNonNull(result.histograms().get("translate.ns"));
    assertEquals(result.counts().get("access"), latencies.getTotalCount());
    assertTrue(result.figures().getOrDefault("clock.ns", 0.0) > 0);
  }
}
