package dev.nestwalk.bench.cost.sweep;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.nestwalk.bench.cost.report.CostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Results of any content are read or refused in one line. The build replays the inputs beside
 * (resources); CONTRIBUTING tells how to search for new ones.
 */
class ResultFuzzTest {
  private static final Path FILE = Path.of("cells-1-of-1.jsonl");

  /** A line that is read is written, and read as the same. */
  @FuzzTest(maxDuration = "10m")
  void line(byte[] bytes) {
    Finished finished;
    try {
      finished = CellStore.finished(FILE, 1, new String(bytes, StandardCharsets.UTF_8));
    } catch (CostException e) {
      String message = e.getMessage();
      if (message == null || message.isBlank() || message.chars().anyMatch(c -> c < ' ')) {
        throw new AssertionError("a refusal is one line that says why: " + message, e);
      }
      return;
    }
    String written = finished.line();
    if (!Finished.parse(written).line().equals(written)) {
      throw new AssertionError(written);
    }
  }
}
