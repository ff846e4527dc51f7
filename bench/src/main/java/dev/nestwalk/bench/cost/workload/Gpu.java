package dev.nestwalk.bench.cost.workload;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.Workload;
import java.util.function.Consumer;

/**
 * A GPU's copy engine: a transfer is a scatter-gather list, read an entry of 16 bytes at a time,
 * and the chunks that it names, each mapped on its own, read in the order of the list, which is not
 * that of their addresses.
 */
final class Gpu implements Workload {
  private static final int ENTRY = 16;
  private static final int GIGABITS = 400;

  /** Lists that a process takes by turns. */
  private static final int LISTS = 4;

  private final int size;
  private final int chunk;

  /**
   * An engine.
   *
   * @param size bytes of a transfer
   * @param chunk bytes of each piece of its list
   */
  Gpu(int size, int chunk) {
    this.size = size;
    this.chunk = chunk;
  }

  /** Buffers of one process. */
  private static final class User {
    final long list;
    final long[] chunks;
    int transfers;

    User(Driver driver, int count, int chunk) {
      list = driver.keep((long) count * ENTRY);
      chunks = new long[LISTS * count];
      for (int i = 0; i < chunks.length; i++) {
        chunks[i] = driver.map(chunk);
      }
      for (int i = chunks.length - 1; i > 0; i--) {
        int other = driver.random().nextInt(i + 1);
        long swapped = chunks[i];
        chunks[i] = chunks[other];
        chunks[other] = swapped;
      }
    }
  }

  @Override
  public void play(Cell cell, Consumer<DmaOp> sink) {
    Driver driver = new Driver(cell, sink);
    User[] users = new User[driver.tenants() * driver.processes()];
    int count = size / chunk;
    for (int i = 0; i < driver.requests(); i++) {
      int turn = driver.nextTurn();
      if (users[turn] == null) {
        users[turn] = new User(driver, count, chunk);
      }
      User user = users[turn];
      int first = user.transfers++ % LISTS * count;
      for (int entry = 0; entry < count; entry++) {
        driver.read(user.list + (long) entry * ENTRY, ENTRY);
        driver.read(user.chunks[first + entry], chunk);
      }
      for (int entry = 0; entry < count; entry++) {
        driver.unmap(user.chunks[first + entry], chunk);
        user.chunks[first + entry] = driver.map(chunk);
      }
      driver.done(size);
      driver.pass(Math.max(1, size * 8L / GIGABITS));
    }
  }
}
