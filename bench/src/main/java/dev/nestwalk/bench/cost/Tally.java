package dev.nestwalk.bench.cost;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** Counts in the making: a counter is asked for once by name, and counted up without a look-up. */
public final class Tally {
  /** One counter. */
  public static final class Counter {
    private long value;

    private Counter() {}

    /** One more. */
    public void up() {
      value++;
    }

    /** So many more. */
    public void add(long more) {
      value += more;
    }

    /** Its value. */
    public long value() {
      return value;
    }
  }

  private final Map<String, Counter> counters = new HashMap<>();

  /** All zero. */
  public Tally() {}

  /** The counter of this name. */
  public Counter counter(String name) {
    return counters.computeIfAbsent(name, any -> new Counter());
  }

  /** All counters begin anew. */
  public void reset() {
    counters.values().forEach(counter -> counter.value = 0);
  }

  /** What was counted so far. */
  public Counts counts() {
    Map<String, Long> values = new TreeMap<>();
    counters.forEach((name, counter) -> values.put(name, counter.value));
    return Counts.of(values);
  }
}
