package dev.nestwalk.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Version, commit and JDK. */
@Command(
    name = "version",
    mixinStandardHelpOptions = true,
    description = "Prints version, commit and JDK, for a report of a defect.")
final class VersionCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  VersionCommand() {}

  @Override
  public Integer call() {
    for (String line : new Version().getVersion()) {
      spec.commandLine().getOut().println(line);
    }
    spec.commandLine().getOut().flush();
    return Main.DONE;
  }
}
