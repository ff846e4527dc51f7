package dev.nestwalk.bench.cost.workload;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.Workload;
import java.util.function.Consumer;

/**
 * An NVMe controller: of each command it reads the entry of the submission queue, the PRP list if
 * the data has more than two pages, moves the data, and writes the entry of the completion queue.
 * Seven of ten commands read the disk, which writes memory.
 */
final class Nvme implements Workload {
  private static final int COMMAND = 64;
  private static final int COMPLETION = 16;
  private static final int PAGE = 4096;
  private static final int PRP = 8;
  private static final int GIGABITS = 200;

  private final int size;
  private final int depth;

  /**
   * A controller.
   *
   * @param size bytes of a command's data
   * @param depth commands under way
   */
  Nvme(int size, int depth) {
    this.size = size;
    this.depth = depth;
  }

  /** Queues and buffers of one process. */
  private static final class User {
    final long commands;
    final long completions;
    final long lists;
    final Ring buffers;

    User(Driver driver, int depth, int size) {
      commands = driver.keep((long) depth * COMMAND);
      completions = driver.keep((long) depth * COMPLETION);
      lists = driver.keep((long) depth * listBytes(size));
      buffers = new Ring(depth);
      buffers.fill(() -> driver.map(size));
    }
  }

  /** A PRP list has whole pages. */
  private static int listBytes(int size) {
    return (size / PAGE * PRP + PAGE - 1) / PAGE * PAGE;
  }

  @Override
  public void play(Cell cell, Consumer<DmaOp> sink) {
    Driver driver = new Driver(cell, sink);
    User[] users = new User[driver.tenants() * driver.processes()];
    for (int i = 0; i < driver.requests(); i++) {
      int turn = driver.nextTurn();
      if (users[turn] == null) {
        users[turn] = new User(driver, depth, Math.max(size, PAGE));
      }
      User user = users[turn];
      int slot = user.buffers.slot();
      driver.read(user.commands + (long) slot * COMMAND, COMMAND);
      int pages = (size + PAGE - 1) / PAGE;
      if (pages > 2) {
        driver.read(user.lists + (long) slot * listBytes(size), (pages - 1L) * PRP);
      }
      if (driver.random().nextInt(10) < 7) {
        driver.write(user.buffers.buffer(0), size);
      } else {
        driver.read(user.buffers.buffer(0), size);
      }
      driver.write(user.completions + (long) slot * COMPLETION, COMPLETION);
      int mapped = Math.max(size, PAGE);
      user.buffers.replace(old -> driver.unmap(old, mapped), () -> driver.map(mapped));
      driver.done(size);
      driver.pass(Math.max(1, size * 8L / GIGABITS));
    }
  }
}
