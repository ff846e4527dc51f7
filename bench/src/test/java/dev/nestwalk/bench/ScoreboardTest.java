package dev.nestwalk.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The scoreboard's form; what it measures depends on the machine and is no test. */
class ScoreboardTest {
  private static final Set<String> KEYS =
      Set.of("name", "java_ns", "twin_ns", "ratio", "refs", "bytes_per_op", "target", "met");

  @TempDir private Path folder = Path.of("");

  private String printed(int status, String... arguments) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream before = System.out;
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      assertEquals(status, Scoreboard.run(arguments));
    } finally {
      System.setOut(before);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void metricsGoToTheScreenAndToAFile() throws IOException {
    Path file = folder.resolve("scores.json");
    String text =
        printed(0, "scoreboard", "--quick", "--only", "walk-vtd", "--json", file.toString());
    assertTrue(text.contains("nested-walk-vtd"), text);
    JsonObject all = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    assertEquals(Set.of("machine", "metrics"), all.keySet());
    assertEquals(2, all.getAsJsonArray("metrics").size());
    for (var metric : all.getAsJsonArray("metrics")) {
      JsonObject line = metric.getAsJsonObject();
      assertEquals(KEYS, line.keySet());
      assertTrue(line.get("java_ns").getAsDouble() > 0);
      assertEquals(0, line.get("bytes_per_op").getAsDouble(), "allocates");
    }
  }

  @Test
  void unknownArgumentsAreRefused() {
    assertEquals("", printed(2, "scoreboard", "--fast"));
    assertEquals("", printed(2));
    assertEquals("", printed(2, "scoreboard", "--json"));
    assertFalse(printed(0, "scoreboard", "--help").isEmpty());
  }
}
