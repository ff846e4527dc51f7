package dev.nestwalk.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.nestwalk.fixtures.KnownDeviations;
import dev.nestwalk.fixtures.ScenarioRow;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.teach.Image;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.teach.Progress;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Replays the rows of scenarios. */
@Command(
    name = "check",
    mixinStandardHelpOptions = true,
    description = {
      "Replays each row of NAME.csv on a private copy of the memory and compares the answers.",
      "A row fails if any of the chosen walkers, in any pass, gives another answer."
    },
    footer = {
      "",
      "Example: nestwalk check --details fixtures/captures/vtd/linux72-scalable-fs-48",
      "         nestwalk check fixtures"
    })
final class CheckCommand implements Callable<Integer> {
  /** The walkers that replay. */
  enum Walkers {
    fast,
    uncached,
    reference,
    all;

    List<Checker.Mode> modes() {
      return switch (this) {
        case fast -> List.of(Checker.Mode.FAST);
        case uncached -> List.of(Checker.Mode.UNCACHED);
        case reference -> List.of(Checker.Mode.REFERENCE);
        case all -> List.of(Checker.Mode.values());
      };
    }
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "IMAGE",
      arity = "1..*",
      description = "Scenarios, or folders: all scenarios in them.")
  private List<Path> images = new ArrayList<>();

  @Option(
      names = "--walker",
      paramLabel = "W",
      description =
          "fast (with caches, rows twice, the second pass warm), uncached, reference (the"
              + " explaining walker) or all (default).")
  private Walkers walker = Walkers.all;

  @Option(names = "--details", description = "Also compare the raw fault records.")
  private boolean details;

  @Option(
      names = "--failures",
      paramLabel = "N",
      description = "How many failing rows to print per image (default: 20).")
  private int shown = 20;

  @Mixin private TextOrJson format = new TextOrJson();

  private final JsonArray report = new JsonArray();

  CheckCommand() {}

  @Override
  public Integer call() throws IOException {
    if (shown < 0) {
      throw new InputException("--failures %d: expected 0 or more".formatted(shown));
    }
    List<Path> all = new ArrayList<>();
    for (Path given : images) {
      all.addAll(Files.isDirectory(given) ? Scenarios.under(given) : List.of(given));
    }
    Tally tally = new Tally();
    KnownDeviations known = knownDeviations();
    for (Path path : all) {
      check(Image.ofScenario(path, null), known, tally);
    }
    PrintWriter out = spec.commandLine().getOut();
    if (format.isJson()) {
      JsonObject json = new JsonObject();
      json.addProperty("version", 1);
      json.add("images", report);
      json.addProperty("passed", tally.passed);
      json.addProperty("failed", tally.failed);
      json.addProperty("skipped", tally.skipped);
      TextOrJson.print(out, json);
      return tally.failed == 0 ? Main.DONE : Main.NO;
    }
    if (tally.skipped > 0) {
      out.printf("%d rows skipped, see docs/known-deviations.csv%n", tally.skipped);
    }
    out.printf("%d passed, %d failed%n", tally.passed, tally.failed);
    return tally.failed == 0 ? Main.DONE : Main.NO;
  }

  private static KnownDeviations knownDeviations() throws IOException {
    try (InputStream in = CheckCommand.class.getResourceAsStream("/known-deviations.csv")) {
      if (in == null) {
        throw new InputException("known-deviations.csv: missing in this build of the command");
      }
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      return new KnownDeviations(text.lines().toList());
    }
  }

  private static final class Tally {
    private int passed;
    private int failed;
    private int skipped;
  }

  private void check(Image image, KnownDeviations known, Tally tally) throws IOException {
    List<ScenarioRow> written = image.rows();
    if (written.isEmpty()) {
      throw new InputException(image.rowsFile() + ": no rows, expected at least one to check");
    }
    List<ScenarioRow> rows =
        written.stream().filter(row -> !known.has(image.rowsFile(), row)).toList();
    Map<ScenarioRow, List<Checker.Failure>> failures = new LinkedHashMap<>();
    int failed;
    try (Progress progress = new Progress(spec.commandLine().getErr())) {
      Checker checker = new Checker(image, rows, details, progress);
      for (Checker.Mode mode : walker.modes()) {
        for (Checker.Failure failure : checker.run(mode)) {
          failures.computeIfAbsent(failure.row(), row -> new ArrayList<>()).add(failure);
        }
      }
      failed = checker.failed();
    }
    tally.failed += failed;
    tally.passed += rows.size() - failed;
    tally.skipped += written.size() - rows.size();
    if (format.isJson()) {
      report.add(json(image, rows.size(), failed, failures));
    } else {
      print(image, rows.size(), failed, failures);
    }
  }

  private JsonObject json(
      Image image, int rows, int failed, Map<ScenarioRow, List<Checker.Failure>> failures) {
    JsonObject json = new JsonObject();
    json.addProperty("name", image.name());
    json.addProperty("walker", walker.name());
    json.addProperty("rows", rows);
    json.addProperty("passed", rows - failed);
    json.addProperty("failed", failed);
    JsonArray list = new JsonArray();
    failures.values().stream()
        .limit(shown)
        .forEach(
            same -> {
              ScenarioRow row = same.getFirst().row();
              JsonObject one = new JsonObject();
              one.addProperty("line", row.line());
              one.addProperty("row", row.describe());
              JsonArray expected = new JsonArray();
              row.expected().forEach(value -> expected.add(value.describe()));
              one.add("expected", expected);
              JsonArray got = new JsonArray();
              for (Checker.Failure failure : same) {
                JsonObject answer = new JsonObject();
                answer.addProperty("walker", failure.walker());
                answer.addProperty("answer", failure.got());
                got.add(answer);
              }
              one.add("got", got);
              list.add(one);
            });
    json.add("failures", list);
    return json;
  }

  private void print(
      Image image, int rows, int failed, Map<ScenarioRow, List<Checker.Failure>> failures) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(
        "%-36s %6d rows  %-9s  %6d passed  %6d failed%n",
        image.name(), rows, walker.name().toLowerCase(Locale.ROOT), rows - failed, failed);
    failures.values().stream().limit(Math.max(0, shown)).forEach(list -> print(out, image, list));
    if (failures.size() > shown) {
      out.printf("  … and %d more rows%n", failures.size() - shown);
    }
    out.flush();
  }

  /** Prints one block per row; walkers with the same answer share a line. */
  private static void print(PrintWriter out, Image image, List<Checker.Failure> failures) {
    ScenarioRow row = failures.getFirst().row();
    out.printf("  %s:%d  %s%n", image.rowsFile().getFileName(), row.line(), row.describe());
    out.printf(
        "    expected %s%n",
        row.expected().stream()
            .map(ScenarioRow.Expected::describe)
            .collect(Collectors.joining(" or ")));
    Map<String, List<String>> walkers = new LinkedHashMap<>();
    for (Checker.Failure failure : failures) {
      walkers.computeIfAbsent(failure.got(), got -> new ArrayList<>()).add(failure.walker());
    }
    walkers.forEach(
        (got, names) -> out.printf("    got      %s  [%s]%n", got, String.join("; ", names)));
  }
}
