package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.LatencyModel;
import dev.nestwalk.bench.cost.report.CostException;
import dev.nestwalk.bench.cost.sweep.SlurmScript;
import dev.nestwalk.bench.cost.sweep.SweepPlan;
import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.fixtures.WholeFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A sweep for a cluster. */
@Command(
    name = "slurm",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Writes a job-array script for sbatch that runs a sweep in parts.",
      "Takes the options of cost sweep; results go to one folder that all nodes share."
    },
    footer = {
      "",
      "Example: nestwalk cost slurm --tasks 16 --out results --workload nic:1500"
          + " --stages 2,nested --tenants 1,4,16,64 > sweep.sh",
      "         sbatch sweep.sh",
      "         nestwalk cost merge results --html sweep.html"
    })
final class SlurmCommand implements Callable<Integer> {
  private static final int MOST_TASKS = 100_000;

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private SweepOptions options = new SweepOptions();
  @Mixin private LatencyOption latency = new LatencyOption();

  @Option(names = "--tasks", paramLabel = "N", description = "Tasks of the array (default: 16).")
  private int tasks = 16;

  @Option(names = "--out", paramLabel = "DIR", required = true, description = "Folder of results.")
  private Path folder = Path.of("");

  @Option(
      names = "--script",
      paramLabel = "FILE",
      description = "Writes the script there (default: standard output).")
  private @Nullable Path script;

  @Option(
      names = "--sbatch",
      paramLabel = "OPTION",
      description = "An option of sbatch, for example --sbatch=--time=2:00:00; repeatable.")
  private List<String> sbatch = new ArrayList<>();

  @Option(
      names = "--launcher",
      paramLabel = "WORD",
      description =
          "The command to run on the nodes, one word per option (default: this nestwalk).")
  private List<String> launcher = new ArrayList<>();

  @Option(names = "--threads", paramLabel = "N", description = "Processors of a task (default: 1).")
  private int threads = 1;

  SlurmCommand() {}

  @Override
  public Integer call() {
    Arguments.atLeast("--tasks", tasks, 1);
    Arguments.atLeast("--threads", threads, 1);
    // A mistake in it is told here and not by every task.
    LatencyModel ignored = latency.model();
    SweepPlan plan = SweepCommand.planOf(options, spec);
    if (tasks > Math.min(MOST_TASKS, plan.cells().size())) {
      throw new CostException(
          "--tasks %d: expected up to %d, one for each cell"
              .formatted(tasks, Math.min(MOST_TASKS, plan.cells().size())));
    }
    for (String option : sbatch) {
      if (!option.matches("-[\\x20-\\x7e]+")) {
        throw new CostException(
            "--sbatch '%s': expected an option of sbatch in one line".formatted(option));
      }
    }
    Path home = folder.toAbsolutePath().normalize();
    if (home.toString().chars().anyMatch(c -> c < ' ')) {
      throw new CostException(home + ": expected a name without control characters");
    }
    // Slurm opens the logs there before a task begins.
    try {
      Files.createDirectories(home);
    } catch (IOException e) {
      throw new CostException(home + ": cannot be used: " + IoReason.of(e));
    }
    List<String> options = new ArrayList<>(List.of("--cpus-per-task=" + threads));
    options.addAll(sbatch);
    List<String> words =
        launcher.isEmpty()
            ? List.of(System.getProperty("nestwalk.launcher", "nestwalk"))
            : launcher;
    String text = new SlurmScript(tasks, words, home.toString(), arguments(), options).text();
    PrintWriter out = spec.commandLine().getOut();
    Path file = script;
    if (file == null) {
      out.print(text);
    } else {
      WholeFile.write(file, text, List.of());
      out.println(
          "wrote %s: %d cells in %d tasks; sbatch %s, then nestwalk cost merge %s%s"
              .formatted(
                  file,
                  plan.cells().size(),
                  tasks,
                  file,
                  home,
                  latency.text().isEmpty() ? "" : " --latency " + latency.text()));
    }
    return CostMain.DONE;
  }

  /** The sweep's own options, as they were given. */
  private List<String> arguments() {
    List<String> arguments = new ArrayList<>();
    List<String> names = new ArrayList<>(List.of("--pages", "--trace-format"));
    for (Axis axis : Axis.values()) {
      names.add("--" + axis.label());
    }
    for (String name : names) {
      OptionSpec option = spec.findOption(name);
      Object value = option == null ? null : option.getValue();
      if (value != null) {
        arguments.addAll(List.of(name, value.toString()));
      }
    }
    OptionSpec trace = spec.findOption("--trace");
    if (trace != null && trace.getValue() instanceof Path path) {
      arguments.addAll(List.of("--trace", path.toAbsolutePath().normalize().toString()));
    }
    if (!latency.text().isEmpty()) {
      arguments.addAll(List.of("--latency", latency.text()));
    }
    arguments.addAll(List.of("--threads", Integer.toString(threads)));
    return arguments;
  }
}
