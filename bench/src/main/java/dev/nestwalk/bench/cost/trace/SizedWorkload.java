package dev.nestwalk.bench.cost.trace;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.Workload;
import dev.nestwalk.bench.cost.workload.Driver;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Drives rings by the sizes and times of a trace: packets are received by a network interface,
 * requests to a disk go through an NVMe queue pair. Which addresses they use, and what is
 * invalidated, is the cell's policy, as for other workloads.
 */
final class SizedWorkload implements Workload {
  private static final int ENTRIES = 512;
  private static final int DESCRIPTOR = 16;
  private static final int COMMAND = 64;
  private static final int PAGE = 4096;
  private static final int PRP = 8;

  private final TraceFile file;

  SizedWorkload(TraceFile file) {
    this.file = file;
  }

  @Override
  public void play(Cell cell, Consumer<DmaOp> sink) {
    Driver driver = new Driver(cell, sink);
    boolean packets = file.format() == TraceFormat.PCAP;
    Map<Integer, Ring> rings = new HashMap<>();
    long most = (long) cell.number(Axis.WARMUP) + cell.number(Axis.REQUESTS);
    long[] done = {0};
    file.requests(
        request -> {
          if (request.unit() >= driver.tenants()) {
            throw new TraceException(
                "%s: the cell has %d tenants, expected one for each device of the trace"
                    .formatted(file, driver.tenants()));
          }
          driver.turn(request.unit(), 0);
          driver.pass(Math.max(0, request.nanoseconds() - driver.now()));
          Ring ring =
              rings.computeIfAbsent(
                  request.unit(), any -> packets ? new Packets(driver) : new Commands(driver));
          ring.request(request);
          return ++done[0] < most;
        });
    file.checkWarmUp(cell, done[0]);
  }

  /** A queue of one device, and the one that answers it. */
  private abstract static class Ring {
    final Driver driver;
    private final int entryBytes;
    private final long entries;
    private final long answers;
    private int next;
    private int nextAnswer;

    Ring(Driver driver, int entryBytes) {
      this.driver = driver;
      this.entryBytes = entryBytes;
      entries = driver.keep((long) ENTRIES * entryBytes);
      answers = driver.keep((long) ENTRIES * DESCRIPTOR);
    }

    final void fetch() {
      driver.read(entries + (long) next * entryBytes, entryBytes);
      next = (next + 1) % ENTRIES;
    }

    final void answer() {
      driver.write(answers + (long) nextAnswer * DESCRIPTOR, DESCRIPTOR);
      nextAnswer = (nextAnswer + 1) % ENTRIES;
    }

    abstract void request(IoRequest request);
  }

  /** Receives into buffers of a page that are posted ahead. */
  private static final class Packets extends Ring {
    private final Deque<Long> posted = new ArrayDeque<>();

    Packets(Driver driver) {
      super(driver, DESCRIPTOR);
      for (int i = 0; i < ENTRIES; i++) {
        posted.add(driver.map(PAGE));
      }
    }

    @Override
    void request(IoRequest request) {
      for (long left = request.bytes(); left > 0; left -= PAGE) {
        fetch();
        long buffer = posted.remove();
        driver.write(buffer, Math.min(left, PAGE));
        driver.unmap(buffer, PAGE);
        posted.add(driver.map(PAGE));
      }
      answer();
      driver.done(request.bytes());
    }
  }

  /** Commands with their data in one range of addresses, as Linux maps a scatter list. */
  private static final class Commands extends Ring {
    private final long lists;

    Commands(Driver driver) {
      super(driver, COMMAND);
      lists = driver.keep(PAGE);
    }

    @Override
    void request(IoRequest request) {
      long bytes = request.bytes();
      long buffer = driver.map(bytes);
      fetch();
      long pages = (bytes + PAGE - 1) / PAGE;
      if (pages > 2) {
        // The first entry stands in the command; a list of more than a page is read page by page.
        long list = (pages - 1) * PRP;
        for (long left = list; left > 0; left -= PAGE) {
          driver.read(lists, Math.min(left, PAGE));
        }
      }
      for (long at = 0; at < bytes; at += PAGE) {
        long piece = Math.min(PAGE, bytes - at);
        if (request.write()) {
          driver.read(buffer + at, piece);
        } else {
          driver.write(buffer + at, piece);
        }
      }
      answer();
      driver.unmap(buffer, bytes);
      driver.done(bytes);
    }
  }
}
