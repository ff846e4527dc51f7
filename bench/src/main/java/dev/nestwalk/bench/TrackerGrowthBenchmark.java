package dev.nestwalk.bench;

import dev.nestwalk.region.AddressSet;
import dev.nestwalk.region.Device;
import dev.nestwalk.region.Hwpt;
import dev.nestwalk.region.Ioas;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionException;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.Tracker;
import dev.nestwalk.region.Unit;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;

/**
 * Does the tracker's work grow with the number of mappings and devices, or with its square? Divide
 * the times by {@code count}.
 */
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class TrackerGrowthBenchmark extends TimedPerCall {
  private static final long MEMORY = 0x7f00_0000_0000L;
  private static final AddressSet.Range ALL = new AddressSet.Range(0, Ioas.LAST);

  /** Mappings, or devices. */
  @Param({"100", "1000", "10000"})
  public int count = 1000;

  /** Maps wherever there is room, then unmaps each. */
  @Benchmark
  public long chosenMappings() throws RegionException {
    Ioas ioas = new Ioas();
    long[] at = new long[count];
    for (int i = 0; i < count; i++) {
      at[i] = ioas.map(4096L << (i & 3), MEMORY, Ioas.READ);
    }
    long bytes = 0;
    for (int i = 0; i < count; i++) {
      bytes += ioas.unmap(at[i], 4096L << (i & 3));
    }
    return bytes;
  }

  /** Attaches devices, each with regions of its own, to one table, and asks after each. */
  @Benchmark
  public boolean attachedDevices() throws RegionException {
    Tracker tracker = new Tracker(Policy.LINUX_7_2);
    Ioas ioas = new Ioas();
    Hwpt table = null;
    for (int i = 0; i < count; i++) {
      long first = (1L << 32) + i * 0x10_0000L;
      Region own = new Region(first, first + 0xffff, RegionKind.RESERVED);
      Device device = tracker.bind("d" + i, "g" + i, Unit.VTD, List.of(own, Region.X86_MSI), false);
      if (table == null) {
        table = tracker.allocate(device, ioas, Hwpt.Kind.PAGING, ALL, 4096, Hwpt.Options.DEFAULT);
      }
      tracker.attach(device, Tracker.RID, table);
    }
    return ioas.reserved().contains(1L << 32);
  }
}
