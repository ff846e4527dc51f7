package dev.nestwalk.cli;

import dev.nestwalk.memory.RawMemory;
import dev.nestwalk.teach.Image;
import dev.nestwalk.teach.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Options that select the memory and registers a command works on. */
final class ImageOptions {
  @Parameters(
      paramLabel = "IMAGE",
      description =
          "A scenario's stem or any of its files; a dump (ELF core, LiME, kdump-compressed, gzip,"
              + " zstd) or its stem; with --ram a raw memory file.")
  private Path file = Path.of("");

  @Option(
      names = "--ram",
      paramLabel = "BASE,SIZE[,OFFSET]|FILE",
      description =
          "IMAGE is a raw memory file that holds SIZE bytes of guest memory at BASE, from byte"
              + " OFFSET of the file on (default: where the mapping before ended). Repeatable."
              + " FILE is the shared memory file of a running machine; IMAGE then has its"
              + " registers, and where memory lies.")
  private List<String> ram = new ArrayList<>();

  @Option(
      names = "--registers",
      paramLabel = "FILE",
      description =
          "Registers from this file instead of the scenario's own: JSON, Linux's iommu_regset, or"
              + " QEMU's xp lines.")
  private @Nullable Path registers;

  @Option(
      names = "--unit",
      paramLabel = "U",
      description = "Which unit, where the registers' file has several: dmar0.")
  private @Nullable String unit;

  /** Every file from which the image may be read. */
  List<Path> files() {
    List<Path> files = new ArrayList<>(Image.filesOf(file));
    if (registers != null) {
      files.add(registers);
    }
    ram.stream().filter(text -> !text.contains(",")).map(Path::of).forEach(files::add);
    return files;
  }

  Image load() {
    if (unit != null && registers == null && ram.isEmpty()) {
      throw new InputException("--unit: expected --registers FILE, which has several units");
    }
    if (ram.isEmpty()) {
      return Image.ofScenario(file, registers, unit);
    }
    List<String> mappings = new ArrayList<>(ram);
    Path live = null;
    for (String text : ram) {
      if (!text.contains(",") && live == null) {
        live = Path.of(text);
        mappings.remove(text);
      }
    }
    try {
      if (live != null) {
        if (!Files.exists(live)) {
          throw new InputException(
              "--ram %s: no such file, expected BASE,SIZE or a file".formatted(live));
        }
        return Image.ofLive(file, live, RawMemory.parse(mappings), registers, unit);
      }
      return Image.ofRaw(file, RawMemory.parse(mappings), registers, unit);
    } catch (IllegalArgumentException e) {
      throw new InputException("--ram: " + e.getMessage());
    }
  }
}
