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

  private static final int POWER = 2;
  private static final int ERROR_RECOVERY = 5;
  private static final int WRITE_CACHE = 6;
  private static final int VECTOR = 9;

  /** DULBE: errors for reads of deallocated blocks. */
  private static final int DEALLOCATED_IS_ERROR = 1 << 16;

  private static final int QUEUES = Nvme.QUEUES - 2 | (Nvme.QUEUES - 2) << 16;

  private final Map<Integer, Integer> values = new HashMap<>();

  /** Whether there is such a feature. */
  static boolean has(int id) {
    // Arbitration, power, temperature, error recovery, write cache, queues, coalescing, vectors,
    // atomicity, events.
    return id == 1 || id == 2 || id >= 4 && id <= 0x0b;
  }

  /** The value after power-on. */
  static int initial(int id) {
    return id == NUMBER_OF_QUEUES ? QUEUES : id == WRITE_CACHE ? 1 : 0;
  }

  /** The present value. */
  int get(int id) {
    return values.getOrDefault(id, initial(id));
  }

  /** Whether a feature can have a value. */
  static boolean takes(int id, int value) {
    return switch (id) {
      case POWER -> (value & 0x1f) == 0; // the only power state
      case ERROR_RECOVERY -> (value & DEALLOCATED_IS_ERROR) == 0;
      case VECTOR -> (value & 0xffff) == 0; // the only vector
      case NUMBER_OF_QUEUES -> (value & 0xffff) != 0xffff && value >>> 16 != 0xffff;
      default -> true;
    };
  }

  /** Whether this value switches the volatile write cache off. */
  static boolean endsWriteCache(int id, int value) {
    return id == WRITE_CACHE && (value & 1) == 0;
  }

  /** Whether a write may be complete before it is durable. */
  boolean hasWriteCache() {
    return (get(WRITE_CACHE) & 1) != 0;
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
