package dev.nestwalk.cli;

import dev.nestwalk.fixtures.CommandProcess;
import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.fixtures.OneLine;
import dev.nestwalk.fixtures.OutputException;
import dev.nestwalk.fixtures.ScenarioException;
import dev.nestwalk.memory.ImageException;
import dev.nestwalk.teach.InputException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/**
 * The command line. Exit status: 0 for success, 1 if the answer is "no", 2 for bad usage or
 * unreadable input.
 */
@Command(
    name = "nestwalk",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "IOMMU address translation: walks VT-d and SMMUv3 tables in a memory image.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      TranslateCommand.class,
      CheckCommand.class,
      ExplainCommand.class,
      InspectCommand.class,
      RegionsCommand.class,
      ExploreCommand.class,
      FieldsCommand.class,
      DecodeCommand.class,
      ExercisesCommand.class,
      ReplayRegistersCommand.class,
      ServeCommand.class,
      BenchCommand.class,
      CostCommand.class,
      CompletionCommand.class,
      ManualCommand.class,
      VersionCommand.class,
      CommandLine.HelpCommand.class
    },
    footer = {
      "",
      "IMAGE is a scenario's stem or any of its files (NAME.elf[.gz], NAME.json,",
      "NAME.csv), or a dump.",
      "Exit status: 0 done, 1 the answer is no (a fault, a failed check), 2 bad input.",
      "",
      "Example: nestwalk translate fixtures/captures/vtd/linux72-legacy-48"
          + " --source 00:02.0 --iova 0xffffc000"
    })
public final class Main implements Callable<Integer> {
  static final int DONE = 0;
  static final int NO = 1;
  static final int BAD_INPUT = 2;

  /** Matches picocli's message for a value that is not one of an option's words. */
  private static final Pattern CHOICE =
      Pattern.compile("expected one of \\[(.*)] \\(case-insensitive\\) but was '(.*)'");

  @Spec private CommandSpec spec = CommandSpec.create();

  Main() {}

  /** Runs the command and ends the JVM with its exit status. */
  public static void main(String[] args) {
    CommandProcess.runAndExit(Main::run, args);
  }

  /**
   * Runs the command.
   *
   * @return its exit status
   */
  public static int run(PrintWriter out, PrintWriter err, String... args) {
    CommandLine line = line();
    line.registerConverter(int.class, text -> number(text, Integer::valueOf));
    line.registerConverter(long.class, text -> number(text, Long::valueOf));
    line.setOut(out).setErr(err);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setUsageHelpAutoWidth(false);
    line.setParameterExceptionHandler(Main::badUsage);
    line.setExecutionExceptionHandler((e, command, parsed) -> failed(e, command));
    return line.execute(args);
  }

  private static <T> T number(String text, Function<String, T> parse) {
    try {
      return parse.apply(text);
    } catch (NumberFormatException e) {
      String what = text.matches("[+-]?[0-9]+") ? "a smaller number" : "a whole number";
      throw new TypeConversionException("'" + text + "': expected " + what);
    }
  }

  /** The command with its declared subcommands. */
  static CommandLine line() {
    CommandLine line = new CommandLine(new Main());
    keepFooters(line);
    return line;
  }

  /** Keeps the lines of footers unbroken, so that examples stay as they have to be typed. */
  private static void keepFooters(CommandLine line) {
    line.getHelpSectionMap()
        .put(
            UsageMessageSpec.SECTION_KEY_FOOTER,
            help ->
                Stream.of(help.commandSpec().usageMessage().footer())
                    .map(text -> text + "\n")
                    .collect(Collectors.joining()));
    line.getSubcommands().values().forEach(Main::keepFooters);
  }

  /** Lists the commands if none is given. */
  @Override
  public Integer call() {
    spec.commandLine().usage(spec.commandLine().getOut());
    return DONE;
  }

  private static int badUsage(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    String name = command.getCommandSpec().qualifiedName();
    String what = String.valueOf(e.getMessage());
    if (e instanceof CommandLine.UnmatchedArgumentException unmatched) {
      List<String> close = unmatched.getSuggestions();
      what =
          "'%s' is not expected%s"
              .formatted(
                  unmatched.getUnmatched().get(0),
                  close.isEmpty() ? "" : "; did you mean %s?".formatted(close.get(0)));
    }
    Matcher choice = CHOICE.matcher(what);
    if (choice.find()) {
      what =
          choice.replaceFirst(
              Matcher.quoteReplacement(
                  "'%s': expected one of %s"
                      .formatted(choice.group(2), choice.group(1).toLowerCase(Locale.ROOT))));
    }
    print(command, "%s: %s (%s --help tells more)".formatted(name, what, name));
    return BAD_INPUT;
  }

  private static int failed(Exception e, CommandLine command) {
    if (e instanceof ParameterException usage) {
      return badUsage(usage, new String[0]);
    }
    boolean told =
        e instanceof InputException
            || e instanceof OutputException
            || e instanceof ScenarioException
            || e instanceof ImageException;
    IOException io =
        e instanceof UncheckedIOException unchecked
            ? unchecked.getCause()
            : e instanceof IOException cause ? cause : null;
    String what =
        told || io == null
            ? String.valueOf(e.getMessage())
            : io instanceof FileSystemException file
                ? file.getFile() + ": " + IoReason.of(io)
                : IoReason.of(io);
    print(command, told || io != null ? "nestwalk: " + what : "nestwalk: internal error: " + e);
    return BAD_INPUT;
  }

  private static void print(CommandLine command, String message) {
    command.getOut().flush();
    command.getErr().println(OneLine.shown(message));
    command.getErr().flush();
  }
}
