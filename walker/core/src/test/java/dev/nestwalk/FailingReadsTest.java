package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.Requests;
import dev.nestwalk.fixtures.Scenario;
import dev.nestwalk.fixtures.ScenarioRow;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.smmu.RandomSmmu;
import dev.nestwalk.fixtures.vtd.RandomVtd;
import dev.nestwalk.memory.FailingMemory;
import dev.nestwalk.memory.FlakyMemory;
import dev.nestwalk.memory.RivalMemory;
import dev.nestwalk.memory.RivalMemory.Rival;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The n-th read of a walk fails, for each n, on each scenario: of the full walkers that is the
 * fault of that access, also where flags are set on the way; of the fast walk it is no fault at
 * all, since the full walker then walks anew.
 */
final class FailingReadsTest {
  private static final int MACHINES = 300;
  private static final int REQUESTS = 6;
  private static final LongAdder failures = new LongAdder();
  private static final LongAdder amongFlags = new LongAdder();
  private static final LongAdder fast = new LongAdder();

  @AfterAll
  static void readsFailed() {
    assertTrue(failures.sum() > 2000, "only " + failures.sum() + " failed reads");
    assertTrue(amongFlags.sum() > 2000, "only " + amongFlags.sum() + " among flags");
    assertTrue(fast.sum() > 2000, "only " + fast.sum() + " of the fast walk");
  }

  static Stream<Path> scenarios() {
    return Formats.allScenarios();
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void anyReadOfAFullWalkMayFail(Path stem) {
    try (Arena arena = Arena.ofConfined()) {
      Scenario scenario = Scenario.load(stem);
      Machine machine = scenario.machine();
      FailingMemory memory = new FailingMemory(Images.open(scenario, arena).asReadOnly());
      Translator translator = Formats.hot(machine, memory);
      Reference reference = Formats.reference(machine, memory);
      Set<List<Long>> seen = new HashSet<>();
      for (ScenarioRow row : scenario.rows()) {
        RowRequest request = new RowRequest(row);
        if (!seen.add(request.ask(reference).steps().stream().map(Step::host).toList())) {
          continue;
        }
        memory.takeReads();
        request.ask(translator);
        long reads = memory.takeReads();
        for (long n = 1; n <= reads; n++) {
          memory.failRead(n);
          long answer = request.ask(translator);
          memory.failRead(n);
          Trace expected = request.ask(reference);
          String difference = Comparison.difference(answer, translator.lastFault(), expected);
          long read = n;
          assertEquals("", difference, () -> "read %d of %d, %s".formatted(read, reads, row));
          failures.increment();
        }
        memory.failRead(Long.MAX_VALUE);
      }
    }
  }

  /** Random machines have structures that no shipped scenario has, as two-level CD tables. */
  @ParameterizedTest
  @EnumSource(Formats.class)
  void anyReadOnARandomMachineMayFail(Formats format) {
    for (int seed = 0; seed < MACHINES; seed++) {
      try (Arena arena = Arena.ofConfined()) {
        if (format == Formats.VTD) {
          RandomVtd random = RandomVtd.generate(seed, arena);
          FailingMemory memory = failing(random.memory());
          Map<String, Long> registers = random.registers();
          int width = random.hostAddressWidth();
          failEach(
              seed,
              memory,
              random,
              Iommu.vtd(memory, registers, width),
              References.vtd(memory, registers, width));
        } else {
          RandomSmmu random = RandomSmmu.generate(seed, arena);
          FailingMemory memory = failing(random.memory());
          Map<String, Long> registers = random.registers();
          failEach(
              seed,
              memory,
              random,
              Iommu.smmuv3(memory, registers),
              References.smmuv3(memory, registers));
        }
      }
    }
  }

  private static FailingMemory failing(TableMemory tables) {
    return new FailingMemory(Comparison.over(tables).asReadOnly());
  }

  private static void failEach(
      int seed, FailingMemory memory, Requests requests, Iommu iommu, Reference reference) {
    Translator translator = iommu.newUncachedTranslator();
    for (int i = 0; i < REQUESTS; i++) {
      requests.next();
      int source = requests.sourceId();
      int pasid = requests.pasid();
      long address = requests.address();
      memory.takeReads();
      translator.translate(source, pasid, address, requests.access());
      long reads = memory.takeReads();
      for (long n = 1; n <= reads; n++) {
        memory.failRead(n);
        long answer = translator.translate(source, pasid, address, requests.access());
        memory.failRead(n);
        Trace expected = reference.translate(source, pasid, address, requests.access());
        String difference = Comparison.difference(answer, translator.lastFault(), expected);
        String where = "seed %d, request %d, read %d of %d".formatted(seed, i, n, reads);
        assertEquals("", difference, where);
        failures.increment();
      }
      memory.failRead(Long.MAX_VALUE);
    }
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void anyReadOfAWalkThatSetsFlagsMayFail(Path stem) {
    try (Arena arena = Arena.ofConfined()) {
      Scenario scenario = Scenario.load(stem);
      Machine machine = scenario.machine();
      RivalMemory flags = new RivalMemory(Images.open(scenario, arena));
      RivalMemory copy = new RivalMemory(Images.open(scenario, arena));
      FailingMemory memory = new FailingMemory(flags);
      FailingMemory other = new FailingMemory(copy);
      Translator translator = Formats.hot(machine, memory);
      Reference reference = Formats.reference(machine, other);
      Set<List<Long>> seen = new HashSet<>();
      for (ScenarioRow row : scenario.rows()) {
        RowRequest request = new RowRequest(row);
        copy.arm(Rival.SAME_FLAGS, Long.MAX_VALUE);
        List<Long> walked = request.ask(reference).steps().stream().map(Step::host).toList();
        copy.undo();
        if (copy.updates() == 0 || !seen.add(walked)) {
          continue;
        }
        boolean reached = true;
        for (long n = 1; reached; n++) {
          memory.takeReads();
          memory.failRead(n);
          long answer = request.ask(translator);
          reached = memory.takeReads() >= n;
          other.failRead(n);
          Trace expected = request.ask(reference);
          String difference = Comparison.difference(answer, translator.lastFault(), expected);
          long read = n;
          assertEquals("", difference, () -> "read %d, %s".formatted(read, row));
          assertEquals(words(copy), words(flags), () -> "flags, read %d, %s".formatted(read, row));
          flags.undo();
          copy.undo();
          amongFlags.increment();
        }
        memory.failRead(Long.MAX_VALUE);
        other.failRead(Long.MAX_VALUE);
      }
    }
  }

  private static Map<Long, Long> words(RivalMemory memory) {
    Map<Long, Long> words = new HashMap<>();
    memory.written().forEach(at -> words.put(at, memory.word(at)));
    return words;
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void aReadOfTheFastWalkThatFailsIsMadeUpForByTheFullOne(Path stem) {
    try (Arena arena = Arena.ofConfined()) {
      Scenario scenario = Scenario.load(stem);
      Machine machine = scenario.machine();
      FlakyMemory memory = new FlakyMemory(Images.open(scenario, arena).asReadOnly());
      Iommu iommu = Formats.iommu(machine, memory);
      Reference reference = Formats.reference(machine, memory);
      List<Translator> translators = WayOfAsking.translators(iommu);
      Set<List<Long>> seen = new HashSet<>();
      int turn = 0;
      for (ScenarioRow row : scenario.rows()) {
        RowRequest request = new RowRequest(row);
        Trace whole = request.ask(reference);
        if (!seen.add(whole.steps().stream().map(Step::host).toList())) {
          continue;
        }
        for (Translator translator : translators) {
          iommu.invalidateAll();
          memory.failFastRead(Long.MAX_VALUE);
          request.ask(translator);
          long reads = memory.fastReads();
          for (long n = 1; n <= reads; n++) {
            WayOfAsking way = WayOfAsking.byTurns(turn++);
            iommu.invalidateAll();
            Endpoint endpoint = translator.endpoint(request.source(), request.pasid());
            memory.failFastRead(n);
            String first =
                way.compare(endpoint, translator, request.iova(), request.access(), whole);
            memory.failFastRead(Long.MAX_VALUE);
            String again =
                way.compare(endpoint, translator, request.iova(), request.access(), whole);
            long read = n;
            assertEquals("", first + again, () -> "read %d, %s, %s".formatted(read, way, row));
            fast.increment();
          }
        }
      }
    }
  }
}
