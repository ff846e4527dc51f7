package dev.nestwalk.cli;

import dev.nestwalk.dma.Access;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.format.Listing;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.teach.FieldFigure;
import dev.nestwalk.teach.FieldTables;
import dev.nestwalk.teach.Image;
import dev.nestwalk.teach.Structures;
import dev.nestwalk.teach.Walker;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The generated parts of the documentation, between {@code <!-- generated: WHAT -->} and {@code
 * <!-- end -->}, and its generated figures.
 *
 * <ul>
 *   <li>{@code fields ID}: figure and table of a structure
 *   <li>{@code structures FORMAT}: where each structure is shown
 *   <li>{@code walk IMAGE SOURCE IOVA}: the reads of a nested walk
 *   <li>{@code reads FORMAT}: reads by depths
 * </ul>
 */
final class FormatPages {
  private static final Pattern PART =
      Pattern.compile("<!-- generated: ([^>]*?) -->\\n.*?<!-- end -->", Pattern.DOTALL);

  /** The walks that have a figure: file name, title, image, source id and address. */
  private static final List<Walk> WALKS =
      List.of(
          new Walk("nested-walk-vtd", "teaching/vtd-nested", 0x10, 0x4000_1008L),
          new Walk("nested-walk-smmuv3", "captures/smmuv3/nested-vm-4k", 8, 0xffff_c000L));

  private final Path docs;

  FormatPages(Path docs) {
    this.docs = docs;
  }

  private record Walk(String figure, String image, int source, long iova) {}

  /** The documentation of this repository. */
  static FormatPages ofRepository() {
    return new FormatPages(Scenarios.fixtures().resolveSibling("docs"));
  }

  /** Every generated text by file: pages with generated parts, and figures. */
  Map<Path, String> texts() throws IOException {
    Map<Path, String> all = new TreeMap<>();
    for (Path page : pages()) {
      all.put(page, renewed(page));
    }
    for (Listing listing : Structures.all()) {
      all.put(fieldFigures().resolve(listing.id() + ".svg"), FieldFigure.of(listing));
    }
    for (Walk walk : WALKS) {
      all.put(docs.resolve("figures/" + walk.figure + ".svg"), figure(walk));
    }
    return all;
  }

  /** Where the figures of structures are. */
  Path fieldFigures() {
    return docs.resolve("figures/fields");
  }

  /** Pages with generated parts. */
  List<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>();
    try (Stream<Path> files = Files.walk(docs)) {
      for (Path file : files.filter(path -> path.toString().endsWith(".md")).sorted().toList()) {
        if (PART.matcher(Files.readString(file)).find()) {
          pages.add(file);
        }
      }
    }
    return pages;
  }

  /** Ids of the structures that the pages show, in their order. */
  List<String> shown() throws IOException {
    List<String> shown = new ArrayList<>();
    for (Path page : pages()) {
      Matcher part = PART.matcher(Files.readString(page));
      while (part.find()) {
        if (part.group(1).startsWith("fields ")) {
          shown.add(part.group(1).substring("fields ".length()));
        }
      }
    }
    return shown;
  }

  private String renewed(Path page) throws IOException {
    String text = Files.readString(page);
    Matcher part = PART.matcher(text);
    StringBuilder renewed = new StringBuilder(text.length());
    while (part.find()) {
      String what = part.group(1);
      String content =
          "<!-- generated: %s -->\n\n%s\n<!-- end -->".formatted(what, content(page, what));
      part.appendReplacement(renewed, Matcher.quoteReplacement(content));
    }
    return part.appendTail(renewed).toString();
  }

  private String content(Path page, String what) throws IOException {
    String[] words = what.split(" ", -1);
    return switch (words[0]) {
      case "fields" -> fields(page, Structures.find(words[1]));
      case "structures" -> structures(page, words[1]);
      case "walk" -> {
        Walk walk = walk(words[1]);
        yield grid(walk).markdown(isVtd(walk) ? "second" : "stage 2");
      }
      case "reads" ->
          words[1].equals("VT-d")
              ? NestedReads.markdown(NestedReads.vtd(), "first stage", "second stage")
              : NestedReads.markdown(NestedReads.smmu(), "stage 1", "stage 2");
      default -> throw new IllegalArgumentException(page + ": nothing generates " + what);
    };
  }

  private String fields(Path page, Listing listing) {
    Path figure = fieldFigures().resolve(listing.id() + ".svg");
    return "![Bits of the %s](%s)\n\n%s"
        .formatted(listing.structure().name(), link(page, figure), FieldTables.markdown(listing));
  }

  private static String link(Path page, Path target) {
    Path folder = page.toAbsolutePath().resolve("..").normalize();
    return folder.relativize(target.toAbsolutePath()).toString().replace('\\', '/');
  }

  private String structures(Path page, String format) throws IOException {
    Map<String, Path> shownIn = new TreeMap<>();
    for (Path other : pages()) {
      Matcher part = PART.matcher(Files.readString(other));
      while (part.find()) {
        if (part.group(1).startsWith("fields ")) {
          shownIn.put(part.group(1).substring("fields ".length()), other);
        }
      }
    }
    StringBuilder text = new StringBuilder(4096);
    text.append("| structure | section | | chapter |\n| --- | --- | --- | --- |\n");
    for (Listing one : Structures.BY_FORMAT.getOrDefault(format, Collections.emptyList())) {
      Path where = shownIn.getOrDefault(one.id(), page);
      text.append(
          "| %s | %s | %s | [%s](%s) |%n"
              .formatted(
                  one.structure().name(),
                  one.structure().section(),
                  one.about(),
                  String.valueOf(where.getFileName()).replace(".md", ""),
                  link(page, where)));
    }
    return text.toString();
  }

  private static Walk walk(String image) {
    return WALKS.stream().filter(walk -> walk.image.equals(image)).findFirst().orElseThrow();
  }

  private static boolean isVtd(Walk walk) {
    return walk.figure.endsWith("vtd");
  }

  private static WalkGrid grid(Walk walk) throws IOException {
    Image image = Image.ofScenario(Scenarios.fixtures().resolve(walk.image), null);
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = image.open(Opening.READ_ONLY, arena);
      Trace trace =
          Walker.explaining(image, memory).translate(walk.source, -1, walk.iova, Access.READ);
      return WalkGrid.of(trace, isVtd(walk) ? "first" : "stage 1");
    }
  }

  private static String figure(Walk walk) throws IOException {
    WalkGrid grid = grid(walk);
    String title =
        "%d reads of a nested walk: %s, address 0x%x"
            .formatted(grid.reads().size(), walk.image, walk.iova);
    return isVtd(walk)
        ? WalkGridFigure.of(grid, title, "second stage", "first stage")
        : WalkGridFigure.of(grid, title, "stage 2", "stage 1, CD:");
  }
}
