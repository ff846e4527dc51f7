package dev.nestwalk.cli;

import dev.nestwalk.fixtures.ScenarioRow;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * Rows whose expectation is known to be wrong: {@code docs/known-deviations.csv}, each named by
 * folder and stem of its image and by its line, with the clause that says so.
 */
final class KnownDeviations {
  private static final String RESOURCE = "/known-deviations.csv";

  private final Set<String> rows = new HashSet<>();

  static KnownDeviations load() {
    KnownDeviations known = new KnownDeviations();
    try (InputStream in = KnownDeviations.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        return known;
      }
      BufferedReader reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
      reader.lines().filter(line -> !line.startsWith("#")).forEach(known::add);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return known;
  }

  private void add(String line) {
    String[] cells = line.split(",", 3);
    if (cells.length == 3) {
      rows.add(cells[0].trim() + ":" + cells[1].trim());
    }
  }

  boolean has(Path rowsFile, ScenarioRow row) {
    Path folder = rowsFile.toAbsolutePath().normalize().getParent();
    String parent = folder == null ? "" : String.valueOf(folder.getFileName());
    String stem = String.valueOf(rowsFile.getFileName()).replaceFirst("\\.csv$", "");
    return rows.contains(parent + "/" + stem + ":" + row.line());
  }
}
