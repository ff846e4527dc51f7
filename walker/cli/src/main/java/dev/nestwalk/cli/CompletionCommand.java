package dev.nestwalk.cli;

import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Completion scripts for shells, generated from the declarations of the commands. */
@Command(
    name = "completion",
    mixinStandardHelpOptions = true,
    description = "Prints a completion script for a shell.",
    footer = {
      "",
      "bash: source <(nestwalk completion bash)",
      "zsh:  autoload -U bashcompinit && bashcompinit; source <(nestwalk completion zsh)",
      "fish: nestwalk completion fish | source"
    })
final class CompletionCommand implements Callable<Integer> {
  /** The supported shells. */
  enum Shell {
    bash,
    zsh,
    fish
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "SHELL", description = "bash, zsh or fish.")
  private Shell shell = Shell.bash;

  CompletionCommand() {}

  @Override
  public Integer call() {
    CommandLine top = spec.root().commandLine();
    // The bash script also works in zsh, through bashcompinit.
    spec.commandLine()
        .getOut()
        .print(shell == Shell.fish ? fish(top) : AutoComplete.bash("nestwalk", top));
    spec.commandLine().getOut().flush();
    return Main.DONE;
  }

  private static String fish(CommandLine top) {
    StringBuilder script = new StringBuilder(8192);
    options(script, top.getCommandSpec(), "__fish_use_subcommand");
    top.getSubcommands()
        .forEach(
            (name, command) -> {
              CommandSpec one = command.getCommandSpec();
              if (one.usageMessage().hidden()) {
                return;
              }
              line(script, "__fish_use_subcommand", "-f -a " + name, summary(one));
              String within = "__fish_seen_subcommand_from " + name;
              options(script, one, within);
              command
                  .getSubcommands()
                  .forEach(
                      (inner, innerCommand) -> {
                        CommandSpec innerSpec = innerCommand.getCommandSpec();
                        line(script, within, "-f -a " + inner, summary(innerSpec));
                        options(
                            script,
                            innerSpec,
                            within + "; and __fish_seen_subcommand_from " + inner);
                      });
            });
    return script.toString();
  }

  private static void options(StringBuilder script, CommandSpec command, String condition) {
    for (OptionSpec option : command.options()) {
      if (option.hidden()) {
        continue;
      }
      StringBuilder names = new StringBuilder();
      for (String name : option.names()) {
        names.append(
            name.startsWith("--") ? " -l " + name.substring(2) : " -s " + name.substring(1));
      }
      String needs = option.arity().max() > 0 ? " -r" : "";
      String[] description = option.description();
      line(
          script,
          condition,
          names.toString().strip() + needs,
          description.length == 0 ? "" : description[0]);
    }
  }

  private static String summary(CommandSpec command) {
    String[] description = command.usageMessage().description();
    return description.length == 0 ? "" : description[0];
  }

  private static void line(
      StringBuilder script, String condition, String what, String description) {
    script
        .append("complete -c nestwalk -n '")
        .append(condition)
        .append("' ")
        .append(what)
        .append(" -d '")
        .append(description.formatted().replace("\\", "\\\\").replace("'", "\\'"))
        .append("'\n");
  }
}
