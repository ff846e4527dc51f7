package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.Scenario;
import dev.nestwalk.fixtures.ScenarioRow;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Both walkers agree after each single bit of each table word that a scenario's rows read was
 * flipped: answer, record, and the flags they leave behind.
 */
final class BitFlipTest {
  /**
   * Whether each flip meets a row that reads and one that writes. In the build they take turns: bit
   * by bit, and the other way round in the next word.
   */
  private static final boolean EVERY_ROW = Boolean.getBoolean("nestwalk.long");

  private static final LongAdder flips = new LongAdder();

  @AfterAll
  static void mostScenariosHaveSomethingToFlip() {
    assertTrue(flips.sum() > 1_000_000, "only " + flips.sum() + " flips");
  }

  static Stream<Path> scenarios() {
    return Formats.allScenarios();
  }

  @ParameterizedTest
  @MethodSource("scenarios")
  void everyFlippedBitMeetsBothWalkersAlike(Path stem) {
    try (Arena arena = Arena.ofConfined()) {
      Bench bench = new Bench(Scenario.load(stem), arena);
      Map<Long, List<ScenarioRow>> readers = bench.readers();
      int count = 0;
      for (Map.Entry<Long, List<ScenarioRow>> word : readers.entrySet()) {
        List<ScenarioRow> rows = word.getValue();
        for (int bit = 0; bit < 64; bit++) {
          ScenarioRow next = rows.get(count++ % rows.size());
          for (ScenarioRow row : EVERY_ROW ? rows : List.of(next)) {
            assertEquals("", bench.flipped(word.getKey(), 1L << bit, row), stem.toString());
            flips.increment();
          }
        }
        count++;
      }
    }
  }

  /** A scenario twice: memory and walker for the hot side, memory and walker for the reference. */
  private static final class Bench {
    private final Scenario scenario;
    private final GuestMemory hotMemory;
    private final GuestMemory otherMemory;
    private final Translator hot;
    private final Reference reference;

    Bench(Scenario scenario, Arena arena) {
      this.scenario = scenario;
      hotMemory = Images.open(scenario, arena);
      otherMemory = Images.open(scenario, arena);
      Machine machine = scenario.machine();
      hot = Formats.hot(machine, hotMemory);
      reference = Formats.reference(machine, otherMemory);
    }

    /** A row that reads and one that writes, by the address of the words that they need. */
    Map<Long, List<ScenarioRow>> readers() {
      Map<Long, List<ScenarioRow>> readers = new LinkedHashMap<>();
      for (ScenarioRow row : scenario.rows()) {
        Trace trace = ask(row);
        for (Step step : trace.steps()) {
          for (int i = 0; i < step.words().length; i++) {
            long address = step.host() + 8L * i;
            if (hotMemory.readsAsZero(hotMemory.find(address))) {
              // Memory that the image does not hold has no bits to flip.
              continue;
            }
            List<ScenarioRow> rows = readers.computeIfAbsent(address, at -> new ArrayList<>());
            if (rows.stream().allMatch(other -> other.write() != row.write())) {
              rows.add(row);
            }
          }
        }
        restore(trace);
      }
      return readers;
    }

    private Trace ask(ScenarioRow row) {
      int access = row.write() ? Access.WRITE : Access.READ;
      return reference.translate(row.sourceId(), row.pasid(), row.iova(), access);
    }

    /** Empty if both agree with the word changed; leaves both memories as they were. */
    String flipped(long address, long bit, ScenarioRow row) {
      long before = word(hotMemory, address);
      put(hotMemory, address, before ^ bit);
      put(otherMemory, address, before ^ bit);
      int access = row.write() ? Access.WRITE : Access.READ;
      long answer = hot.translate(row.sourceId(), row.pasid(), row.iova(), access);
      Trace trace = ask(row);
      String difference = Comparison.difference(answer, hot.lastFault(), trace);
      for (Step step : trace.steps()) {
        for (int i = 0; i < step.words().length; i++) {
          long at = step.host() + 8L * i;
          if (word(hotMemory, at) != word(otherMemory, at)) {
            difference += " memory differs at 0x%x".formatted(at);
          }
        }
      }
      restore(trace);
      put(hotMemory, address, before);
      put(otherMemory, address, before);
      return difference.isEmpty()
          ? ""
          : "0x%x ^ 0x%x, %s: %s".formatted(address, bit, row.describe(), difference);
    }

    private void restore(Trace trace) {
      for (Step step : trace.steps()) {
        for (int i = 0; i < step.words().length; i++) {
          put(hotMemory, step.host() + 8L * i, step.words()[i]);
          put(otherMemory, step.host() + 8L * i, step.words()[i]);
        }
      }
    }

    private static long word(GuestMemory memory, long address) {
      return memory.load(memory.find(address), address);
    }

    private static void put(GuestMemory memory, long address, long value) {
      int run = memory.find(address);
      long now = memory.load(run, address);
      if (now != value && memory.update(run, address, now, value) != GuestMemory.UPDATED) {
        assertEquals(now, value, "0x%x cannot be written".formatted(address));
      }
    }
  }
}
