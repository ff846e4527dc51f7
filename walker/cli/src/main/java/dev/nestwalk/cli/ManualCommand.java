package dev.nestwalk.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The man page, generated from the {@code --help} of each command. */
@Command(
    name = "manual",
    mixinStandardHelpOptions = true,
    description = {"Prints the man page.", "To read it: nestwalk manual | man -l -"})
final class ManualCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  ManualCommand() {}

  @Override
  public Integer call() {
    CommandLine top = spec.root().commandLine();
    StringBuilder page = new StringBuilder(16384);
    page.append(".TH NESTWALK 1 \"\" \"")
        .append(escaped(new Version().getVersion()[0].replaceAll(" \\(.*", "")))
        .append("\" \"User Commands\"\n.SH NAME\nnestwalk \\- ")
        .append(escaped(top.getCommandSpec().usageMessage().description()[0]))
        .append("\n.SH SYNOPSIS\n.nf\n")
        .append(escaped(top.getUsageMessage(Ansi.OFF).strip()))
        .append("\n.fi\n");
    top.getSubcommands().forEach((name, command) -> section(page, command));
    spec.commandLine().getOut().print(page);
    spec.commandLine().getOut().flush();
    return Main.DONE;
  }

  private static void section(StringBuilder page, CommandLine command) {
    CommandSpec one = command.getCommandSpec();
    if (one.usageMessage().hidden()) {
      return;
    }
    page.append(".SH ")
        .append(escaped(one.qualifiedName().toUpperCase(java.util.Locale.ROOT)))
        .append("\n.nf\n")
        .append(escaped(command.getUsageMessage(Ansi.OFF).strip()))
        .append("\n.fi\n");
    command.getSubcommands().forEach((name, inner) -> section(page, inner));
  }

  /** Escapes text for roff, so that no line of it is a request. */
  private static String escaped(String text) {
    return text.replace("\\", "\\e").replace("-", "\\-").replaceAll("(?m)^(?=[.'])", "\\\\&");
  }
}
