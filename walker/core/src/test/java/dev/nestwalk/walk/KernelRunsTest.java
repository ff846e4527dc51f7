package dev.nestwalk.walk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Wherever the runs of memory begin and end, and however many there are, the fast walk answers
 * clean tables itself: up to the last entry of each run, and in the third run as in the first.
 */
class KernelRunsTest {
  private static final CacheOptions TABLES = CacheOptions.NONE.withStructures(64, 64, 0);
  private static final long PAGE = 4096;

  static Stream<MappedPlan> plans() {
    return Stream.of(
            MappedPlan.of(true, true, false),
            MappedPlan.of(false, false, true),
            MappedPlan.of(true, true, true),
            MappedPlan.of(false, true, true))
        .map(plan -> plan.pages(1024, 0, 1));
  }

  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  /** First and last entries of last tables, which a run may begin or end with, and some others. */
  private static long[] addresses(MappedMachine machine) {
    long[] iovas = machine.addresses(Lanes.COUNT);
    int[] pages = {0, 511, 512, 1023};
    for (int i = 0; i < pages.length; i++) {
      iovas[i] = machine.input() + pages[i] * PAGE + 8;
    }
    return iovas;
  }

  /**
   * The memory of a machine in runs that begin at these pages; the content is the same.
   *
   * @param windows whether the runs are windows of one segment
   */
  private static GuestMemory cut(MappedMachine machine, boolean windows, int... pages) {
    TableMemory.Run run = machine.memory().runs().get(0);
    MemorySegment bytes = run.bytes();
    GuestMemory.Builder builder = GuestMemory.builder();
    for (int i = 0; i < pages.length; i++) {
      long from = pages[i] * PAGE;
      long to = i + 1 < pages.length ? pages[i + 1] * PAGE : bytes.byteSize();
      if (windows) {
        builder.window(run.first() + from, bytes, from, to - from);
      } else {
        builder.ram(run.first() + from, bytes.asSlice(from, to - from));
      }
    }
    return builder.build();
  }

  private static void compare(
      MappedPlan plan, MappedMachine machine, GuestMemory memory, String where)
      throws InterruptedException {
    KernelLab lab = new KernelLab(plan, machine, memory);
    long[] iovas = addresses(machine);
    for (CacheOptions options : List.of(CacheOptions.NONE, TABLES)) {
      KernelLab.Bench bench = lab.inTheRoom(options, true);
      long[] answers = new long[iovas.length];
      Lanes lanes = bench.kernel.caches.lanes;
      for (int round = 0; round < 2; round++) {
        for (long iova : iovas) {
          long answer = bench.kernel.translate(iova, 1);
          assertEquals(lab.walk(iova, 1), answer, where);
        }
        Arrays.fill(lanes.hosts, -1);
        assertEquals(0, bench.kernel.translate(iovas, answers, 0, iovas.length, 1), where);
        boolean side = bench.kernel.shape.walksSideBySide();
        for (int i = 0; i < iovas.length; i++) {
          assertEquals(lab.walk(iovas[i], 1), answers[i], where);
          long host = side ? Translation.address(answers[i]) : -1;
          assertEquals(host, lanes.hosts[i], () -> "side by side: " + where);
        }
      }
    }
  }

  /** Pages that hold tables, apart from those that nothing is read from. */
  private static List<Integer> tables(MappedMachine machine) {
    List<Integer> pages = new ArrayList<>();
    for (int page = 1; page < machine.memory().pagesUsed(); page++) {
      if (!machine.isConfiguration(page)) {
        pages.add(page);
      }
    }
    return pages;
  }

  @ParameterizedTest
  @MethodSource("plans")
  void eachTableMayBeTheFirstOrTheLastOfARun(MappedPlan plan) throws InterruptedException {
    MappedMachine machine = new MappedMachine(plan, arena);
    for (int page : tables(machine)) {
      for (boolean windows : new boolean[] {true, false}) {
        String where = "%s, cut at page %d, windows %s".formatted(plan, page, windows);
        compare(plan, machine, cut(machine, windows, 0, page), where);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("plans")
  void eachTableMayBeTheOnlyOneOfTheThirdRun(MappedPlan plan) throws InterruptedException {
    MappedMachine machine = new MappedMachine(plan, arena);
    for (int page : tables(machine)) {
      boolean windows = page % 2 == 0;
      String where = "%s, page %d by itself, windows %s".formatted(plan, page, windows);
      compare(plan, machine, cut(machine, windows, 0, page, page + 1), where);
    }
  }

  /** An entry that would be behind the last one of a run is none, though bytes follow there. */
  @ParameterizedTest
  @MethodSource("plans")
  void aTableThatIsLeftOutIsNotRead(MappedPlan plan) throws InterruptedException {
    MappedMachine machine = new MappedMachine(plan, arena);
    TableMemory.Run run = machine.memory().runs().get(0);
    MemorySegment bytes = run.bytes();
    int refused = 0;
    for (int page : tables(machine)) {
      long from = page * PAGE;
      GuestMemory.Builder builder =
          GuestMemory.builder()
              .window(run.first(), bytes, 0, from)
              .window(
                  run.first() + from + PAGE, bytes, from + PAGE, bytes.byteSize() - from - PAGE);
      refused += refused(plan, machine, builder.build(), plan + ", " + page);
    }
    assertTrue(refused > 20, refused + " refused");
  }

  /** The first table in a run of its own, so that the others are in the second run. */
  @Test
  void theLastEntryOfTheSecondRunIsOneToo() {
    MappedPlan plan = MappedPlan.of(false, false, true).pages(1024, 0, 1);
    MappedMachine machine = new MappedMachine(plan, arena);
    TableMemory.Run run = machine.memory().runs().get(0);
    KernelLab whole = new KernelLab(plan, machine, cut(machine, false, 0));
    long last = whole.leaf(machine.input() + 1023 * PAGE) + 8 - run.first();
    assertEquals(0, last % PAGE, "the last entry of a table");
    long root = machine.secondRoot() - run.first();
    MemorySegment bytes = run.bytes();
    GuestMemory memory =
        GuestMemory.builder()
            .ram(run.first() + root, bytes.asSlice(root, PAGE))
            .ram(run.first() + root + PAGE, bytes.asSlice(root + PAGE, last - root - PAGE))
            .build();
    assertEquals(run.first() + root + PAGE, memory.first(memory.directRun(0)), "the largest run");
    for (CacheOptions options : List.of(CacheOptions.NONE, TABLES)) {
      Kernel kernel = whole.new Bench(options, TemplatesInForce.factory(memory), null).kernel;
      for (long iova : addresses(machine)) {
        assertEquals(whole.walk(iova, 1), kernel.translate(iova, 1));
        assertEquals(whole.walk(iova, 1), kernel.translate(iova, 1), "from known tables");
      }
    }
  }

  /** Compares answers and refusals, and counts those; 0 if there is no configuration. */
  private static int refused(
      MappedPlan plan, MappedMachine machine, GuestMemory memory, String where)
      throws InterruptedException {
    KernelLab lab;
    try {
      lab = new KernelLab(plan, machine, memory);
    } catch (AssertionError e) {
      // The second stage of a context's address.
      return 0;
    }
    int refused = 0;
    for (CacheOptions options : List.of(CacheOptions.NONE, TABLES)) {
      KernelLab.Bench bench = lab.inTheRoom(options, true);
      for (long iova : addresses(machine)) {
        long expected = lab.walk(iova, 1);
        refused += Translation.isFault(expected) ? 1 : 0;
        long answer = bench.kernel.translate(iova, 1);
        assertEquals(Translation.isFault(expected) ? 0 : expected, answer, where);
      }
    }
    return refused;
  }

  /** Counted as anywhere else. */
  @ParameterizedTest
  @MethodSource("plans")
  void entriesOfWindowsAreCounted(MappedPlan plan) throws InterruptedException {
    MappedMachine machine = new MappedMachine(plan, arena);
    KernelLab lab = new KernelLab(plan, machine, cut(machine, true, 0, 8));
    KernelLab.Bench bench = lab.inTheRoom(TABLES.withCounters(), true);
    KernelLab plain = new KernelLab(plan, machine, cut(machine, false, 0));
    KernelLab.Bench other = plain.inTheRoom(TABLES.withCounters(), true);
    int stages = plan.first() && plan.second() ? 2 : 1;
    for (long iova : addresses(machine)) {
      bench.kernel.translate(iova, 1);
      other.kernel.translate(iova, 1);
      long before = bench.kernel.counters.references();
      assertEquals(other.kernel.counters.references(), before, "as in a single run");
      other.kernel.translate(iova, 1);
      assertNotEquals(0, bench.kernel.translate(iova, 1));
      assertEquals(stages, bench.kernel.counters.references() - before);
    }
  }

  /** Whatever is at address 0: a table that is not known is not there. */
  @ParameterizedTest
  @MethodSource("plans")
  void aTableThatIsNotKnownIsNotReadAtAddressZero(MappedPlan plan) throws InterruptedException {
    MappedMachine machine = new MappedMachine(plan, arena);
    TableMemory.Run run = machine.memory().runs().get(0);
    KernelLab clean = new KernelLab(plan, machine, cut(machine, false, 0));
    long[] iovas = addresses(machine);
    long leaf = machine.memory().get(clean.leaf(iovas[0]));
    MemorySegment zero = arena.allocate(1 << 16, PAGE);
    for (long at = 0; at < zero.byteSize(); at += 8) {
      zero.set(ValueLayout.JAVA_LONG, at, leaf);
    }
    GuestMemory memory = GuestMemory.builder().ram(run.first(), run.bytes()).ram(0, zero).build();
    KernelLab lab = new KernelLab(plan, machine, memory);
    KernelLab.Bench bench = lab.inTheRoom(TABLES, true);
    long[] answers = new long[iovas.length];
    assertEquals(0, bench.kernel.translate(iovas, answers, 0, iovas.length, 1));
    for (int i = 0; i < iovas.length; i++) {
      assertEquals(lab.walk(iovas[i], 1), answers[i]);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aFirstTableOutsideMemoryLeadsNowhere(boolean specialised) {
    KernelLab lab = new KernelLab(MappedPlan.of(true, false, true), arena);
    long iova = lab.machine.input();
    Tables tables = lab.tables;
    Tables elsewhere = Tables.of(Stage.NONE, 0, tables.second(), 1L << 45, tables.hole(), true);
    KernelLab.Bench bench = lab.new Bench(CacheOptions.NONE, specialised);
    assertNotEquals(0, bench.kernel.translate(iova, 1));
    Kernel kernel = bench.another(elsewhere);
    assertEquals(specialised, kernel.isSpecialised());
    assertEquals(0, kernel.translate(iova, 1));
  }

  /** A configuration that the fast walk does not answer has no class of its own. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void withoutStagesNothingIsAnswered(boolean specialised) {
    KernelLab lab = new KernelLab(MappedPlan.of(true, false, true), arena);
    for (CacheOptions options : List.of(CacheOptions.NONE, TABLES, TABLES.withIotlb(64, 4))) {
      Kernel kernel = lab.new Bench(options, specialised).another(Tables.NONE);
      assertFalse(kernel.isSpecialised());
      long[] iovas = lab.machine.addresses(20);
      long[] answers = new long[iovas.length];
      Arrays.fill(answers, -1);
      assertEquals(iovas.length, kernel.translate(iovas, answers, 0, iovas.length, 1));
      assertTrue(Arrays.stream(answers).allMatch(answer -> answer == 0));
    }
  }

  /** The smallest windows, where each sum of a comparison is 0 or the least below. */
  @ParameterizedTest
  @ValueSource(longs = {8, 16, 4096})
  void windowsEndWithTheirLastEntry(long size) {
    MemorySegment whole = arena.allocate(3 * size, 8);
    GuestMemory memory =
        GuestMemory.builder()
            .window(0x1000, whole, 0, size)
            .window(0x4000, whole, size, size)
            .build();
    Windows windows = Objects.requireNonNull(Windows.of(memory, 0, 1));
    for (long first : new long[] {0x1000, 0x4000}) {
      for (long at = -24; at < size + 24; at += 8) {
        boolean inside = at >= 0 && at < size;
        for (long index = 0; index <= 16; index += 8) {
          assertEquals(!inside, windows.isOutside(first + at - index, index), at + " of " + size);
        }
        if (inside) {
          assertEquals(first == 0x1000 ? at : size + at, windows.place(first + at, 0));
        }
      }
    }
  }
}
