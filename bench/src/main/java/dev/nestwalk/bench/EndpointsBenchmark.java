package dev.nestwalk.bench;

import dev.nestwalk.Endpoint;
import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** What does a hit cost if many requesters, each with its own address space, take turns? */
@Fork(value = 1, jvmArgsAppend = "-Dnestwalk.cache.bytes=16777216")
public class EndpointsBenchmark extends TimedPerCall {
  /** Requesters; each has a page of its own. */
  @Param({"1", "64", "1024", "16384", "65535"})
  public int endpoints = 1024;

  private final Arena arena = Arena.ofConfined();
  private Endpoint[] all = {};
  private long[] addresses = {};
  private int next;

  /** Builds the tables and checks every answer. */
  @Setup(Level.Trial)
  public void build() {
    Workload.Built built = Workload.build(Workload.Mode.VTD_NESTED, 1024, 1, endpoints, arena);
    CacheOptions options = CacheOptions.DEFAULT.withIotlb(1 << 18, 4);
    all = Subjects.endpoints(built.iommu().newTranslator(options), endpoints);
    addresses = Subjects.addresses(1024, 1024, 1);
    for (int i = 0; i < endpoints; i++) {
      Subjects.checked(all[i], new long[] {addresses[i & 1023]});
    }
  }

  /** Frees the tables. */
  @TearDown(Level.Trial)
  public void close() {
    arena.close();
  }

  /** One translation by the next requester. */
  @Benchmark
  public long hit() {
    int turn = next;
    next = turn + 1 == all.length ? 0 : turn + 1;
    return all[turn].translate(addresses[turn & 1023], Access.READ);
  }
}
