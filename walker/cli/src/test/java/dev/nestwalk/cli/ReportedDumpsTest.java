package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every dump of {@code fixtures/samples/dumps} says what is expected of it. */
class ReportedDumpsTest {
  private static final Path DUMPS = Scenarios.fixtures().resolve("samples/dumps");

  private static List<List<String>> rows() throws IOException {
    return Files.readAllLines(DUMPS.resolve("EXPECTATIONS.tsv")).stream()
        .filter(line -> !line.startsWith("#"))
        .map(line -> List.of(line.split("\t", -1)))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("rows")
  void dumpOpensOrIsNamed(List<String> row) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int status =
        Main.run(
            new PrintWriter(out),
            new PrintWriter(err),
            "translate",
            DUMPS.resolve(row.get(0)).toString(),
            "--registers",
            DUMPS.resolve("regs.json").toString(),
            "--source",
            "00:02.0",
            "--iova",
            "0");
    if (row.get(1).equals("ok")) {
      assertEquals("ok " + row.get(2) + "\n", out.toString(), err.toString());
      assertEquals(0, status);
      return;
    }
    assertEquals(2, status);
    assertEquals(1, err.toString().lines().count());
    row.stream().skip(2).forEach(part -> assertTrue(err.toString().contains(part), err.toString()));
  }

  @Test
  void everyDumpHasARow() throws IOException {
    Set<String> named = new TreeSet<>(Set.of("regs.json", "EXPECTATIONS.tsv"));
    rows().forEach(row -> named.add(row.get(0)));
    try (Stream<Path> files = Files.list(DUMPS)) {
      assertEquals(
          named,
          files
              .map(file -> String.valueOf(file.getFileName()))
              .collect(Collectors.toCollection(TreeSet::new)));
    }
  }
}
