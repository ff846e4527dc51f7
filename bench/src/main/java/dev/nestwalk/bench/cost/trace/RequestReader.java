package dev.nestwalk.bench.cost.trace;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads a trace that holds sizes. */
interface RequestReader {
  /** Devices that a trace may name. */
  int MOST_UNITS = 1024;

  /**
   * The next request, null after the last.
   *
   * @throws TraceException if the trace cannot be read on
   */
  @Nullable IoRequest next() throws IOException;

  /** Lines or blocks that are no requests. */
  default long skipped() {
    return 0;
  }

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
