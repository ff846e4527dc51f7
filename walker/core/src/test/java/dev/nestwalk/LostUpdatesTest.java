package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.Requests;
import dev.nestwalk.fixtures.Scenario;
import dev.nestwalk.fixtures.ScenarioRow;
import dev.nestwalk.fixtures.smmu.RandomSmmu;
import dev.nestwalk.fixtures.vtd.RandomVtd;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.RivalMemory;
import dev.nestwalk.memory.RivalMemory.Rival;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each flag update of each walk loses against somebody else who writes the entry: every way of
 * asking then answers for what is there now, as the reference walker does, overwrites nothing that
 * the other wrote, and sets its flags all the same. If it loses time and again, the update counts
 * as failed.
 */
final class LostUpdatesTest {
  private static final int MACHINES = 10_000;
  private static final int REQUESTS = 60;

  /** Lost updates of random machines, for each kind of rival. */
  private static final int LOSSES = 1500;

  /** Requests of a scenario that are tried; most rows of it set the same flags. */
  private static final int ROWS = 40;

  static Stream<Path> scenarios() {
    return Formats.allScenarios();
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void rowsOfAScenario(Path stem) {
    try (Arena arena = Arena.ofConfined()) {
      Scenario scenario = Scenario.load(stem);
      Machine machine = scenario.machine();
      Contest contest =
          new Contest(
              machine.isVtd(),
              machine.registers(),
              machine.hostAddressWidth(),
              Images.open(scenario, arena),
              Images.open(scenario, arena));
      int tried = 0;
      for (ScenarioRow row : scenario.rows()) {
        int access = row.write() ? Access.WRITE : Access.READ;
        if (tried < ROWS) {
          tried += contest.tryAll(row.sourceId(), row.pasid(), row.iova(), access, row.describe());
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Formats.class)
  void requestsOfRandomMachines(Formats format) {
    Map<Rival, Integer> lost = new EnumMap<>(Rival.class);
    for (int seed = 0; lost.getOrDefault(Rival.ALWAYS, 0) < LOSSES; seed++) {
      assertTrue(seed < MACHINES, () -> "machines that set few flags: " + lost);
      try (Arena arena = Arena.ofConfined()) {
        Requests requests;
        Contest contest;
        if (format == Formats.VTD) {
          RandomVtd random = RandomVtd.generate(seed, arena);
          boolean rom = random.isSecondRunReadOnly();
          requests = random;
          contest =
              new Contest(
                  true,
                  random.registers(),
                  random.hostAddressWidth(),
                  Comparison.over(random.memory(), rom),
                  Comparison.over(random.memory().copy(arena), rom));
        } else {
          RandomSmmu random = RandomSmmu.generate(seed, arena);
          requests = random;
          contest =
              new Contest(
                  false,
                  random.registers(),
                  -1,
                  Comparison.over(random.memory()),
                  Comparison.over(random.memory().copy(arena)));
        }
        for (int i = 0; i < REQUESTS; i++) {
          requests.next();
          contest.tryAll(
              requests.sourceId(),
              requests.pasid(),
              requests.address(),
              requests.access(),
              "seed " + seed + ", request " + i);
        }
        contest.lost.forEach((rival, times) -> lost.merge(rival, times, Integer::sum));
      }
    }
    for (Rival rival : Rival.values()) {
      assertTrue(lost.getOrDefault(rival, 0) >= LOSSES, () -> rival + " " + lost);
    }
  }

  /** Translators over one memory, the reference walker over a copy. */
  private static final class Contest {
    private final RivalMemory memory;
    private final RivalMemory copy;
    private final Iommu iommu;
    private final List<Translator> translators;
    private final Reference reference;
    final Map<Rival, Integer> lost = new EnumMap<>(Rival.class);
    private int turn;

    Contest(
        boolean vtd,
        Map<String, Long> registers,
        int hostAddressWidth,
        GuestMemory below,
        GuestMemory other) {
      memory = new RivalMemory(below);
      copy = new RivalMemory(other);
      iommu =
          vtd ? Iommu.vtd(memory, registers, hostAddressWidth) : Iommu.smmuv3(memory, registers);
      reference =
          vtd
              ? References.vtd(copy, registers, hostAddressWidth)
              : References.smmuv3(copy, registers);
      translators = WayOfAsking.translators(iommu);
    }

    /** 1 if the request sets flags, so that there was something to lose; else 0. */
    int tryAll(int source, int pasid, long iova, int access, String what) {
      copy.arm(Rival.SAME_FLAGS, Long.MAX_VALUE);
      Trace alone = reference.translate(source, pasid, iova, access);
      long updates = copy.updates();
      Map<Long, Long> after = words(copy, copy.written());
      copy.undo();
      for (long n = 1; n <= updates; n++) {
        for (Rival rival : Rival.values()) {
          copy.arm(rival, n);
          Trace expected = reference.translate(source, pasid, iova, access);
          Map<Long, Long> left = words(copy, copy.written());
          String where = "%s: update %d of %d, %s".formatted(what, n, updates, rival);
          judge(rival, alone, after, expected, left, where);
          copy.undo();
          WayOfAsking way = WayOfAsking.byTurns(turn);
          for (Translator translator : translators) {
            iommu.invalidateAll();
            Endpoint endpoint = translator.endpoint(source, pasid);
            memory.arm(rival, n);
            String difference = way.compare(endpoint, translator, iova, access, expected);
            Map<Long, Long> mine = words(memory, memory.written());
            assertEquals("", difference, () -> where + " " + way);
            assertEquals(left, mine, () -> where + " " + way);
            memory.undo();
            lost.merge(rival, 1, Integer::sum);
          }
          turn++;
        }
      }
      return updates > 0 ? 1 : 0;
    }

    /** What must be so whatever the walkers agree on. */
    private void judge(
        Rival rival,
        Trace alone,
        Map<Long, Long> after,
        Trace expected,
        Map<Long, Long> left,
        String where) {
      long at = copy.rivalsAt();
      switch (rival) {
        case SAME_FLAGS -> {
          assertEquals(alone.translation(), expected.translation(), where);
          assertEquals(after, left, where);
        }
        case SOFTWARE_BIT -> {
          Map<Long, Long> both = new HashMap<>(after);
          both.computeIfPresent(at, (key, word) -> word ^ copy.rivalsBits());
          assertEquals(alone.translation(), expected.translation(), where);
          assertEquals(both, left, where);
        }
        case CLEARED -> assertEquals(0, left.get(at), where);
        case ALWAYS -> assertTrue(Translation.isFault(expected.translation()), where);
      }
    }

    private static Map<Long, Long> words(RivalMemory memory, List<Long> addresses) {
      Map<Long, Long> words = new HashMap<>();
      List<Long> all = new ArrayList<>(addresses);
      all.forEach(at -> words.put(at, memory.word(at)));
      return words;
    }
  }
}
