package dev.nestwalk.cli;

import dev.nestwalk.fixtures.WholeFile;
import dev.nestwalk.format.Nearest;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.teach.exercises.Format;
import dev.nestwalk.teach.exercises.HtmlSheet;
import dev.nestwalk.teach.exercises.Kind;
import dev.nestwalk.teach.exercises.MarkdownSheet;
import dev.nestwalk.teach.exercises.Sheet;
import dev.nestwalk.teach.exercises.Topic;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Sheets of exercises. */
@Command(
    name = "exercises",
    mixinStandardHelpOptions = true,
    description = {
      "Makes a sheet of exercises from a seed; the library checks the answers.",
      "Equal options give an equal sheet."
    },
    footer = {
      "",
      "Example: nestwalk exercises --seed 7 --topic walks,faults --format html --out sheet.html"
    })
final class ExercisesCommand implements Callable<Integer> {
  private static final int DEFAULT_COUNT = 20;

  /** Output formats of a sheet. */
  enum Form {
    md,
    html
  }

  /** Finds the constant with this name. */
  private static <T> T named(String text, T[] all, Function<T, String> id, String expected) {
    return Stream.of(all)
        .filter(one -> id.apply(one).equalsIgnoreCase(text))
        .findFirst()
        .orElseThrow(() -> new TypeConversionException("'" + text + "': expected " + expected));
  }

  private static <T> String names(T[] all, Function<T, String> id) {
    return Stream.of(all).map(id).collect(Collectors.joining(", "));
  }

  /** Converts a topic option. */
  static final class TopicName implements ITypeConverter<Topic> {
    @Override
    public Topic convert(String text) {
      return named(text, Topic.values(), Topic::id, names(Topic.values(), Topic::id));
    }
  }

  /** Converts a kind option. */
  static final class KindName implements ITypeConverter<Kind> {
    @Override
    public Kind convert(String text) {
      String near = Nearest.of(text, Stream.of(Kind.values()).map(Kind::id).toList());
      return named(
          text,
          Kind.values(),
          Kind::id,
          "a kind of nestwalk exercises --list"
              + (near == null ? "" : "; did you mean " + near + "?"));
    }
  }

  /** Converts a format option. */
  static final class FormatName implements ITypeConverter<Format> {
    @Override
    public Format convert(String text) {
      return named(text, Format.values(), Format::id, names(Format.values(), Format::id));
    }
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(names = "--seed", paramLabel = "N", description = "A number (default ${DEFAULT-VALUE}).")
  private long seed = 1;

  @Option(
      names = "--count",
      paramLabel = "N",
      description = "How many exercises, 1 to 500 (default ${DEFAULT-VALUE}).")
  private int count = DEFAULT_COUNT;

  @Option(
      names = "--format",
      paramLabel = "F",
      description = "md (default): Markdown; html: a page that checks and reveals.")
  private Form format = Form.md;

  @Option(
      names = "--topic",
      paramLabel = "T",
      split = ",",
      converter = TopicName.class,
      description = "Only these topics.")
  private List<Topic> topics = new ArrayList<>();

  @Option(
      names = "--kind",
      paramLabel = "K",
      split = ",",
      converter = KindName.class,
      description = "Only these kinds.")
  private List<Kind> kinds = new ArrayList<>();

  @Option(
      names = "--iommu",
      paramLabel = "I",
      converter = FormatName.class,
      description = "vtd or smmuv3 (default: both).")
  private @Nullable Format iommu;

  @Option(names = "--list", description = "List the kinds and end.")
  private boolean list;

  @Option(names = "--out", paramLabel = "FILE", description = "Write the sheet to FILE.")
  private @Nullable Path file;

  @Option(
      names = "--solutions",
      paramLabel = "FILE",
      description = "With md: write the solutions to FILE.")
  private @Nullable Path solutions;

  ExercisesCommand() {}

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if (list) {
      print(out);
      return Main.DONE;
    }
    if (count < 1 || count > Sheet.MOST) {
      throw new InputException("--count %d: expected 1 to %d".formatted(count, Sheet.MOST));
    }
    refuseEmpty("--topic", topics);
    refuseEmpty("--kind", kinds);
    if (solutions != null && format == Form.html) {
      throw new InputException("--solutions: expected --format md; the page has its solutions");
    }
    if (solutions != null && file != null && solutions.normalize().equals(file.normalize())) {
      throw new InputException("--solutions: expected another file than --out");
    }
    Set<Format> formats = iommu == null ? EnumSet.allOf(Format.class) : EnumSet.of(iommu);
    try (Arena arena = Arena.ofConfined()) {
      Sheet sheet = Sheet.of(seed, count, chosen(formats), formats, arena);
      String text =
          format == Form.html
              ? HtmlSheet.of(sheet, commandLine())
              : MarkdownSheet.questions(sheet, commandLine());
      if (solutions != null) {
        write(solutions, MarkdownSheet.solutions(sheet, commandLine()));
      }
      if (file == null) {
        out.print(text);
      } else {
        WholeFile.write(file, text, solutions == null ? List.of() : List.of(solutions));
        out.println("%s: %d exercises, seed %d".formatted(file, count, seed));
      }
      out.flush();
    } catch (Sheet.TooFewException e) {
      throw new InputException(
          "--count %d: %s; expected fewer, or more kinds".formatted(count, e.getMessage()));
    }
    return Main.DONE;
  }

  /** A list of commas alone does not stand for everything. */
  private void refuseEmpty(String option, List<?> values) {
    if (values.isEmpty() && spec.commandLine().getParseResult().hasMatchedOption(option)) {
      throw new InputException(option + ": expected at least one name, between commas");
    }
  }

  private List<Kind> chosen(Set<Format> formats) {
    List<Kind> chosen = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      boolean wanted =
          (kinds.isEmpty() || kinds.contains(kind))
              && (topics.isEmpty() || topics.contains(kind.topic()));
      if (wanted && kind.formats().stream().anyMatch(formats::contains)) {
        chosen.add(kind);
      }
    }
    if (chosen.isEmpty()) {
      throw new InputException(contradiction());
    }
    return chosen;
  }

  /** The options that exclude each other, or an empty text. */
  private String contradiction() {
    for (Kind kind : kinds) {
      if (!topics.isEmpty() && !topics.contains(kind.topic())) {
        return "--kind %s is of topic %s: expected that --topic, or none"
            .formatted(kind.id(), kind.topic().id());
      }
      if (iommu != null && !kind.formats().contains(iommu)) {
        return "--kind %s is of %s: expected that --iommu, or none"
            .formatted(kind.id(), names(kind.formats().toArray(Format[]::new), Format::id));
      }
    }
    return "no kind has this topic and IOMMU: expected some of nestwalk exercises --list";
  }

  /** The options that produce the same exercises again. */
  private String commandLine() {
    StringBuilder line = new StringBuilder("nestwalk exercises --seed " + seed);
    line.append(" --count ").append(count);
    for (Topic topic : topics) {
      line.append(" --topic ").append(topic.id());
    }
    for (Kind kind : kinds) {
      line.append(" --kind ").append(kind.id());
    }
    return iommu == null ? line.toString() : line + " --iommu " + iommu.id();
  }

  private static void print(PrintWriter out) {
    for (Kind kind : Kind.values()) {
      String formats = kind.formats().stream().map(Format::id).collect(Collectors.joining(","));
      out.println(
          "%-27s %-14s %-11s %s".formatted(kind.id(), kind.topic().id(), formats, kind.summary()));
    }
    out.flush();
  }

  private static void write(Path path, String text) {
    WholeFile.write(path, text, List.of());
  }
}
