package dev.nestwalk.cli.docs;

import dev.nestwalk.cli.Main;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A block of commands and what they print. A line {@code …} stands for any lines, a {@code …} at
 * the end of a line for the rest of it. A command without any output shown may print what it likes,
 * but has to succeed or say no.
 */
final class Transcript {
  private static final String PROMPT = "$ ";
  private static final String LEFT_OUT = "…";

  /** What an option names to be written, or to be read if an earlier command wrote it. */
  private static final Pattern WRITTEN = Pattern.compile("[\\w-]+\\.(html|json|md|svg|csv)");

  /** A command that goes on in the next line, as a shell takes it. */
  private static final Pattern CONTINUED = Pattern.compile(" *\\\\\\R *");

  /** A command and the lines shown below it. */
  record Run(String command, List<String> shown) {
    /** Its words behind the name, or none if another program is meant. */
    List<String> arguments() {
      List<String> words = new ArrayList<>(List.of(command.trim().split("\\s+")));
      String name = words.remove(0);
      return name.equals("walker/nestwalk") || name.equals("nestwalk") ? words : List.of();
    }
  }

  private final Path root;
  private final Path scratch;

  /**
   * Commands run as from {@code root}; what they write goes to {@code scratch}, where later
   * commands find it.
   */
  Transcript(Path root, Path scratch) {
    this.root = root;
    this.scratch = scratch;
  }

  /** The commands of a block; lines before the first belong to none. */
  static List<Run> parse(String block) {
    List<Run> runs = new ArrayList<>();
    for (String line : CONTINUED.matcher(block).replaceAll(" ").lines().toList()) {
      if (line.startsWith(PROMPT)) {
        runs.add(new Run(line.substring(PROMPT.length()), new ArrayList<>()));
      } else if (!runs.isEmpty()) {
        runs.get(runs.size() - 1).shown().add(line);
      }
    }
    for (Run run : runs) {
      // An empty line before the next command or the fence is layout.
      while (!run.shown().isEmpty() && run.shown().get(run.shown().size() - 1).isEmpty()) {
        run.shown().remove(run.shown().size() - 1);
      }
    }
    return runs;
  }

  /** Runs a command; what differs from what is shown, or empty. */
  String difference(Run run) throws IOException {
    StringWriter out = new StringWriter();
    String[] words = words(run.arguments()).toArray(String[]::new);
    int status = Main.run(new PrintWriter(out), new PrintWriter(out), words);
    String printed = out.toString().replace(scratch + "/", "").replace(root + "/", "");
    if (run.shown().isEmpty()) {
      return status < 2 ? "" : "exit status " + status + ": " + printed;
    }
    return compare(run.shown(), printed.lines().map(String::stripTrailing).toList());
  }

  /** What differs between lines shown and lines printed, or empty. */
  static String compare(List<String> shown, List<String> printed) {
    if (matches(shown, 0, printed, 0)) {
      return "";
    }
    return "shown:\n%s\nprinted:\n%s"
        .formatted(String.join("\n", shown), String.join("\n", printed));
  }

  private static boolean matches(List<String> shown, int i, List<String> printed, int j) {
    if (i == shown.size()) {
      return j == printed.size();
    }
    String line = shown.get(i).stripTrailing();
    if (line.equals(LEFT_OUT)) {
      for (int next = j; next <= printed.size(); next++) {
        if (matches(shown, i + 1, printed, next)) {
          return true;
        }
      }
      return false;
    }
    if (j == printed.size()) {
      return false;
    }
    boolean same =
        line.endsWith(LEFT_OUT)
            ? printed.get(j).startsWith(line.substring(0, line.length() - 1).stripTrailing())
            : printed.get(j).equals(line);
    return same && matches(shown, i + 1, printed, j + 1);
  }

  /** The words as the command gets them: patterns resolved, paths from the root or the scratch. */
  private List<String> words(List<String> given) throws IOException {
    List<String> words = new ArrayList<>();
    for (int i = 0; i < given.size(); i++) {
      String word = given.get(i);
      boolean afterOption = i > 0 && given.get(i - 1).startsWith("--");
      if (afterOption && WRITTEN.matcher(word).matches()) {
        words.add(scratch.resolve(word).toString());
      } else if (word.contains("*")) {
        words.addAll(matching(word));
      } else if (Files.exists(scratch.resolve(word))) {
        words.add(scratch.resolve(word).toString());
      } else if (word.startsWith("fixtures") || word.startsWith("docs/")) {
        words.add(root.resolve(word).toString());
      } else {
        words.add(word);
      }
    }
    return words;
  }

  private List<String> matching(String pattern) throws IOException {
    PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + root + "/" + pattern);
    Path folder = root.resolve(pattern.substring(0, pattern.indexOf('*') + 1)).getParent();
    try (Stream<Path> files = Files.walk(folder == null ? root : folder)) {
      return files.filter(matcher::matches).map(Path::toString).sorted().toList();
    }
  }
}
