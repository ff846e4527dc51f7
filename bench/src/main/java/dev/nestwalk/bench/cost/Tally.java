package dev.nestwalk.bench.cost;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** Counters by name. A counter is looked up once and then incremented directly. */
public final class Tally {
  /** One counter. */
  public static final class Counter {
    private long value;

    private Counter() {}

    /** Adds one. */
    public void up() {
      value++;
    }

    /** Adds a number. */
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

  /** Resets all counters. */
  public void reset() {
    counters.values().forEach(counter -> counter.value = 0);
  }

  /** The counts so far. */
  public Counts counts() {
    Map<String, Long> values = new TreeMap<>();
    counters.forEach((name, counter) -> values.put(name, counter.value));
    return Counts.of(values);
  }
}
