package dev.nestwalk.bench.cost;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The time of each counted event in picoseconds. Counts multiplied by these give times, in integer
 * arithmetic. The defaults of {@code dram}, {@code pcie}, {@code iotlb} and {@code cache} are those
 * of HyperSIO, the simulator of HyperTRIO (ISCA 2020); what a processor does is assumed. Users may
 * supply the times of their machine.
 *
 * @param dram a read of an entry that is in no cache
 * @param pcie one way over PCIe, which a device TLB's request takes twice
 * @param iotlb a lookup in the IOTLB or a device TLB
 * @param cache a lookup in the walk caches of one stage
 * @param walkers number of walks that the unit does at the same time
 * @param packet processor time of a request, without mapping
 * @param map processor time to map a buffer
 * @param unmap processor time to unmap one
 * @param invalidate processor time to invalidate a buffer's pages and wait
 * @param flush processor time to invalidate everything and wait
 * @param trap additional time of a guest's invalidation for an exit to the host; nested only
 */
public record LatencyModel(
    long dram,
    long pcie,
    long iotlb,
    long cache,
    int walkers,
    long packet,
    long map,
    long unmap,
    long invalidate,
    long flush,
    long trap) {
  private static final int MOST_WALKERS = 1024;
  private static final int LONGEST = 1_000_000_000;
  private static final List<String> NAMES =
      List.of(
          "dram",
          "pcie",
          "iotlb",
          "cache",
          "walkers",
          "packet",
          "map",
          "unmap",
          "invalidate",
          "flush",
          "trap");

  /** The defaults. */
  public static final LatencyModel DEFAULT =
      new LatencyModel(
          50_000, 450_000, 2_000, 5_000, 1, 600_000, 500_000, 300_000, 700_000, 2_000_000,
          2_000_000);

  /**
   * Parses times in nanoseconds, such as {@code dram=70,pcie=300,walkers=4}; the others have their
   * defaults.
   *
   * @throws IllegalArgumentException with a message of one line for another name or number
   */
  public static LatencyModel parse(String text) {
    Map<String, Long> times = new TreeMap<>();
    for (String pair : text.split(",", -1)) {
      String[] halves = pair.split("=", 2);
      if (halves.length != 2 || !NAMES.contains(halves[0])) {
        throw new IllegalArgumentException(
            "latency '%s': expected NAME=NANOSECONDS with one of %s"
                .formatted(pair, String.join(", ", NAMES)));
      }
      try {
        boolean walks = halves[0].equals("walkers");
        long time = Axis.number(halves[1], walks ? 1 : 0, walks ? MOST_WALKERS : LONGEST);
        if (times.put(halves[0], time) != null) {
          throw new IllegalArgumentException("stands twice");
        }
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("latency " + halves[0] + ": " + e.getMessage(), e);
      }
    }
    LatencyModel known = DEFAULT;
    return new LatencyModel(
        picoseconds(times, "dram", known.dram),
        picoseconds(times, "pcie", known.pcie),
        picoseconds(times, "iotlb", known.iotlb),
        picoseconds(times, "cache", known.cache),
        times.getOrDefault("walkers", (long) known.walkers).intValue(),
        picoseconds(times, "packet", known.packet),
        picoseconds(times, "map", known.map),
        picoseconds(times, "unmap", known.unmap),
        picoseconds(times, "invalidate", known.invalidate),
        picoseconds(times, "flush", known.flush),
        picoseconds(times, "trap", known.trap));
  }

  /** All times as {@link #parse} reads them. */
  @Override
  public String toString() {
    // Plain joining: formats write digits as the user's language does.
    return "dram="
        + dram / 1000
        + ",pcie="
        + pcie / 1000
        + ",iotlb="
        + iotlb / 1000
        + ",cache="
        + cache / 1000
        + ",walkers="
        + walkers
        + ",packet="
        + packet / 1000
        + ",map="
        + map / 1000
        + ",unmap="
        + unmap / 1000
        + ",invalidate="
        + invalidate / 1000
        + ",flush="
        + flush / 1000
        + ",trap="
        + trap / 1000;
  }

  private static long picoseconds(Map<String, Long> times, String name, long known) {
    Long nanoseconds = times.get(name);
    return nanoseconds == null ? known : 1000 * nanoseconds;
  }

  /** Time of all translations in sequence; translations in advance cost no time. */
  public long translation(Counts counts) {
    long lookups =
        counts.get("iotlb.hit")
            + counts.get("iotlb.miss")
            + counts.get("atc.hit")
            + counts.get("atc.miss");
    long caches =
        counts.get("pwc1.hit")
            + counts.get("pwc1.miss")
            + counts.get("pwc2.hit")
            + counts.get("pwc2.miss")
            + counts.get("ntlb.hit")
            + counts.get("ntlb.miss");
    long reads = counts.get("ref") + counts.get("ref.config");
    return lookups * iotlb + caches * cache + reads * dram + counts.get("atc.miss") * 2 * pcie;
  }

  /** Processor time of all requests, including maps, unmaps and invalidations. */
  public long processor(Counts counts, boolean nested) {
    long exits = nested ? trap : 0;
    return counts.get("request") * packet
        + counts.get("map") * map
        + counts.get("unmap") * unmap
        + counts.get("invalidate.page") * (invalidate + exits)
        + counts.get("invalidate.all") * (flush + exits);
  }

  /** Average translation time of a request in nanoseconds. */
  public double nanosPerRequest(Counts counts) {
    return translation(counts) / 1e3 / Math.max(1, counts.get("request"));
  }

  /**
   * Share of line rate that the unit sustains, 0 to 1: limited by the wire and by the translations,
   * of which {@link #walkers} proceed at the same time.
   *
   * @param gigabits per second
   */
  public double shareOfLine(Counts counts, int gigabits) {
    return share(wire(counts, gigabits), translation(counts) / (double) walkers);
  }

  /**
   * Share of line rate that one processor core sustains, 0 to 1.
   *
   * @param gigabits per second
   */
  public double shareOfCore(Counts counts, int gigabits, boolean nested) {
    return share(wire(counts, gigabits), (double) processor(counts, nested));
  }

  private static double wire(Counts counts, int gigabits) {
    return counts.get("bytes") * 8.0 * 1000 / gigabits;
  }

  private static double share(double wire, double other) {
    return wire <= 0 ? 0 : wire / Math.max(wire, other);
  }
}
