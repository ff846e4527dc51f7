package dev.nestwalk.bench.cost.command;

import dev.nestwalk.bench.cost.report.CostException;
import dev.nestwalk.bench.cost.report.Csv;
import dev.nestwalk.bench.cost.report.HtmlReport;
import dev.nestwalk.bench.cost.report.RunDocument;
import dev.nestwalk.fixtures.WholeFile;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Files that results go to. */
final class Outputs {
  @Option(names = "--json", paramLabel = "FILE", description = "Writes all results as JSON.")
  private @Nullable Path json;

  @Option(names = "--csv", paramLabel = "FILE", description = "Writes one line per cell.")
  private @Nullable Path csv;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Writes a page with plots and tables.")
  private @Nullable Path html;

  Outputs() {}

  /** Whether a file was asked for. */
  boolean isAsked() {
    return json != null || csv != null || html != null;
  }

  /** Asks for a page, where nothing was. */
  void page(Path file) {
    html = file;
  }

  /**
   * Looks where files are to go, before a run of minutes.
   *
   * @throws CostException if one cannot be written there
   */
  void check() {
    for (Path file : Stream.of(json, csv, html).filter(Objects::nonNull).toList()) {
      Path folder = file.toAbsolutePath().getParent();
      if (Files.isDirectory(file)) {
        throw new CostException(file + ": is a folder, expected a file to write to");
      }
      if (folder == null || !Files.isWritable(folder)) {
        throw new CostException(file + ": cannot be written: expected a folder that takes files");
      }
    }
  }

  void write(RunDocument document, List<HtmlReport.Answered> answered, PrintWriter out) {
    write(json, document.json(), out);
    if (csv != null) {
      write(csv, Csv.of(document), out);
    }
    if (html != null) {
      write(html, HtmlReport.of(document, answered), out);
    }
  }

  private static void write(@Nullable Path file, String text, PrintWriter out) {
    if (file != null) {
      WholeFile.write(file, text, List.of());
      out.println("wrote " + file);
    }
  }
}
