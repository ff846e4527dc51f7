package dev.nestwalk.bench.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.bench.cost.workload.Driver;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** The example of the documentation: a workload of one's own, found on the class path. */
class OwnWorkloadTest {
  // begin own-workload
  /** A device that copies: reads a page of one buffer, writes a page of another. */
  public static final class Copy implements Workload.Provider {
    @Override
    public String name() {
      return "copy";
    }

    @Override
    public String help() {
      return "copy[:PAGES]: copies a buffer of so many pages, page by page, 256";
    }

    @Override
    public Workload make(String parameters) {
      int pages = parameters.isEmpty() ? 256 : Axis.number(parameters, 1, 1 << 16);
      return (cell, sink) -> play(new Driver(cell, sink), pages);
    }

    private static void play(Driver driver, int pages) {
      for (int request = 0; request < driver.requests(); request++) {
        driver.nextTurn();
        long from = driver.map(pages * 4096L);
        long to = driver.map(pages * 4096L);
        for (int page = 0; page < pages; page++) {
          driver.read(from + page * 4096L, 4096);
          driver.write(to + page * 4096L, 4096);
        }
        driver.unmap(from, pages * 4096L);
        driver.unmap(to, pages * 4096L);
        driver.done(pages * 4096L);
      }
    }
  }

  // end own-workload

  /** Without a provider. */
  private static final Workload LAMBDA =
      (Cell cell, Consumer<DmaOp> sink) -> Copy.play(new Driver(cell, sink), 8);

  @Test
  void aProviderOnTheClassPathIsFoundByItsName() {
    Cell cell = Cell.parse("workload=copy:8 requests=10 tenants=2 invalidate=strict iotlb=0");
    Counts counts = Runner.run(cell).counts();
    assertEquals(160, counts.get("access"));
    assertEquals(160 * 24, counts.get("ref"));
    assertEquals(20, counts.get("unmap"));
    assertEquals(10 * 8 * 4096, counts.get("bytes"));
    assertEquals(counts, Runner.run(cell, LAMBDA).counts());
  }
}
