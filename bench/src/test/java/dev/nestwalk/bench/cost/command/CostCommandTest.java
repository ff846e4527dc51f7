package dev.nestwalk.bench.cost.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Counts;
import dev.nestwalk.bench.cost.LatencyModel;
import dev.nestwalk.bench.cost.report.RunDocument;
import dev.nestwalk.bench.cost.report.SweepTable;
import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the command prints, writes and exits with. */
class CostCommandTest {
  private static final List<String> SWEEP =
      List.of(
          "sweep",
          "--workload",
          "random:256k",
          "--stages",
          "2,nested",
          "--iotlb",
          "0,16x4lru",
          "--tenants",
          "1,3",
          "--requests",
          "60");

  @TempDir private Path folder = Path.of("");

  private String err = "";

  private String run(int status, List<String> words, String... more) {
    List<String> all = new ArrayList<>(words);
    all.addAll(List.of(more));
    StringWriter out = new StringWriter();
    StringWriter errors = new StringWriter();
    int got =
        CostMain.run(
            new PrintWriter(out), new PrintWriter(errors, true), all.toArray(new String[0]));
    err = errors.toString();
    assertEquals(status, got, all + "\n" + out + err);
    return out.toString();
  }

  private static String numbers(int count) {
    return IntStream.rangeClosed(1, count)
        .mapToObj(Integer::toString)
        .collect(Collectors.joining(","));
  }

  private String at(String name) {
    return folder.resolve(name).toString();
  }

  @Test
  void badUsageIsOneLineAndStatus2() throws IOException {
    Path file = folder.resolve("file");
    Files.writeString(file, "nothing");
    for (List<String> words :
        List.of(
            List.of("E77"),
            List.of("--sead", "1"),
            List.of("--threads", "0"),
            List.of("--latency", "dram"),
            List.of("E1", "--latency", "ram=3"),
            List.of("sweep", "--latency", "dram=-1"),
            List.of("merge", folder.toString(), "--latency", "walkers=0"),
            List.of("slurm", "--out", at("s"), "--latency", "dram=1,dram=2"),
            List.of("sweep", "--iotlb", "9x9"),
            List.of("sweep", "--stages", "3"),
            List.of("sweep", "--tenants", "1,,2"),
            List.of("sweep", "--shard", "5/4"),
            List.of("sweep", "--workload", "nothing"),
            List.of("sweep", "--pages", "3k"),
            List.of("sweep", "--pages", "2m", "--pages1", "2m"),
            List.of("sweep", "--trace", at("absent")),
            List.of("sweep", "--trace", file.toString()),
            List.of("sweep", "--trace-format", "qemu"),
            List.of("sweep", "--engine", "modelled\u001b[2J\nx"),
            List.of("compare", file.toString()),
            List.of("compare", file.toString(), file.toString()),
            List.of("merge"),
            List.of("merge", folder.toString()),
            List.of("slurm", "--out", at("s"), "--tasks", "99"),
            List.of("slurm", "--out", at("s"), "--tasks", "1", "--sbatch", "x y"),
            List.of("trace", file.toString()),
            List.of("E1", "E1x"),
            List.of("sweep", "E1"),
            List.of("--seed", "-1"),
            List.of("--seed", "99999999999"),
            List.of("--threads"),
            List.of("--html"),
            List.of("E1", "--quick", "--json", at("no/such/folder/x.json")),
            List.of("--html", folder.toString()),
            List.of("sweep", "--csv", folder.toString()),
            List.of("merge", at("o"), "--html", at("no/x.html")),
            List.of("sweep", "--depth", "6x4"),
            List.of("sweep", "--depth", "3x4"),
            List.of("sweep", "--contiguous", "3"),
            List.of("sweep", "--contiguous", "both"),
            List.of("sweep", "--granule", "8k"),
            List.of("sweep", "--pages1", "4k:50"),
            List.of("sweep", "--pages1", "4k:60,2m:60"),
            List.of("sweep", "--invalidate", "lazy:0"),
            List.of("sweep", "--invalidate", "never"),
            List.of("sweep", "--tenants", "1025"),
            List.of("sweep", "--workload", "nic:10m"),
            List.of("sweep", "--workload", "random:99999g"),
            List.of("sweep", "--seed", numbers(1001), "--requests", numbers(1001)),
            List.of("sweep", "--format", "smmuv3", "--pasids", "1000"),
            List.of("sweep", "--shard", "x"),
            List.of("sweep", "--threads", "0"),
            List.of("sweep", "--trace", file.toString(), "--trace-format", "elf"),
            List.of("sweep", "--trace", Scenarios.fixtures().toString()),
            List.of("sweep", "--trace", "live", "--tenants", "3"),
            List.of("compare", at("absent"), at("absent")),
            List.of("compare", folder.toString(), folder.toString()),
            List.of("merge", at("absent")),
            List.of("merge", file.toString()),
            List.of("slurm", "--tasks", "2"),
            List.of("slurm", "--out", at("s"), "--tasks", "0"),
            List.of("slurm", "--out", "a\nb", "--tasks", "1"),
            List.of("trace"),
            List.of("trace", at("absent")),
            List.of("trace", file.toString(), "--out", file.toString()))) {
      boolean sweeps = words.get(0).equals("sweep");
      assertEquals("", run(2, words, sweeps ? new String[] {"--out", at("o")} : new String[0]));
      assertEquals(1, err.lines().count(), err);
      assertTrue(err.startsWith("nestwalk cost"), err);
      assertFalse(err.contains("\u001b"), err);
    }
  }

  @Test
  void everyAxisIsAnOptionOfASweep() {
    String help = run(0, List.of("sweep", "--help"));
    for (Axis axis : Axis.values()) {
      assertTrue(help.contains("--" + axis.label() + "="), axis.label());
    }
    String top = run(0, List.of("--help"));
    for (String name :
        List.of("sweep", "compare", "merge", "slurm", "trace", "--quick", "--seed")) {
      assertTrue(top.contains(name), name);
    }
  }

  @Test
  void thePageOnSweepsHasEveryAxisWithItsDefault() throws IOException {
    List<String> page =
        Files.readAllLines(Scenarios.fixtures().resolveSibling("docs/cost/sweeps.md"));
    for (Axis axis : Axis.values()) {
      String row = "| `--%s` | %s | `".formatted(axis.label(), axis.help());
      List<String> rows = page.stream().filter(line -> line.startsWith(row)).toList();
      assertEquals(1, rows.size(), row);
      String standard = rows.get(0).substring(row.length()).replace("` |", "");
      assertEquals(axis.standard(), axis.canonical(standard), axis.label());
    }
  }

  @Test
  void aDryRunSaysHowManyCellsAndHowLong() {
    String text = run(0, SWEEP, "--dry-run");
    assertTrue(text.matches("8 cells, about \\d+ s on this machine\\R"), text);
    assertTrue(run(0, SWEEP, "--dry-run", "--shard", "1/3").startsWith("3 cells in shard 1/3"));
    assertEquals(0, folder.toFile().list().length);
  }

  @Test
  void whatIsFinishedIsNotRunAgain() throws IOException {
    String first = run(0, SWEEP, "--out", at("o"), "--json", at("first.json"));
    assertFalse(first.contains("before"), first);
    Path cells = folder.resolve("o/cells-1-of-1.jsonl");
    List<String> lines = Files.readAllLines(cells);
    assertEquals(8, lines.size());
    // Interrupted while it wrote the sixth.
    Files.writeString(cells, String.join("\n", lines.subList(0, 5)) + "\n{\"form\":1,\"ce");
    String second = run(0, SWEEP, "--out", at("o"), "--json", at("second.json"));
    assertTrue(second.startsWith("5 cells were finished before"), second);
    assertEquals(8, Files.readAllLines(cells).size());
    assertEquals(lines.subList(0, 5), Files.readAllLines(cells).subList(0, 5));
    assertEquals(
        RunDocument.read(folder.resolve("first.json")).countedDigest(),
        RunDocument.read(folder.resolve("second.json")).countedDigest());
  }

  @Test
  void shardsMergeToTheSingleRun() throws IOException {
    run(0, SWEEP, "--out", at("single"), "--json", at("single.json"));
    for (int i = 1; i <= 3; i++) {
      run(0, SWEEP, "--out", at("parts"), "--shard", i + "/3", "--threads", "1");
    }
    run(
        0,
        List.of("merge", at("parts")),
        "--json",
        at("merged.json"),
        "--csv",
        at("merged.csv"),
        "--html",
        at("merged.html"));
    RunDocument single = RunDocument.read(folder.resolve("single.json"));
    RunDocument merged = RunDocument.read(folder.resolve("merged.json"));
    assertEquals(single.countedDigest(), merged.countedDigest());
    assertEquals(9, Files.readAllLines(folder.resolve("merged.csv")).size());
    assertTrue(Files.readString(folder.resolve("merged.html")).contains("<!doctype html>"));
    assertEquals(
        "8 counted cells are equal",
        run(0, List.of("compare", at("single.json"), at("merged.json"))).lines().toList().get(2));
    Files.delete(folder.resolve("parts/cells-2-of-3.jsonl"));
    String holes = run(1, List.of("merge", at("parts")));
    assertTrue(holes.contains("3 cells are missing:"), holes);
    String twice = run(0, List.of("merge", at("single"), at("parts")));
    assertTrue(twice.contains("5 cells came more than once:"), twice);
  }

  /** The figures of a cell that a latency model makes, by their names in files. */
  private List<Map<String, Double>> modelled(String json) throws IOException {
    List<Map<String, Double>> cells = new ArrayList<>();
    JsonObject document =
        JsonParser.parseString(Files.readString(folder.resolve(json))).getAsJsonObject();
    for (JsonElement result : document.getAsJsonArray("results")) {
      Map<String, Double> figures = new LinkedHashMap<>();
      result
          .getAsJsonObject()
          .getAsJsonObject("modelled")
          .entrySet()
          .forEach(e -> figures.put(e.getKey(), e.getValue().getAsDouble()));
      cells.add(figures);
    }
    return cells;
  }

  @Test
  void sharesOfLineRateAreTheSameInEveryOutputAndFollowTheUsersTimes() throws IOException {
    String[] files = {"--json", at("a.json"), "--csv", at("a.csv"), "--html", at("a.html")};
    String[] more = Arrays.copyOf(files, files.length + 2);
    more[files.length] = "--out";
    more[files.length + 1] = at("o");
    String printed = run(0, SWEEP, more);
    List<Map<String, Double>> json = modelled("a.json");
    List<String> csv = Files.readAllLines(folder.resolve("a.csv"));
    List<String> names = List.of(csv.get(0).split(",", -1));
    String html = Files.readString(folder.resolve("a.html"));
    assertEquals(8, json.size());
    RunDocument document = RunDocument.read(folder.resolve("a.json"));
    for (int i = 0; i < json.size(); i++) {
      List<String> values = List.of(csv.get(i + 1).split(",", -1));
      Counts counts = document.results().get(i).counts();
      double wait = counts.get("ref") + counts.get("ref.config");
      wait = 50 * wait + 2 * (counts.get("iotlb.hit") + counts.get("iotlb.miss"));
      double wire = counts.get("bytes") * 8.0;
      for (int gigabits : new int[] {100, 200, 400, 800}) {
        double share = json.get(i).getOrDefault("modelled.line." + gigabits + "g", -1.0);
        assertEquals(Math.min(1, wire / gigabits / wait), share, 1e-9);
      }
      json.get(i)
          .forEach(
              (name, figure) -> {
                assertEquals(figure, Double.parseDouble(values.get(names.indexOf(name))), name);
              });
      double percent = 100 * json.get(i).getOrDefault("modelled.line.200g", -1.0);
      SweepTable table = new SweepTable(document);
      String shown = table.rows().get(i).get(table.names().indexOf("% of 200 Gb/s"));
      assertEquals(percent, Double.parseDouble(shown), 0.01 * percent);
      assertTrue(html.contains(">" + shown + "</td>"), shown);
      assertTrue(printed.contains(shown), printed);
    }
    // A DRAM ten times as slow; the cells are there, and their counts are the same.
    String slow = run(0, SWEEP, "--out", at("o"), "--latency", "dram=500", "--json", at("b.json"));
    assertTrue(slow.startsWith("8 cells were finished before"), slow);
    run(0, List.of("merge", at("o")), "--latency", "dram=500", "--json", at("c.json"));
    assertEquals(modelled("b.json"), modelled("c.json"));
    for (int i = 0; i < json.size(); i++) {
      double faster = json.get(i).getOrDefault("modelled.line.200g", -1.0);
      assertTrue(modelled("b.json").get(i).getOrDefault("modelled.line.200g", -1.0) < faster / 5);
    }
    assertEquals(
        document.countedDigest(), RunDocument.read(folder.resolve("b.json")).countedDigest());
    run(0, List.of("compare", at("a.json"), at("b.json")));
  }

  @Test
  void theTimesOfTheUsersMachineReachExperimentsTourAndTasks() throws IOException {
    String usual = run(0, List.of("E4", "--quick"), "--json", at("a.json"));
    String slow = run(0, List.of("E4", "--quick", "--latency", "dram=500"), "--json", at("b.json"));
    assertFalse(slow.lines().toList().get(1).equals(usual.lines().toList().get(1)), slow);
    assertEquals(
        RunDocument.read(folder.resolve("a.json")).countedDigest(),
        RunDocument.read(folder.resolve("b.json")).countedDigest());
    assertEquals(
        LatencyModel.parse("dram=500"), RunDocument.read(folder.resolve("b.json")).model());
    List<String> slurm = new ArrayList<>(SWEEP);
    slurm.set(0, "slurm");
    String script =
        run(0, slurm, "--tasks", "2", "--out", at("s"), "--latency", "dram=90,walkers=4");
    assertTrue(script.contains(" --latency dram=90,walkers=4 "), script);
    String told =
        run(
            0,
            slurm,
            "--tasks",
            "2",
            "--out",
            at("s"),
            "--latency",
            "dram=90",
            "--script",
            at("x"));
    assertTrue(told.endsWith("--latency dram=90\n"), told);
  }

  @Test
  void combinationsThatAreNoneAreLeftOutAndTold() {
    String text =
        run(
            0,
            List.of("sweep", "--workload", "random:256k", "--requests", "20"),
            "--format",
            "vtd,smmuv3",
            "--granule",
            "4k,64k",
            "--out",
            at("o"));
    assertTrue(text.contains("1 cells contradict themselves"), text);
    run(0, List.of("merge", at("o")));
    assertEquals(
        "",
        run(2, List.of("sweep", "--granule", "64k", "--out", at("p")))
            .lines()
            .filter(line -> line.startsWith("wrote"))
            .findAny()
            .orElse(""));
    assertTrue(err.contains("granule"), err);
  }

  @Test
  void aTraceIsAWorkload() {
    Path live = Scenarios.fixtures().resolve("dma/live.trace");
    String text =
        run(
            0,
            List.of("sweep", "--trace", live.toString(), "--stages", "1,nested"),
            "--out",
            at("o"));
    assertTrue(text.startsWith("nestwalk trace: 4 accesses of 3 devices"), text);
    assertTrue(text.contains("2 cells in"), text);
    String own = at("own.trace.gz");
    run(0, List.of("trace", Scenarios.fixtures().resolve("dma/msr.csv").toString(), "--out", own));
    assertTrue(run(0, List.of("trace", own)).startsWith("nestwalk trace: "));
    run(2, List.of("trace", live.toString(), "--out", live.toString()));
  }

  @Test
  void experimentsAreListedRunAndWritten() throws IOException {
    String list = run(0, List.of("--list"));
    assertTrue(list.startsWith("E1  "), list);
    String text =
        run(
            0,
            List.of("e1", "--quick", "--seed", "7"),
            "--json",
            at("e1.json"),
            "--html",
            at("e1.html"));
    assertTrue(text.startsWith("E1  "), text);
    assertTrue(text.contains("    holds   "), text);
    RunDocument document = RunDocument.read(folder.resolve("e1.json"));
    assertEquals(List.of("E1"), document.experiments());
    assertEquals("7", document.manifest().get("seed"));
    assertTrue(Files.readString(folder.resolve("e1.html")).contains("id=E1"));
  }

  @Test
  void timeLeftIsWhatThePaceSays() {
    assertEquals("1 of 4 cells, 30 s left", ProgressLine.line(1, 4, 10));
    assertEquals("10 of 30 cells, 3:20 min left", ProgressLine.line(10, 30, 100));
    assertEquals("1 of 3 cells, 2:05 h left", ProgressLine.line(1, 3, 3750));
    StringWriter err = new StringWriter();
    try (ProgressLine shown = new ProgressLine(new PrintWriter(err), true)) {
      shown.done(1, 2);
      shown.done(2, 2);
    }
    assertTrue(err.toString().contains("\r2 of 2 cells, 0 s left"), err.toString());
    StringWriter none = new StringWriter();
    try (ProgressLine hidden = new ProgressLine(new PrintWriter(none), false)) {
      hidden.done(1, 2);
    }
    assertEquals("", none.toString());
  }
}
