package dev.nestwalk.teach;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Walks, setups and requests as JSON of any content are read or refused in one line. The build
 * replays the inputs beside (resources); CONTRIBUTING tells how to search for new ones.
 */
class InputsFuzzTest {
  private static final Path FILE = Path.of("fuzz.json");

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static void requireReason(@Nullable String message) {
    if (message == null || message.isBlank() || message.chars().anyMatch(c -> c < ' ')) {
      throw new AssertionError("a refusal is one line that says why: " + message);
    }
  }

  /** A walk that is read is written again, and read as the same walk. */
  @FuzzTest(maxDuration = "10m")
  void walk(byte[] bytes) {
    Explanation walk;
    try {
      walk = TraceReader.read(text(bytes));
    } catch (IllegalArgumentException e) {
      requireReason(e.getMessage());
      return;
    }
    String written = TraceWriter.text(walk);
    String again = TraceWriter.text(TraceReader.read(written));
    if (!again.equals(written)) {
      throw new AssertionError(written + " became " + again);
    }
  }

  @FuzzTest(maxDuration = "10m")
  void setup(byte[] bytes) {
    String text = text(bytes);
    if (text.contains("regionsFile")) {
      return; // files are fuzzed by themselves
    }
    try {
      JsonObject json = Setup.parse(FILE, text);
      Setup setup = Setup.play(FILE, json, Setup.policyOf(FILE, json), FirmwareReading.strict());
      setup.refusals.forEach(InputsFuzzTest::requireReason);
    } catch (InputException e) {
      requireReason(e.getMessage());
    }
  }

  /** The first byte says which format, and what is looked for. */
  @FuzzTest(maxDuration = "10m")
  void request(byte[] bytes) {
    if (bytes.length == 0) {
      return;
    }
    try {
      ApiRequest request =
          ApiRequest.parse(new String(bytes, 1, bytes.length - 1, StandardCharsets.UTF_8));
      Explanation.Request dma = request.dma((bytes[0] & 1) == 0);
      if (dma.pasid() < -1 || dma.pasid() > 0xf_ffff) {
        throw new AssertionError("PASID " + dma.pasid());
      }
    } catch (ApiRequest.Refusal e) {
      requireReason(e.getMessage());
    }
  }
}
