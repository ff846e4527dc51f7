package dev.nestwalk.walk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.iotlb.Noted;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * One bit that differs, in any entry that a walk reads or in its address, alone and as one of
 * sixteen that are walked side by side: the fast walk answers what the full walk answers without
 * setting a flag, and nothing else.
 */
class KernelFlipsTest {
  /** The one of sixteen addresses whose entries change. */
  private static final int LANE = 5;

  private static final CacheOptions TABLES = CacheOptions.NONE.withStructures(64, 64, 0);

  /** Bits of an entry that mean something of their own, and some of its address. */
  private static final long ENTRY_BITS = 0xf868_8000_4000_1fffL;

  /** Page of the first address: caches of 64 tables then hold those of all. */
  private static final int AWAY = 3;

  private static final long NOT_GLOBAL = 1L << 11;

  static Stream<MappedPlan> plans() {
    List<MappedPlan> plans = new ArrayList<>();
    for (int stages = 1; stages <= 3; stages++) {
      boolean first = (stages & 1) != 0;
      boolean second = (stages & 2) != 0;
      plans.add(MappedPlan.of(true, first, second));
      plans.add(MappedPlan.of(true, first, second).levels(5, 5).flags(second));
      plans.add(MappedPlan.of(false, first, second));
      plans.add(MappedPlan.of(false, first, second).flags(true).cleanPages());
      plans.add(MappedPlan.of(false, first, second).stage1(12, 2, 30).stage2(12, 2, 30));
    }
    plans.add(MappedPlan.of(false, true, true).protectedWalks());
    plans.add(MappedPlan.of(false, false, true).stage2(12, 1, 42).input(1L << 40));
    plans.add(MappedPlan.of(true, true, true).sizes(1, 1));
    plans.add(MappedPlan.of(false, true, true).sizes(1, 1));
    plans.add(MappedPlan.of(false, true, true).stage1(16, 1, 48).stage2(14, 1, 47));
    return plans.stream().map(plan -> plan.pages(AWAY + Lanes.COUNT, 0, 512));
  }

  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  /** A machine whose flags nobody sets, and a look at whether the full walk would set one. */
  private final class Scene {
    private final MappedMachine machine;
    private final TableMemory memory;
    private final TableMemory before;
    private final List<Long> written = new ArrayList<>();
    private final KernelLab lab;
    private final KernelLab writing;
    private final long[] iovas;
    private final long[][] clean = new long[4][];
    private final List<KernelLab.Bench> benches = new ArrayList<>();
    private final String plan;
    private final boolean small;
    private int answered;
    private int refused;

    Scene(MappedPlan plan) throws InterruptedException {
      this.plan = plan.toString();
      small = plan.isSmall();
      machine = new MappedMachine(plan, arena);
      memory = machine.memory();
      lab = new KernelLab(plan, machine, KernelLab.readOnly(machine));
      writing = new KernelLab(plan, machine, KernelLab.writable(machine));
      writing.memory.setWriteListener((at, length) -> written.add(at));
      before = memory.copy(arena);
      iovas = new long[Lanes.COUNT];
      for (int i = 0; i < iovas.length; i++) {
        iovas[i] = machine.input() + (AWAY + i) * 512L * 4096 + 8L * i;
      }
      for (int access = 1; access <= 3; access++) {
        int need = access;
        clean[access] = Arrays.stream(iovas).map(iova -> lab.walk(iova, need)).toArray();
      }
      for (CacheOptions options : List.of(CacheOptions.NONE, TABLES)) {
        benches.add(lab.inTheRoom(options, true));
        benches.add(lab.inTheRoom(options, false));
      }
    }

    /** Where the entries are that the walk of an address reads. */
    List<Long> entries(long iova) {
      return lab.reference.translate(MappedMachine.SOURCE, -1, iova, Access.READ).steps().stream()
          .filter(step -> step.stage() > 0 && step.read().size() == 1)
          .map(Step::host)
          .distinct()
          .toList();
    }

    /** Whether the full walk of an address writes to memory; what it writes is taken back. */
    boolean setsFlags(long iova, int access) {
      written.clear();
      writing.walk(iova, access);
      written.forEach(at -> memory.put(at, before.get(at)));
      return !written.isEmpty();
    }

    /** Changes an entry. */
    void put(long at, long word) {
      memory.put(at, word);
      before.put(at, word);
    }

    /**
     * Asks all, alone and side by side, after a bit has changed.
     *
     * @param at address of the changed entry, 0 for a changed input address
     */
    void compare(int access, int bit, long at) {
      for (KernelLab.Bench bench : benches) {
        Supplier<String> where =
            () ->
                "%s, %s, bit %d at 0x%x, access %d".formatted(plan, bench.options, bit, at, access);
        bench.forget();
        Kernel kernel = bench.another();
        if (bench.options.equals(TABLES)) {
          // Alone first, which makes the last tables known; then all side by side.
          for (int l = 0; l < iovas.length; l++) {
            check(l, kernel.translate(iovas[l], access), access, where);
          }
        }
        long[] answers = new long[iovas.length];
        int unanswered = kernel.translate(iovas, answers, 0, iovas.length, access);
        for (int l = 0; l < iovas.length; l++) {
          check(l, answers[l], access, where);
          unanswered -= answers[l] == 0 ? 1 : 0;
        }
        assertEquals(0, unanswered, () -> "unanswered: " + where.get());
        if (kernel.shape.isBare() && kernel.shape.walksSideBySide() && isComplete(answers)) {
          // Whole walks that were refused side by side are made one by one the next time.
          long[] hosts = kernel.caches.lanes.hosts;
          Arrays.fill(hosts, -1);
          kernel.translate(iovas, answers, 0, iovas.length, access);
          for (int l = 0; l < iovas.length; l++) {
            assertEquals(Translation.address(answers[l]), hosts[l], () -> "alone: " + where.get());
          }
        }
        check(LANE, kernel.translate(iovas[LANE], access), access, where);
      }
    }

    private boolean isComplete(long[] answers) {
      return small && Arrays.stream(answers).noneMatch(answer -> answer == 0);
    }

    private void check(int lane, long answer, int access, Supplier<String> where) {
      answered += answer == 0 ? 0 : 1;
      refused += answer == 0 ? 1 : 0;
      if (lane != LANE && answer == clean[access][lane]) {
        return;
      }
      long iova = iovas[lane];
      long expected = lab.walk(iova, access);
      if (answer == 0 && !Translation.isFault(expected)) {
        assertTrue(
            setsFlags(iova, access), () -> "not answered: 0x%x, %s".formatted(iova, where.get()));
      } else if (answer != 0 && answer != expected) {
        assertEquals(
            Translation.describe(expected),
            Translation.describe(answer),
            () -> "0x%x, %s".formatted(iova, where.get()));
      } else if (answer != 0) {
        boolean due = setsFlags(iova, access);
        assertFalse(due, () -> "without its flags: 0x%x, %s".formatted(iova, where.get()));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("plans")
  void anEntryWithAnotherBitIsAnsweredAsTheFullWalkDoesOrNotAtAll(MappedPlan plan)
      throws InterruptedException {
    Scene scene = new Scene(plan);
    for (long at : scene.entries(scene.iovas[LANE])) {
      long word = scene.memory.get(at);
      for (int bit = 0; bit < 64; bit++) {
        if ((ENTRY_BITS >>> bit & 1) != 0) {
          scene.put(at, word ^ 1L << bit);
          scene.compare(Access.READ, bit, at);
          scene.compare(Access.WRITE | bit & 1, bit, at);
        }
      }
      scene.put(at, word);
    }
    assertTrue(scene.answered > 100 && scene.refused > 100, "both");
  }

  @ParameterizedTest
  @MethodSource("plans")
  void anAddressWithAnotherBitIsAnsweredAsTheFullWalkDoesOrNotAtAll(MappedPlan plan)
      throws InterruptedException {
    Scene scene = new Scene(plan);
    long iova = scene.iovas[LANE];
    for (int bit = 0; bit < 64; bit++) {
      scene.iovas[LANE] = iova ^ 1L << bit;
      scene.compare(Access.READ, bit, 0);
    }
    assertTrue(scene.answered > 100 && scene.refused > 100, "both");
  }

  static Stream<MappedPlan> plansOfProcesses() {
    return plans().filter(plan -> !plan.vtd() && plan.first());
  }

  /** What holds for every process goes with invalidations of any. */
  @ParameterizedTest
  @MethodSource("plansOfProcesses")
  void aPageOfEveryProcessIsNotedAndOthersAreNot(MappedPlan plan) throws InterruptedException {
    Scene scene = new Scene(plan);
    long leaf = scene.lab.leafOfFirst(scene.iovas[LANE]);
    long[] answers = new long[Lanes.COUNT];
    for (boolean global : new boolean[] {false, true}) {
      scene.put(leaf, scene.memory.get(leaf) ^ (global ? NOT_GLOBAL : 0));
      for (KernelLab.Bench bench : scene.benches) {
        String where = plan + ", " + bench.options;
        bench.forget();
        for (int round = 0; round < 2; round++) {
          for (int lane : new int[] {LANE - 1, LANE}) {
            Noted.forget(bench.space);
            assertTrue(bench.kernel.translate(scene.iovas[lane], Access.READ) != 0, where);
            assertEquals(global && lane == LANE, Noted.isGlobal(bench.space), where);
          }
        }
        for (long iova : scene.iovas) {
          bench.kernel.translate(iova, Access.READ);
        }
        Noted.forget(bench.space);
        bench.kernel.translate(scene.iovas, answers, 0, Lanes.COUNT, Access.READ);
        assertEquals(global, Noted.isGlobal(bench.space), () -> "side by side: " + where);
      }
    }
  }
}
