package dev.nestwalk.region;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** An address space beside a naive one, an array of pages, through a million random operations. */
class RandomIoasTest {
  private static final int PAGES = 256;
  private static final int OWNERS = 6;
  private static final int OPERATIONS = 1_000_000;
  private static final long PAGE = World.PAGE;

  /** What every page is, kept as plainly as can be. */
  private static final class Naive {
    final int[][] reserved = new int[OWNERS][PAGES];
    final int[] mapping = new int[PAGES];
    final boolean[] allowed = new boolean[PAGES];
    boolean anyAllowed;
    int mappings;

    boolean isReserved(int page) {
      return Arrays.stream(reserved).anyMatch(owner -> owner[page] != 0);
    }

    boolean any(int first, int count, java.util.function.IntPredicate what) {
      for (int page = first; page < first + count; page++) {
        if (what.test(page)) {
          return true;
        }
      }
      return false;
    }

    String reserve(int owner, int first, int count) {
      if (any(first, count, page -> mapping[page] != 0 || allowed[page])) {
        return "EADDRINUSE";
      }
      for (int page = first; page < first + count; page++) {
        reserved[owner][page]++;
      }
      return "ok";
    }

    String map(int first, int count) {
      if (any(first, count, this::isReserved)) {
        return "EINVAL";
      }
      if (any(first, count, page -> mapping[page] != 0)) {
        return "EEXIST";
      }
      Arrays.fill(mapping, first, first + count, ++mappings);
      return "ok";
    }

    String choose(int count) {
      int alignment = count == 1 ? 1 : Integer.highestOneBit(count - 1) << 1;
      for (int first = alignment; first + count <= PAGES; first += alignment) {
        boolean free =
            !any(first, count, page -> mapping[page] != 0 || isReserved(page))
                && (!anyAllowed || !any(first, count, page -> !allowed[page]));
        if (free) {
          Arrays.fill(mapping, first, first + count, ++mappings);
          return "ok " + first;
        }
      }
      return "ENOSPC";
    }

    String unmap(int first, int count) {
      int bytes = 0;
      boolean some = false;
      for (int page = first; page < first + count; page++) {
        int id = mapping[page];
        if (id == 0) {
          continue;
        }
        some = true;
        boolean before = page == first && page > 0 && mapping[page - 1] == id;
        int end = page;
        while (end < PAGES && mapping[end] == id) {
          end++;
        }
        if (before || end > first + count) {
          return "ENOENT";
        }
        Arrays.fill(mapping, page, end, 0);
        bytes += end - page;
      }
      return some ? "ok " + bytes : "ENOENT";
    }

    String allow(int first, int count) {
      if (any(first, count, this::isReserved)) {
        return "EADDRINUSE";
      }
      Arrays.fill(allowed, false);
      Arrays.fill(allowed, first, first + count, true);
      anyAllowed = count != 0;
      return "ok";
    }

    String usable() {
      List<AddressSet.Range> ranges = new ArrayList<>();
      for (int page = 0; page < PAGES; page++) {
        if (!isReserved(page)) {
          int first = page;
          while (page + 1 < PAGES && !isReserved(page + 1)) {
            page++;
          }
          ranges.add(World.range(first * PAGE, (page + 1) * PAGE - 1));
        }
      }
      return World.text(ranges);
    }
  }

  private interface Operation {
    String run() throws RegionException;
  }

  private static String outcome(Operation operation) {
    try {
      return operation.run();
    } catch (RegionException e) {
      return e.errno().toString();
    }
  }

  private final SplittableRandom random = new SplittableRandom(20261125);
  private final Naive naive = new Naive();
  private final Ioas ioas = new Ioas();

  @Test
  void aMillionOperationsEqualTheNaiveModel() throws RegionException {
    ioas.reserve("beyond", List.of(World.range(PAGES * PAGE, World.UMAX)));
    int refused = 0;
    for (int n = 0; n < OPERATIONS; n++) {
      String expected = step(n);
      refused += expected.startsWith("E") ? 1 : 0;
      if (n % 1000 == 0) {
        assertEquals(naive.usable(), World.usable(ioas), "operation " + n);
      }
    }
    assertTrue(refused > OPERATIONS / 10 && refused < OPERATIONS * 9 / 10, refused + " refused");
  }

  private String step(int n) {
    int first = random.nextInt(PAGES);
    int count = 1 + random.nextInt(Math.min(PAGES - first, random.nextInt(4) == 0 ? 64 : 6));
    int owner = random.nextInt(OWNERS);
    String expected;
    String found;
    switch (random.nextInt(10)) {
      case 0 -> {
        expected = naive.reserve(owner, first, count);
        found =
            outcome(
                () -> {
                  ioas.reserve("owner" + owner, first * PAGE, count * PAGE);
                  return "ok";
                });
      }
      case 1, 2 -> {
        Arrays.fill(naive.reserved[owner], 0);
        ioas.removeOwner("owner" + owner);
        return "ok";
      }
      case 3 -> {
        int kept = random.nextInt(3) == 0 ? 0 : count;
        expected = naive.allow(first, kept);
        found =
            outcome(
                () -> {
                  ioas.allow(
                      kept == 0
                          ? List.of()
                          : List.of(World.range(first * PAGE, (first + kept) * PAGE - 1)));
                  return "ok";
                });
      }
      case 4, 5 -> {
        expected = naive.map(first, count);
        found =
            outcome(
                () -> {
                  World.fixed(ioas, first * PAGE, count * PAGE);
                  return "ok";
                });
      }
      case 6 -> {
        expected = naive.choose(count);
        found = outcome(() -> "ok " + World.map(ioas, count * PAGE) / PAGE);
      }
      default -> {
        expected = naive.unmap(first, count);
        found = outcome(() -> "ok " + ioas.unmap(first * PAGE, count * PAGE) / PAGE);
      }
    }
    assertEquals(expected, found, "operation %d at page %d, %d pages".formatted(n, first, count));
    return expected;
  }

  @Test
  void readersSeeWholeStatesOnly() throws InterruptedException, RegionException {
    Ioas shared = new Ioas();
    AtomicBoolean going = new AtomicBoolean(true);
    Reader[] readers = {new Reader(shared, going), new Reader(shared, going)};
    for (Reader reader : readers) {
      reader.start();
    }
    List<AddressSet.Range> pair =
        List.of(World.range(0x1000, 0x1fff), World.range(0x9000_0000L, 0x9000_0fffL));
    for (int n = 0; n < 200_000; n++) {
      shared.reserve("writer", pair);
      shared.removeOwner("writer");
    }
    going.set(false);
    for (Reader reader : readers) {
      reader.join();
      assertEquals(0, reader.torn);
      assertTrue(reader.seen > 0, "never saw a reservation");
    }
  }

  private static final class Reader extends Thread {
    private final Ioas ioas;
    private final AtomicBoolean going;
    long torn;
    long seen;

    Reader(Ioas ioas, AtomicBoolean going) {
      this.ioas = ioas;
      this.going = going;
    }

    @Override
    public void run() {
      while (going.get()) {
        AddressSet state = ioas.reserved();
        boolean low = state.contains(0x1800);
        torn += low != state.contains(0x9000_0800L) ? 1 : 0;
        seen += low ? 1 : 0;
      }
    }
  }
}
