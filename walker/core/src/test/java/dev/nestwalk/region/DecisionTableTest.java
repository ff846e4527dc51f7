package dev.nestwalk.region;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The table that the code works out is the model's, row by row. */
class DecisionTableTest {
  static Stream<String> rows() throws IOException {
    return Files.readAllLines(Scenarios.fixtures().resolve("regions/decision-table.txt")).stream()
        .filter(line -> !line.startsWith("#") && !line.isBlank());
  }

  @ParameterizedTest
  @MethodSource("rows")
  void rowComesOut(String line) {
    List<String> words = List.of(line.strip().split("\\s+"));
    DecisionTable.Row row = DecisionTable.Row.valueOf(words.get(0));
    assertEquals(words.subList(1, words.size()), DecisionTable.row(row));
  }

  @Test
  void theChapterShowsTheSameTable() throws IOException {
    Path docs = Scenarios.fixtures().resolveSibling("docs");
    List<String> shown =
        Files.readAllLines(docs.resolve("reserved-regions.md")).stream()
            .map(line -> line.replaceAll(" +", " "))
            .toList();
    for (DecisionTable.Row row : DecisionTable.Row.values()) {
      String line = row + " " + String.join(" ", DecisionTable.row(row));
      assertTrue(shown.contains(line), line);
    }
  }

  @Test
  void everyRowIsCompared() throws IOException {
    assertEquals(DecisionTable.Row.values().length, rows().count());
  }
}
