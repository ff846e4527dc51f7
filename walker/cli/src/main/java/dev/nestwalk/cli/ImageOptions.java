package dev.nestwalk.cli;

import dev.nestwalk.memory.RawMemory;
import dev.nestwalk.teach.Image;
import dev.nestwalk.teach.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Which memory a command works on, and with which registers. */
final class ImageOptions {
  @Parameters(
      paramLabel = "IMAGE",
      description = "A scenario's stem or any of its files; with --ram a raw memory file.")
  private Path file = Path.of("");

  @Option(
      names = "--ram",
      paramLabel = "BASE,SIZE[,OFFSET]",
      description =
          "IMAGE is a raw memory file that holds SIZE bytes of guest memory at BASE, from byte"
              + " OFFSET of the file on (default: where the mapping before ended). Repeatable.")
  private List<String> ram = new ArrayList<>();

  @Option(
      names = "--registers",
      paramLabel = "FILE",
      description = "Registers from this JSON file instead of the scenario's own.")
  private @Nullable Path registers;

  Image load() {
    if (ram.isEmpty()) {
      return Image.ofScenario(file, registers);
    }
    if (registers == null) {
      throw new InputException(file + ": --ram needs --registers FILE as well");
    }
    try {
      return Image.ofRaw(file, RawMemory.parse(ram), registers);
    } catch (IllegalArgumentException e) {
      throw new InputException("--ram: " + e.getMessage());
    }
  }
}
