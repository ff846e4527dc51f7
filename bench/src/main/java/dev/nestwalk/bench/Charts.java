package dev.nestwalk.bench;

import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.fixtures.OutputException;
import dev.nestwalk.fixtures.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Draws charts of counts. Nothing is timed here, so every machine draws the same charts. */
final class Charts {
  private static final String HELP =
      """
      Usage: nestwalk bench charts --out DIR
      Computes and draws, as SVG: references per walk by depth and page size, hit rates of the
      IOTLB by working set, and what each structure cache saves.
        --out DIR  writes the files there
        --help     this text
      Example: nestwalk bench charts --out docs/figures
      """;

  static int run(String... args) {
    if (args.length == 1 && (args[0].equals("--help") || args[0].equals("-h"))) {
      System.out.print(HELP);
      return 0;
    }
    if (args.length != 2 || !args[0].equals("--out")) {
      System.err.println(
          "nestwalk bench charts: expected --out DIR (nestwalk bench charts --help tells more)");
      return 2;
    }
    Path folder = Path.of(args[1]);
    try {
      Files.createDirectories(folder);
      for (Chart chart : all()) {
        Path file = folder.resolve(chart.name() + ".svg");
        WholeFile.write(file, ChartSvg.of(chart), List.of());
        System.out.println(file);
      }
    } catch (OutputException e) {
      System.err.println("nestwalk: " + e.getMessage());
      return 2;
    } catch (IOException e) {
      System.err.println("nestwalk: %s: cannot be written: %s".formatted(folder, IoReason.of(e)));
      return 2;
    }
    return 0;
  }

  /** Counted when first asked for, which takes a while, and once. */
  private static final class Counted {
    static final List<Chart> ALL =
        List.of(
            WalkDepths.vtdByDepth(),
            WalkDepths.smmuByDepth(),
            WalkDepths.byPageSize(),
            IotlbReach.chart(),
            StructureSavings.chart());
  }

  /** Every chart of the documentation. */
  static List<Chart> all() {
    return Counted.ALL;
  }

  private Charts() {}
}
