package dev.nestwalk.bench.cost.trace;

import java.util.LinkedHashMap;
import java.util.Map;

/** Reads a trace that holds sizes. */
interface RequestReader extends EventReader<IoRequest> {
  /** Devices that a trace may name. */
  int MOST_UNITS = 1024;

  /** Numbers of devices by their names. */
  final class Units {
    private final Map<String, Integer> numbers = new LinkedHashMap<>();

    /** The number of a device, -1 if there are too many. */
    int of(String name) {
      Integer known = numbers.get(name);
      if (known != null) {
        return known;
      }
      if (numbers.size() == MOST_UNITS) {
        return -1;
      }
      numbers.put(name, numbers.size());
      return numbers.size() - 1;
    }
  }
}
