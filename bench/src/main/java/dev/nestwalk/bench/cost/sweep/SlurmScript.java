package dev.nestwalk.bench.cost.sweep;

import java.util.ArrayList;
import java.util.List;

/**
 * A script for sbatch: an array of tasks, each of which runs a shard of a sweep into one folder.
 *
 * @param tasks how many
 * @param launcher words of the command that stands for {@code nestwalk}
 * @param folder where results go, on a file system that all nodes share
 * @param arguments of {@code cost sweep}, besides --out and --shard
 * @param options of sbatch, without the leading {@code #SBATCH}
 */
public record SlurmScript(
    int tasks, List<String> launcher, String folder, List<String> arguments, List<String> options) {

  /** Copies. */
  public SlurmScript {
    launcher = List.copyOf(launcher);
    arguments = List.copyOf(arguments);
    options = List.copyOf(options);
  }

  /** The text. */
  public String text() {
    List<String> words = new ArrayList<>(launcher);
    words.addAll(List.of("cost", "sweep"));
    words.addAll(arguments);
    words.addAll(List.of("--out", folder));
    StringBuilder command = new StringBuilder();
    for (String word : words) {
      command.append(quoted(word)).append(' ');
    }
    StringBuilder text = new StringBuilder("#!/bin/sh\n");
    text.append("# A sweep of nestwalk cost in ").append(tasks).append(" tasks. Then: nestwalk");
    text.append(" cost merge ").append(commented(folder)).append("\n");
    text.append("#SBATCH --job-name=nestwalk-cost\n");
    text.append("#SBATCH --array=1-").append(tasks).append('\n');
    text.append("#SBATCH --output=").append(logs()).append("\n");
    for (String option : options) {
      text.append("#SBATCH ").append(option).append('\n');
    }
    text.append("set -eu\n");
    text.append("exec ")
        .append(command)
        .append("--shard \"$SLURM_ARRAY_TASK_ID/")
        .append(tasks)
        .append("\"\n");
    return text.toString();
  }

  /** Slurm takes % and \ in names for its own; such a folder gets its logs beside the script. */
  private String logs() {
    boolean plain = folder.matches("[A-Za-z0-9_./+@:=-]+");
    return plain ? folder + "/task-%a.log" : "nestwalk-task-%A-%a.log";
  }

  private static String commented(String text) {
    return quoted(text).replaceAll("\\R", " ");
  }

  /** A word as a shell takes it. */
  private static String quoted(String word) {
    return word.matches("[A-Za-z0-9_./+@:=,-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }
}
