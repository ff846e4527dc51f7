package dev.nestwalk.bench.cost.sweep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Counts;
import dev.nestwalk.bench.cost.report.CostException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is finished stays finished, and is put together again. */
class CellStoreTest {
  private static final SweepPlan PLAN =
      SweepPlan.of(
          Cell.standard(),
          Map.of(Axis.TENANTS, List.of("1", "2", "4", "8"), Axis.STAGES, List.of("2", "nested")));

  @TempDir private Path folder = Path.of("");

  private static CellResult result(Cell cell) {
    return CellResult.counted(
        cell, Counts.of(Map.of("ref", (long) cell.text().hashCode() & 0xffff, "request", 7L)));
  }

  private static Path fill(Path folder, Shard shard, int most) {
    try (CellStore store = CellStore.open(folder, PLAN, shard)) {
      PLAN.shard(shard.number(), shard.of()).stream()
          .limit(most)
          .forEach(cell -> store.add(Finished.of(result(cell))));
    }
    return folder.resolve("cells-%d-of-%d.jsonl".formatted(shard.number(), shard.of()));
  }

  private static List<Cell> kept(Path folder, Shard shard) {
    try (CellStore store = CellStore.open(folder, PLAN, shard)) {
      return store.before().stream().map(Finished::cell).toList();
    }
  }

  private static String told(Path folder, SweepPlan plan) {
    return String.valueOf(
        assertThrows(CostException.class, () -> CellStore.open(folder, plan, Shard.WHOLE))
            .getMessage());
  }

  @Test
  void anInterruptedRunKeepsWhatWasFinished() throws IOException {
    Path file = fill(folder, Shard.WHOLE, 3);
    assertEquals(PLAN.cells().subList(0, 3), kept(folder, Shard.WHOLE));
    byte[] whole = Files.readAllBytes(file);
    // Killed anywhere: lines that were whole stay, the rest is cut off and written anew.
    for (int length = 0; length <= whole.length; length += 61) {
      Files.write(file, java.util.Arrays.copyOf(whole, length));
      List<Cell> left = kept(folder, Shard.WHOLE);
      int lines =
          (int)
              new String(whole, 0, length, java.nio.charset.StandardCharsets.UTF_8)
                  .chars()
                  .filter(c -> c == '\n')
                  .count();
      assertEquals(PLAN.cells().subList(0, lines), left);
      try (CellStore store = CellStore.open(folder, PLAN, Shard.WHOLE)) {
        store.add(Finished.of(result(PLAN.cells().get(lines))));
      }
      assertEquals(PLAN.cells().subList(0, lines + 1), kept(folder, Shard.WHOLE));
    }
  }

  @Test
  void aFolderHoldsOneSweepAndAShardOneWriter() throws IOException {
    fill(folder, Shard.WHOLE, 1);
    SweepPlan other = SweepPlan.of(Cell.standard(), Map.of(Axis.TENANTS, List.of("1", "2")));
    assertTrue(told(folder, other).contains("another sweep"));
    try (CellStore open = CellStore.open(folder, PLAN, Shard.WHOLE)) {
      assertTrue(told(folder, PLAN).contains("another run"));
      assertEquals(1, open.before().size());
    }
    Files.writeString(folder.resolve("plan.json"), "{\"cells\": [\"tenants=99999\"]}");
    assertTrue(told(folder, PLAN).contains("plan.json: tenants"));
    Files.writeString(folder.resolve("plan.json"), "[[[");
    assertTrue(told(folder, PLAN).contains("plan.json: expected"));
    Path file = folder.resolve("file");
    Files.writeString(file, "");
    assertTrue(told(file, PLAN).contains("cannot be used"));
  }

  @Test
  void aDamagedLineIsToldWithItsPlace() throws IOException {
    Path file = fill(folder, Shard.WHOLE, 2);
    Files.writeString(file, "{\"form\": 9}\n", StandardOpenOption.APPEND);
    assertTrue(told(folder, PLAN).startsWith(file + ":3: "));
    Random random = new Random(5);
    byte[] whole = Files.readAllBytes(fill(folder.resolve("other"), Shard.WHOLE, 4));
    for (int i = 0; i < 300; i++) {
      byte[] changed = whole.clone();
      changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
      Files.write(file, changed);
      try {
        assertTrue(kept(folder, Shard.WHOLE).size() <= 5);
      } catch (CostException e) {
        String message = String.valueOf(e.getMessage());
        assertTrue(message.startsWith(file + ":"), message);
        assertFalse(message.contains("\n"), message);
      }
    }
  }

  private static Counts counts(Merged merged, Cell cell) {
    return merged.results().stream()
        .filter(result -> result.cell().equals(cell))
        .findFirst()
        .orElseThrow()
        .counts();
  }

  @Test
  void shardsInOneFolderOrInManyAreTheWhole() {
    for (int of : new int[] {1, 3, 8}) {
      Path one = folder.resolve("one" + of);
      List<Path> many = new ArrayList<>();
      for (int number = 1; number <= of; number++) {
        fill(one, new Shard(number, of), 99);
        Path own = folder.resolve("many%d-%d".formatted(of, number));
        fill(own, new Shard(number, of), 99);
        many.add(own);
      }
      for (List<Path> sources : List.of(List.of(one), many)) {
        Merged merged = Merged.of(sources);
        assertTrue(merged.isWhole());
        assertEquals(PLAN.cells(), merged.results().stream().map(CellResult::cell).toList());
        assertEquals(7L * PLAN.cells().size(), merged.total().get("request"));
        assertEquals(List.of(), merged.duplicates());
      }
    }
  }

  @Test
  void holesDuplicatesAndContradictionsAreNamed() {
    Path first = folder.resolve("first");
    Path second = folder.resolve("second");
    fill(first, new Shard(1, 2), 3);
    fill(second, new Shard(1, 2), 2);
    Cell changed = PLAN.cells().get(0);
    try (CellStore store = CellStore.open(second, PLAN, new Shard(2, 2))) {
      store.add(Finished.of(CellResult.counted(changed, Counts.of(Map.of("ref", 1L << 40)))));
      store.add(Finished.refused(PLAN.cells().get(1), "why\nnot"));
    }
    Merged merged = Merged.of(List.of(first, second));
    assertEquals(List.of(changed), merged.contradictions());
    assertEquals(List.of(PLAN.cells().get(0), PLAN.cells().get(2)), merged.duplicates());
    assertEquals(Map.of(PLAN.cells().get(1), "why not"), merged.refused());
    assertEquals(
        List.of(PLAN.cells().get(3), PLAN.cells().get(5), PLAN.cells().get(6), PLAN.cells().get(7)),
        merged.holes());
    assertFalse(merged.isWhole());
    assertEquals(result(changed).counts(), counts(merged, changed));
  }

  @Test
  void countsThatOverflowAreTold() {
    for (int number = 1; number <= 2; number++) {
      try (CellStore store = CellStore.open(folder, PLAN, new Shard(number, 2))) {
        Counts most = Counts.of(Map.of("ref", 1L << 62));
        store.add(Finished.of(CellResult.counted(PLAN.cells().get(number), most)));
      }
    }
    String told = assertThrows(CostException.class, () -> Merged.of(List.of(folder))).getMessage();
    assertTrue(String.valueOf(told).endsWith("counts add up to more than 64 bits"), told);
  }

  @Test
  void timedResultsOfOneCellAddUp() {
    Cell timed = Cell.standard().with(Axis.ENGINE, "timed");
    SweepPlan plan = new SweepPlan(List.of(timed));
    List<Path> folders = new ArrayList<>();
    for (int run = 1; run <= 3; run++) {
      Histogram histogram = new Histogram(3);
      histogram.recordValueWithCount(100L * run, 10);
      Path one = folder.resolve("run" + run);
      try (CellStore store = CellStore.open(one, plan, Shard.WHOLE)) {
        store.add(
            Finished.of(
                new CellResult(
                    timed,
                    Counts.of(Map.of("request", 10L)),
                    Map.of("latency", histogram),
                    Map.of("throughput.mops", (double) run),
                    Map.of("commit", "c" + run))));
      }
      folders.add(one);
    }
    Merged merged = Merged.of(folders);
    CellResult all = merged.results().get(0);
    assertEquals(30, all.counts().get("request"));
    Histogram sum = Objects.requireNonNull(all.histograms().get("latency"));
    assertEquals(30, sum.getTotalCount());
    assertEquals(100, sum.getValueAtPercentile(20));
    assertEquals(200, sum.getValueAtPercentile(50));
    assertEquals(300, sum.getMaxValue());
    assertEquals(Map.of("throughput.mops", 2.0), all.figures());
    assertEquals(List.of(timed), merged.duplicates());
    assertTrue(merged.isWhole());
  }

  @Test
  void cellsThatCannotRunDoNotStopTheOthers() {
    List<Finished> told = new ArrayList<>();
    int[] last = {0};
    new CellRunner(
            cell -> {
              if (cell.number(Axis.TENANTS) == 4) {
                throw new IllegalArgumentException("four is too many");
              }
              return result(cell);
            },
            2)
        .run(PLAN.cells(), (done, of) -> last[0] = done, told::add);
    assertEquals(PLAN.cells().size(), told.size());
    assertEquals(PLAN.cells().size(), last[0]);
    assertEquals(2, told.stream().filter(f -> f.refused().equals("four is too many")).count());
    assertThrows(
        IllegalStateException.class,
        () ->
            new CellRunner(
                    cell -> {
                      throw new IllegalStateException("a defect");
                    },
                    2)
                .run(PLAN.cells(), (done, of) -> {}, told::add));
  }
}
