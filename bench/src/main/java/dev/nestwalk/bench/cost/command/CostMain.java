package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.report.CostException;
import dev.nestwalk.bench.cost.trace.TraceException;
import dev.nestwalk.fixtures.CommandProcess;
import dev.nestwalk.fixtures.OneLine;
import dev.nestwalk.fixtures.OutputException;
import java.io.PrintWriter;
import java.util.HashMap;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.IHelpSectionRenderer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;

/** The command {@code nestwalk cost}. Exit status: 0 done, 1 the answer is no, 2 bad usage. */
public final class CostMain {
  static final int DONE = 0;
  static final int NO = 1;
  static final int BAD_INPUT = 2;

  /** Runs the command and ends the JVM with its exit status. */
  public static void main(String[] args) {
    CommandProcess.runAndExit(CostMain::run, args);
  }

  /** Runs the command; returns its exit status. */
  public static int run(PrintWriter out, PrintWriter err, String... args) {
    CommandLine line = line();
    line.setOut(out).setErr(err);
    line.registerConverter(int.class, CostMain::whole);
    line.setUsageHelpAutoWidth(false);
    // Footers are not wrapped, so that examples stay as they have to be typed.
    Map<String, IHelpSectionRenderer> sections = new HashMap<>(line.getHelpSectionMap());
    sections.put(
        UsageMessageSpec.SECTION_KEY_FOOTER,
        help -> String.join("\n", help.commandSpec().usageMessage().footer()) + "\n");
    line.setHelpSectionMap(sections);
    line.setParameterExceptionHandler((e, parsed) -> refused(e.getCommandLine(), usage(e)));
    line.setExecutionExceptionHandler((e, command, parsed) -> failed(e, command));
    int status = line.execute(args);
    out.flush();
    return status;
  }

  /** The commands with all their options. */
  static CommandLine line() {
    CommandLine line = new CommandLine(new CostCommand());
    for (String name : new String[] {"sweep", "slurm"}) {
      CommandLine sub = line.getSubcommands().get(name);
      if (sub != null) {
        axes(sub.getCommandSpec());
      }
    }
    return line;
  }

  /** An option for each axis: its values between commas. */
  private static void axes(CommandSpec spec) {
    for (Axis axis : Axis.values()) {
      spec.addOption(
          OptionSpec.builder("--" + axis.label())
              .type(String.class)
              .paramLabel("VALUE[,VALUE…]")
              .description(axis.help().replace("%", "%%") + " (default: " + axis.standard() + ")")
              .build());
    }
    spec.addOption(
        OptionSpec.builder("--pages")
            .type(String.class)
            .paramLabel("MIX[,MIX…]")
            .description("page sizes of both stages: 4k:80,2m:20 is one mix, base,2m are two")
            .build());
  }

  private static int whole(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new TypeConversionException(
          "'%s': expected a whole number up to %d".formatted(text, Integer.MAX_VALUE));
    }
  }

  private static String usage(ParameterException e) {
    String name = e.getCommandLine().getCommandSpec().qualifiedName();
    return "%s: %s (%s --help tells more)".formatted(name, e.getMessage(), name);
  }

  private static int failed(Exception e, CommandLine command) {
    boolean told =
        e instanceof CostException
            || e instanceof OutputException
            || e instanceof TraceException
            || e instanceof IllegalArgumentException;
    if (e instanceof ParameterException parameter) {
      return refused(command, usage(parameter));
    }
    return refused(command, "nestwalk cost: " + (told ? e.getMessage() : "internal error: " + e));
  }

  private static int refused(CommandLine command, String message) {
    command.getOut().flush();
    command.getErr().println(OneLine.shown(message));
    command.getErr().flush();
    return BAD_INPUT;
  }

  private CostMain() {}
}
