package dev.nestwalk.cli;

import dev.nestwalk.fixtures.WholeFile;
import dev.nestwalk.format.Listing;
import dev.nestwalk.teach.FieldFigure;
import dev.nestwalk.teach.FieldTables;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.teach.Structures;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Lists the structures of both formats, field by field. */
@Command(
    name = "fields",
    mixinStandardHelpOptions = true,
    description = {
      "Shows a structure of VT-d or SMMUv3: its fields, bit ranges and reserved bits.",
      "These are the declarations that the walkers use. Without STRUCTURE: lists all structures."
    },
    footer = {
      "",
      "Example: nestwalk fields pasid table entry",
      "         nestwalk fields ste --format svg --out ste.svg"
    })
final class FieldsCommand implements Callable<Integer> {
  /** Output formats of a structure. */
  enum Format {
    text,
    json,
    svg,
    md
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "STRUCTURE",
      arity = "0..*",
      description = "A name as the list has it, or words that only one name has.")
  private List<String> words = new ArrayList<>();

  @Option(
      names = "--format",
      paramLabel = "F",
      description = "text (default), json, svg (a figure of the bits), or md (a Markdown table).")
  private Format format = Format.text;

  @Option(names = "--out", paramLabel = "FILE", description = "Write to FILE.")
  private @Nullable Path file;

  FieldsCommand() {}

  @Override
  public Integer call() {
    String text = words.isEmpty() ? list() : show(Structures.find(String.join(" ", words)));
    if (file == null) {
      spec.commandLine().getOut().print(text);
      spec.commandLine().getOut().flush();
      return Main.DONE;
    }
    WholeFile.write(file, text, List.of());
    return Main.DONE;
  }

  private String list() {
    return switch (format) {
      case text -> FieldTables.listText();
      case json -> FieldTables.listJson();
      case md -> FieldTables.listMarkdown();
      case svg -> throw new InputException("--format svg: expected a STRUCTURE to draw");
    };
  }

  private String show(Listing listing) {
    return switch (format) {
      case text -> FieldTables.text(listing);
      case json -> FieldTables.json(listing);
      case svg -> FieldFigure.of(listing);
      case md -> FieldTables.markdown(listing);
    };
  }
}
