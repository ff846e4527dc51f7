package dev.nestwalk.cli;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.nestwalk.teach.InputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Records of a kernel's regions and steps, of any content, are replayed or refused in one line. The
 * build replays the inputs beside (resources); CONTRIBUTING tells how to search for new ones.
 */
class ReplayFuzzTest {
  private static final Path FILE = Path.of("fuzz.steps");

  @FuzzTest(maxDuration = "10m")
  void regions(byte[] bytes) {
    String text = new String(bytes, StandardCharsets.UTF_8);
    try {
      for (String failure : Replay.of(FILE, text.lines().toList()).failures()) {
        requireLine(failure);
      }
    } catch (InputException e) {
      requireLine(String.valueOf(e.getMessage()));
    }
  }

  private static void requireLine(String message) {
    if (message.isBlank() || message.indexOf('\n') >= 0) {
      throw new AssertionError("one line that says why: " + message);
    }
  }
}
