package dev.nestwalk.bench;

import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** What does the question "is this address reserved" cost, depending on the number of regions? */
public class RegionLookupBenchmark extends TimedPerCall {
  private static final int ADDRESSES = 1 << 12;
  private static final long STEP = 1L << 24;

  /** Disjoint regions, each covering a sixteenth of its share of the addresses. */
  @Param({"2", "100", "10000"})
  public int regions = 10_000;

  /** Whether addresses are close to each other, like those of a device's buffers, or anywhere. */
  @Param({"NEAR", "ANYWHERE"})
  public String addresses = "NEAR";

  private RegionSet set = RegionSet.EMPTY;
  private long[] asked = {};
  private int next;

  /** Builds the set and checks the answers. */
  @Setup(Level.Trial)
  public void build() {
    List<Region> all = new ArrayList<>();
    for (int i = 0; i < regions; i++) {
      all.add(new Region(i * STEP, i * STEP + STEP / 16 - 1, RegionKind.RESERVED));
    }
    set = RegionSet.of(all);
    SplittableRandom random = new SplittableRandom(1);
    long extent = addresses.equals("NEAR") ? Math.min(2, regions) * STEP : regions * STEP;
    asked = random.longs(ADDRESSES, 0, extent).toArray();
    for (long address : asked) {
      if (set.isReserved(address) != address % STEP < STEP / 16) {
        throw new IllegalStateException("wrong answer for " + address);
      }
    }
  }

  /** One question. */
  @Benchmark
  public @Nullable RegionKind kind() {
    int at = next;
    next = at + 1 & ADDRESSES - 1;
    return set.kindAt(asked[at]);
  }
}
