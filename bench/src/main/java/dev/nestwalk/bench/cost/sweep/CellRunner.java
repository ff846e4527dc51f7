package dev.nestwalk.bench.cost.sweep;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.Function;

/** Runs cells: counted ones side by side, timed ones alone and last. */
public final class CellRunner {
  private static final int SAMPLE = 400;
  private static final int MOST_SAMPLED = 5;

  /** Hears how far a run is. */
  public interface Progress {
    /** So many of so many are done. */
    void done(int cells, int of);
  }

  private final Function<Cell, CellResult> engine;
  private final int threads;

  /**
   * A runner.
   *
   * @param engine runs one cell; an {@link IllegalArgumentException} of it refuses the cell
   * @param threads counted cells under way at a time
   */
  public CellRunner(Function<Cell, CellResult> engine, int threads) {
    this.engine = engine;
    this.threads = threads;
  }

  /**
   * Runs them.
   *
   * @param sink takes each as it is done, on the calling thread
   * @throws RuntimeException what a cell throws besides a refusal, or the sink
   */
  public void run(Collection<Cell> cells, Progress progress, Consumer<Finished> sink) {
    List<Cell> counted = new ArrayList<>();
    List<Cell> timed = new ArrayList<>();
    cells.forEach(cell -> (cell.isTimed() ? timed : counted).add(cell));
    int[] done = {0};
    Consumer<Finished> told =
        finished -> {
          sink.accept(finished);
          progress.done(++done[0], cells.size());
        };
    sideBySide(counted, told);
    for (Cell cell : timed) {
      told.accept(one(cell));
    }
  }

  private void sideBySide(List<Cell> cells, Consumer<Finished> sink) {
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      CompletionService<Finished> under = new ExecutorCompletionService<>(pool);
      try {
        int begun = 0;
        for (int ended = 0; ended < cells.size(); ended++) {
          for (; begun < Math.min(cells.size(), ended + 2 * threads); begun++) {
            Cell cell = cells.get(begun);
            Future<Finished> ignored = under.submit(() -> one(cell));
          }
          sink.accept(under.take().get());
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      } catch (ExecutionException e) {
        throw e.getCause() instanceof RuntimeException told
            ? told
            : new IllegalStateException(e.getCause());
      } finally {
        pool.shutdownNow();
      }
    }
  }

  private Finished one(Cell cell) {
    try {
      return Finished.of(engine.apply(cell));
    } catch (IllegalArgumentException e) {
      return Finished.refused(cell, String.valueOf(e.getMessage()));
    }
  }

  /**
   * About how long cells will take, in seconds: some of them are run with few requests, to learn
   * what a cell and what a request costs on this machine.
   */
  public double estimate(List<Cell> cells) {
    if (cells.isEmpty()) {
      return 0;
    }
    double sum = 0;
    int sampled = 0;
    int step = Math.max(1, cells.size() / MOST_SAMPLED);
    for (int i = 0; i < cells.size() && sampled < MOST_SAMPLED; i += step) {
      Cell cell = cells.get(i).with(Axis.WARMUP, 0);
      long requests = (long) cells.get(i).number(Axis.WARMUP) + cells.get(i).number(Axis.REQUESTS);
      // The first request of each process maps its buffers, which later ones do not.
      long processes = (long) cell.number(Axis.TENANTS) * Math.max(1, cell.number(Axis.PASIDS));
      long first = Math.min(requests, processes);
      double begun = seconds(cell.with(Axis.REQUESTS, first));
      double more = seconds(cell.with(Axis.REQUESTS, first + SAMPLE));
      double each = Math.max(0, more - begun) / SAMPLE;
      sum += begun + each * (requests - first);
      sampled++;
    }
    return sum / sampled * cells.size() / threads;
  }

  private double seconds(Cell cell) {
    long start = System.nanoTime();
    Finished ignored = one(cell);
    return (System.nanoTime() - start) / 1e9;
  }
}
