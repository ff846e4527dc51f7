package dev.nestwalk.cli;

import dev.nestwalk.region.Policy;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which reserved regions a DMA must not meet. */
final class GuardOptions {
  @Option(
      names = "--regions",
      paramLabel = "FILE",
      description =
          "Reserved regions: a setup (see nestwalk regions), a DMAR or IORT table, or the text of"
              + " an IOMMU group's reserved_regions.")
  private @Nullable Path file;

  @Option(
      names = "--policy",
      paramLabel = "P",
      description = "By which they count between two stages; default: the setup's, PARENT_OPT_IN.")
  private @Nullable String policy;

  @Option(names = "--device", paramLabel = "NAME", description = "Which device of the setup.")
  private @Nullable String device;

  /** What was given, null if nothing was. */
  @Nullable Guards guards() {
    if (file == null && (policy != null || device != null)) {
      throw new InputException((policy != null ? "--policy" : "--device") + " needs --regions");
    }
    return file == null ? null : Guards.of(file, device);
  }

  /** The policy that was given, else that of the regions. */
  Policy policy(Guards guards) {
    if (policy == null) {
      return guards.policy();
    }
    try {
      return Policy.named(policy);
    } catch (IllegalArgumentException e) {
      throw new InputException(String.valueOf(e.getMessage()));
    }
  }
}
