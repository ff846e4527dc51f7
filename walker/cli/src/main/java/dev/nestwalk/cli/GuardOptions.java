package dev.nestwalk.cli;

import dev.nestwalk.teach.Guards;
import dev.nestwalk.teach.InputException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that select the reserved regions a DMA must not touch. */
final class GuardOptions {
  @Option(
      names = "--regions",
      paramLabel = "FILE",
      description =
          "Reserved regions: a setup (see nestwalk regions), a DMAR or IORT table, or the text of"
              + " an IOMMU group's reserved_regions.")
  private @Nullable Path file;

  @Option(names = "--device", paramLabel = "NAME", description = "Which device of the setup.")
  private @Nullable String device;

  /** The regions given, or null if there are none. */
  @Nullable Guards guards() {
    if (file == null && device != null) {
      throw new InputException("--device needs --regions");
    }
    return file == null ? null : Guards.of(file, device);
  }
}
