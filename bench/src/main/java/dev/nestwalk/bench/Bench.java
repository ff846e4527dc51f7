package dev.nestwalk.bench;

import dev.nestwalk.fixtures.CommandProcess;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The command {@code nestwalk bench}, which starts one of its parts. */
public final class Bench {
  private static final String HELP =
      """
      Usage: nestwalk bench COMMAND
        scoreboard  times translations beside a native baseline
        charts      draws references per walk, IOTLB reach and what structure caches save
      nestwalk bench COMMAND --help tells more.
      """;

  /** Runs the command; exit status 0 for success, 2 for bad usage or lost output. */
  public static void main(String[] args) {
    System.exit(run(args));
  }

  static int run(String... args) {
    int status = started(args);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    return CommandProcess.ended(status, System.out.checkError(), err);
  }

  private static int started(String... args) {
    String command = args.length == 0 ? "" : args[0];
    return switch (command) {
      case "charts" -> Charts.run(Arrays.copyOfRange(args, 1, args.length));
      case "--help", "-h" -> {
        System.out.print(HELP);
        yield 0;
      }
      case "scoreboard" -> Scoreboard.run(args);
      default -> {
        String given = command.isEmpty() ? "" : ", not '" + command + "'";
        System.err.println(
            "nestwalk bench: expected scoreboard or charts%s (nestwalk bench --help tells more)"
                .formatted(given));
        yield 2;
      }
    };
  }

  private Bench() {}
}
