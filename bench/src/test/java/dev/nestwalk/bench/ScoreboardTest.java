package dev.nestwalk.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The scoreboard's form; what it measures depends on the machine and is no test. */
class ScoreboardTest {
  private static final Set<String> KEYS =
      Set.of(
          "name",
          "java_ns",
          "native_ns",
          "ratio",
          "spread",
          "native_spread",
          "rounds",
          "refs",
          "bytes_per_op",
          "target",
          "met",
          "verdict");

  /** 4,096 pages, which an IOTLB of 16 entries misses as well as it does the scoreboard's. */
  private static final int SHRINK = 4;

  private static final List<String> MODES =
      List.of(
          "vtd-first",
          "vtd-second",
          "vtd-nested",
          "smmuv3-stage1",
          "smmuv3-stage2",
          "smmuv3-nested");

  @TempDir private Path folder = Path.of("");

  private String printed(int status, String... arguments) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream before = System.out;
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      assertEquals(status, Scoreboard.run(arguments));
    } finally {
      System.setOut(before);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void metricsGoToTheScreenAndToAFile() throws IOException {
    Path file = folder.resolve("scores.json");
    String text =
        printed(0, "scoreboard", "--quick", "--only", "walk-vtd", "--json", file.toString());
    assertTrue(text.contains("nested-walk-vtd"), text);
    JsonObject all = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    assertEquals(Set.of("machine", "metrics"), all.keySet());
    assertEquals(2, all.getAsJsonArray("metrics").size());
    for (var metric : all.getAsJsonArray("metrics")) {
      JsonObject line = metric.getAsJsonObject();
      assertEquals(KEYS, line.keySet());
      assertTrue(line.get("java_ns").getAsDouble() > 0);
      assertEquals(0, line.get("bytes_per_op").getAsDouble(), "allocates");
      int reads = line.get("name").getAsString().startsWith("nested") ? 24 : 4;
      assertEquals(reads, line.get("refs").getAsDouble());
      assertEquals(9, line.get("rounds").getAsInt());
      assertTrue(line.get("spread").getAsDouble() >= 0);
    }
    JsonObject machine = all.getAsJsonObject("machine");
    for (String key : List.of("processor", "jdk", "commit", "version", "os", "command")) {
      assertFalse(machine.get(key).getAsString().isEmpty(), key);
    }
  }

  @Test
  void outputThatCannotBeWrittenIsAnError() {
    OutputStream full =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("No space left on device");
          }
        };
    PrintStream before = System.out;
    try {
      for (String word : List.of("--help", "scoreboard", "charts")) {
        System.setOut(new PrintStream(full, true, StandardCharsets.UTF_8));
        assertEquals(2, Bench.run(word, "--help"), word);
      }
    } finally {
      System.setOut(before);
    }
  }

  @Test
  void aFigureThatIsMissingMeetsNoTarget() {
    Metric unmeasured = new Metric("x", 16, n -> n, null, "<= 1 ns", m -> true);
    assertEquals(Metric.Verdict.NOT_MET, unmeasured.verdict());
    Metric withoutBaseline = new Metric("x", 16, n -> n, null, "ratio <= 1", m -> m.ratio() <= 1);
    withoutBaseline.round(true);
    assertTrue(Double.isNaN(withoutBaseline.ratio()));
    assertEquals(Metric.Verdict.NOT_MET, withoutBaseline.verdict());
  }

  @Test
  void noTargetOfAMetricIsMetWithoutItsFigures() {
    try (Arena arena = Arena.ofShared()) {
      // Those over tables far larger than the caches have targets of the same form.
      for (String only : List.of("nested-walk", "nested-miss")) {
        for (Metric metric : new Metrics(arena, null, only).all()) {
          assertEquals(Metric.Verdict.NOT_MET, metric.verdict(), metric.name);
          metric.round(true);
          if (metric.target.startsWith("ratio")) {
            assertEquals(Metric.Verdict.NOT_MET, metric.verdict(), metric.name);
          }
        }
      }
    }
  }

  @Test
  void roundsFarApartLeaveTheVerdictOpen() {
    int[] round = {0};
    Metric.Body uneven =
        n -> {
          long until = System.nanoTime() + (round[0]++ % 4 < 2 ? 200_000L : 2_000_000L);
          while (System.nanoTime() < until) {
            Thread.onSpinWait();
          }
          return n;
        };
    Metric metric = new Metric("x", 16, uneven, null, "any", m -> true);
    for (int i = 0; i < 12; i++) {
      metric.round(true);
    }
    assertEquals(Metric.Verdict.UNSURE, metric.verdict());
    assertTrue(metric.spread() > 0.15, metric.spread() + "");
  }

  @Test
  void unknownMetricsAreRefused() {
    assertEquals("", printed(2, "scoreboard", "--only", "no-such-metric"));
    assertEquals("", printed(2, "scoreboard", "--matrix", "--only", "vtd-nested/walk/one/x"));
  }

  @Test
  void theMatrixHasEveryCellOnceAndCountsItsReads() {
    for (String mode : MODES) {
      try (Arena arena = Arena.ofShared()) {
        Map<String, Metric> cells = new HashMap<>();
        for (String what : List.of("/hit", "/miss", "/walk", "/batch")) {
          for (Metric metric : new Matrix(arena, null, mode + what, SHRINK).all()) {
            assertNull(cells.put(metric.name, metric), metric.name);
          }
        }
        boolean nested = mode.endsWith("nested");
        for (String access : List.of("r", "w")) {
          for (String what : List.of("hit", "hit-batch")) {
            references(cells, mode + "/" + what + "/one/" + access, 0, 0);
          }
          for (String runs : List.of("one", "smaller", "spread", "windows")) {
            for (String what : List.of("walk", "batch")) {
              int reads = nested ? 24 : 4;
              references(cells, String.join("/", mode, what, runs, access), reads, reads);
            }
            for (String what : List.of("miss", "miss-batch")) {
              int leaves = nested ? 2 : 1;
              references(cells, String.join("/", mode, what, runs, access), leaves, leaves + 0.5);
            }
          }
        }
      }
    }
  }

  @Test
  void aModeAloneHasTargetsOfItsOwn() {
    try (Arena arena = Arena.ofShared()) {
      for (String alone : List.of("vtd-second/miss/one/r", "vtd-second/miss")) {
        assertEquals("<= 0.95 x C", target(arena, alone));
      }
      assertEquals("<= 1.00 x C", target(arena, "d/miss/one/r"));
    }
  }

  /** The target of VT-d's second-stage misses in a matrix of these cells. */
  private static String target(Arena arena, String only) {
    for (Metric metric : new Matrix(arena, null, only, SHRINK).all()) {
      if (metric.name.equals("vtd-second/miss/one/r")) {
        return metric.target;
      }
    }
    throw new AssertionError(only);
  }

  private static void references(Map<String, Metric> cells, String name, double low, double high) {
    double counted = Objects.requireNonNull(cells.get(name), name).references;
    assertTrue(counted >= low && counted <= high, name + ": " + counted);
  }

  @Test
  void neighboursOfACellDifferInOneThing() {
    assertEquals(
        List.of(
            "smmuv3-stage1/walk/one/r",
            "vtd-first/walk/smaller/r",
            "vtd-first/walk/spread/r",
            "vtd-first/walk/windows/r",
            "vtd-first/walk/one/w",
            "vtd-first/walk/one/rw"),
        Cliffs.neighbours("vtd-first/walk/one/r"));
    Metric cheap = new Metric("vtd-first/walk/one/r", 1 << 10, n -> n, null, "", m -> true);
    Metric dear =
        new Metric("vtd-first/walk/one/w", 1, ScoreboardTest::aMillisecond, null, "", m -> true);
    cheap.round(true);
    dear.round(true);
    List<Cliffs.Cliff> cliffs = Cliffs.of(List.of(cheap, dear));
    assertEquals(1, cliffs.size());
    assertEquals(dear, cliffs.get(0).cell());
    assertEquals(cheap, cliffs.get(0).neighbour());
  }

  private static long aMillisecond(int operations) {
    long until = System.nanoTime() + 1_000_000;
    while (System.nanoTime() < until) {
      Thread.onSpinWait();
    }
    return operations;
  }

  @Test
  void unknownArgumentsAreRefused() {
    assertEquals("", printed(2, "scoreboard", "--fast"));
    assertEquals("", printed(2));
    assertEquals("", printed(2, "scoreboard", "--json"));
    assertFalse(printed(0, "scoreboard", "--help").isEmpty());
  }

  private static Metric taking(double nanos, String name) {
    return new Metric(name, 1, n -> n, null, "", m -> true) {
      @Override
      double javaNanos() {
        return nanos;
      }
    };
  }

  @Test
  void aCellIsComparedWithItsBestNeighbourAndTheWorstIsFirst() {
    Metric read = taking(30, "vtd-first/walk/one/r");
    Metric write = taking(10, "vtd-first/walk/one/w");
    Metric both = taking(20, "vtd-first/walk/one/rw");
    Metric other = taking(12, "smmuv3-stage1/walk/one/r");
    assertEquals(
        List.of(new Cliffs.Cliff(read, write, 3.0), new Cliffs.Cliff(both, write, 2.0)),
        Cliffs.of(List.of(both, other, read, write)));
  }
}
