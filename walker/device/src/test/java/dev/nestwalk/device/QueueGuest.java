package dev.nestwalk.device;

import dev.nestwalk.fixtures.TableMemory;

/**
 * What a guest's driver does, as far as tests of whole units need it: builds tables, switches the
 * unit on, maps, unmaps, invalidates through the queue and waits. Numbers are the specifications'.
 *
 * <p>Threads: any, once it is made; the queue has a lock, as in a driver.
 */
abstract class QueueGuest {
  static final int SOURCE = 8;
  static final int QUEUE_ENTRIES = 256;

  final TableMemory memory;
  final long queue;

  /** Entries submitted so far. */
  long submitted;

  QueueGuest(TableMemory memory) {
    this.memory = memory;
    queue = memory.allocate();
  }

  /** The unit, after reset. */
  abstract Unit unit();

  /** What a driver does at its start. */
  abstract void switchOn();

  /** Maps a page, or unmaps it (0), in the leaf alone. */
  abstract void map(long iova, long page);

  /** Invalidates a page and waits until that is done. */
  abstract void invalidate(long iova);

  /** The other end of the room for the queue: waits until an entry was taken. */
  static void until(java.util.function.BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      Thread.onSpinWait();
    }
  }

  static QueueGuest of(
      String format, TableMemory memory, UnitOptions options, long first, int pages) {
    return format.equals("vtd")
        ? new VtdQueueGuest(memory, options, first, pages)
        : new SmmuQueueGuest(memory, options, first, pages);
  }
}
