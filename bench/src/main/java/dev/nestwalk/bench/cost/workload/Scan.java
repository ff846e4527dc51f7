package dev.nestwalk.bench.cost.workload;

import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.Workload;
import java.util.function.Consumer;

/** Reads of one buffer of each process, a piece a request: in order, or at random. */
final class Scan implements Workload {
  private final long size;
  private final int piece;
  private final boolean random;

  Scan(long size, int piece, boolean random) {
    this.size = size;
    this.piece = piece;
    this.random = random;
  }

  @Override
  public void play(Cell cell, Consumer<DmaOp> sink) {
    Driver driver = new Driver(cell, sink);
    int users = driver.tenants() * driver.processes();
    long[] buffers = new long[users];
    long[] next = new long[users];
    boolean[] mapped = new boolean[users];
    long pieces = size / piece;
    for (int i = 0; i < driver.requests(); i++) {
      int user = driver.nextTurn();
      if (!mapped[user]) {
        buffers[user] = driver.keep(size);
        mapped[user] = true;
      }
      long at = random ? driver.random().nextLong(pieces) : next[user]++ % pieces;
      driver.read(buffers[user] + at * piece, piece);
      driver.done(piece);
    }
  }
}
