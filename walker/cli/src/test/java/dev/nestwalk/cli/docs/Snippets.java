package dev.nestwalk.cli.docs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Pieces of code in tests, between {@code // begin NAME} and {@code // end NAME}, for pages to
 * show: they are compiled and run where they stand.
 */
final class Snippets {
  private static final Pattern REGION =
      Pattern.compile("(?m)^ *// begin (\\S+)\n((?s:.*?))^ *// end \\1\n");

  private final Map<String, String> whereByText = new HashMap<>();

  /** All pieces of the tests below {@code root}. */
  Snippets(Path root) throws IOException {
    for (String module :
        List.of(
            "walker/core", "walker/device", "walker/teach", "walker/cli", "fixtures", "bench")) {
      Path tests = root.resolve(module).resolve("src/test/java");
      try (Stream<Path> files = Files.walk(tests)) {
        for (Path file : files.filter(f -> f.toString().endsWith("Test.java")).toList()) {
          add(Files.readString(file), root.relativize(file).toString());
        }
      }
    }
  }

  private void add(String source, String file) {
    Matcher region = REGION.matcher(source);
    while (region.find()) {
      whereByText.put(dedented(region.group(2)), file + ", " + region.group(1));
    }
  }

  /** Whether some test has exactly this code. */
  boolean has(String code) {
    return whereByText.containsKey(code);
  }

  /** Code without the indentation that all its lines share. */
  static String dedented(String code) {
    // A last line that is empty would count as one without indentation.
    return code.stripTrailing().stripIndent() + "\n";
  }

  /** What to say of code that no test has: the piece that shares most of its lines. */
  String nearest(String code) {
    List<String> lines = code.lines().map(String::strip).toList();
    String best = "none";
    int most = 0;
    for (Map.Entry<String, String> piece : whereByText.entrySet()) {
      List<String> shared = new ArrayList<>(lines);
      shared.retainAll(piece.getKey().lines().map(String::strip).toList());
      if (shared.size() > most) {
        most = shared.size();
        best = piece.getValue() + ":\n" + piece.getKey();
      }
    }
    return best;
  }
}
