package dev.nestwalk.live;

import java.util.HashMap;
import java.util.Map;

/**
 * The features of a controller that a driver may set (NVM Express Base 1.4, 5.21.1).
 *
 * <p>Threads: belongs to the device's.
 */
final class NvmeFeatures {
  /** Numbers of I/O queues, less one each: completion queues in 31..16, submission in 15..0. */
  static final int NUMBER_OF_QUEUES = 7;

  /** Capabilities of each feature: changeable, not saveable. */
  static final int CHANGEABLE = 4;

  private static final int WRITE_CACHE = 6;
  private static final int QUEUES = Nvme.QUEUES - 2 | (Nvme.QUEUES - 2) << 16;

  private final Map<Integer, Integer> values = new HashMap<>();

  /** Whether there is such a feature. */
  static boolean has(int id) {
    // Arbitration, power, temperature, error recovery, write cache, queues, coalescing, vectors,
    // atomicity, events.
    return id == 1 || id == 2 || id >= 4 && id <= 0x0b;
  }

  private static int initial(int id) {
    return id == NUMBER_OF_QUEUES ? QUEUES : id == WRITE_CACHE ? 1 : 0;
  }

  /** The present value. */
  int get(int id) {
    return values.getOrDefault(id, initial(id));
  }

  /** Sets a value, unless it is fixed. */
  void set(int id, int value) {
    if (id != NUMBER_OF_QUEUES) {
      values.put(id, value);
    }
  }

  /** Restores the values after power-on. */
  void clear() {
    values.clear();
  }
}
