package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonParser;
import dev.nestwalk.fixtures.EndlessMachines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Small images whose tables list without end: the listing stops by itself, and says so. */
class EndlessTablesTest {
  private static final int LONGEST_LISTING = 20 << 20;

  @TempDir Path folder;

  private static Result run(String... arguments) {
    return Result.of((Object[]) arguments);
  }

  private Path image(String kind) throws IOException {
    Path stem = folder.resolve("endless");
    EndlessMachines.write(EndlessMachines.Kind.valueOf(kind.toUpperCase(Locale.ROOT)), stem);
    assertTrue(Files.size(folder.resolve("endless.elf")) < 170_000);
    return stem;
  }

  @ParameterizedTest
  @CsvSource({
    "pasids, stopped after 2097152 table reads",
    "domains, stopped after 10000 ranges",
    "domain, stopped after 10000 ranges",
    "streams, stopped after 1024 endpoints",
  })
  void inspectStopsAndSaysWhatRanOut(String kind, String reason) throws IOException {
    Path stem = image(kind);
    for (String format : new String[] {"text", "json"}) {
      Result result = run("inspect", stem.toString(), "--limit", "1", "--format", format);
      assertEquals(0, result.status());
      assertTrue(result.out().contains(reason), result.out().lines().limit(40).toList().toString());
      assertTrue(result.out().length() < LONGEST_LISTING / 10, "bytes " + result.out().length());
    }
  }

  @Test
  void tenSecondsAreEnoughUnlessMoreIsAskedFor() throws IOException {
    Path stem = image("domains");
    long began = System.nanoTime();
    Result result = run("inspect", stem.toString());
    long seconds = (System.nanoTime() - began) / 1_000_000_000;
    // A generous bound: that it ends is the point, not how fast this machine is.
    assertTrue(seconds < 60, seconds + " s");
    assertTrue(result.out().contains("stopped after 100000 ranges; --limit"), "no reason given");
    assertTrue(result.out().length() < LONGEST_LISTING, "bytes " + result.out().length());
  }

  @Test
  void everyDomainGetsItsShare() throws IOException {
    String text = run("inspect", image("domains").toString(), "--limit", "1").out();
    assertTrue(
        text.lines().filter(line -> line.startsWith("  … cut here: not looked at")).count() > 200);
    assertTrue(text.contains("1f.7 (0x00ff) domain 256"), "the last domain is not listed");
  }

  @Test
  void aHigherLimitReachesFurther() throws IOException {
    Path stem = image("streams");
    JsonArray one = endpoints(run("inspect", stem.toString(), "--limit", "1", "--format", "json"));
    JsonArray two = endpoints(run("inspect", stem.toString(), "--limit", "2", "--format", "json"));
    assertEquals(1024, one.size());
    assertEquals(2048, two.size());
    assertEquals(2, run("inspect", stem.toString(), "--limit", "0").status());
  }

  private static JsonArray endpoints(Result result) {
    return JsonParser.parseString(result.out()).getAsJsonObject().getAsJsonArray("endpoints");
  }
}
