package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.format.Listing;
import dev.nestwalk.teach.FieldFigure;
import dev.nestwalk.teach.Structures;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/** The chapters on the formats show what the code declares, and count as the walkers count. */
final class FormatPagesTest {
  private static final FormatPages PAGES = FormatPages.ofRepository();

  /** Run with {@code -Dnestwalk.write-docs=true} to write them anew. */
  @Test
  void generatedPartsAndFiguresAreCurrent() throws IOException {
    if (Boolean.getBoolean("nestwalk.write-docs")) {
      Files.createDirectories(PAGES.fieldFigures());
      for (Map.Entry<Path, String> text : PAGES.texts().entrySet()) {
        Files.writeString(text.getKey(), text.getValue());
      }
    }
    for (Map.Entry<Path, String> text : PAGES.texts().entrySet()) {
      assertTrue(Files.isRegularFile(text.getKey()), text.getKey() + " is missing");
      assertEquals(text.getValue(), Files.readString(text.getKey()), text.getKey() + " is stale");
    }
  }

  @Test
  void everyStructureIsShownOnce() throws IOException {
    List<String> shown = PAGES.shown();
    Set<String> declared =
        Structures.all().stream().map(Listing::id).collect(Collectors.toCollection(TreeSet::new));
    assertEquals(Structures.all().size(), declared.size(), "two structures with one id");
    assertEquals(declared, new TreeSet<>(shown));
    assertEquals(declared.size(), shown.size(), "shown twice");
  }

  @Test
  void noFigureIsLeftOver() throws IOException {
    Set<Path> known = PAGES.texts().keySet();
    try (Stream<Path> files = Files.list(PAGES.fieldFigures())) {
      assertEquals(List.of(), files.filter(file -> !known.contains(file)).toList());
    }
  }

  static List<Listing> structures() {
    return Structures.all();
  }

  @ParameterizedTest
  @MethodSource("structures")
  void figuresNameEveryFieldAndStandAlone(Listing listing) throws Exception {
    String text = FieldFigure.of(listing);
    Document figure =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
    Element root = figure.getDocumentElement();
    assertEquals("img", root.getAttribute("role"));
    String title = root.getElementsByTagName("title").item(0).getTextContent();
    assertTrue(title.startsWith(listing.structure().name()), title);
    String description = root.getElementsByTagName("desc").item(0).getTextContent();
    Set<String> tips = tips(root);
    listing
        .structure()
        .fields()
        .forEach(
            field -> {
              String tip = field.label().replaceFirst("\\[(.*)]$", " $1") + ": " + field.meaning();
              assertTrue(tips.contains(tip), tip);
              assertTrue(description.contains(field.meaning()), field.label());
            });
    assertFalse(text.replace("http://www.w3.org/2000/svg", "").contains("http"), "no network");
  }

  private static Set<String> tips(Element root) {
    Set<String> tips = new TreeSet<>();
    for (int i = 0; i < root.getElementsByTagName("title").getLength(); i++) {
      tips.add(root.getElementsByTagName("title").item(i).getTextContent());
    }
    return tips;
  }

  @ParameterizedTest
  @MethodSource("structures")
  void partsCoverEveryBitOnce(Listing listing) {
    int next = 0;
    for (Listing.Part part : listing.parts()) {
      assertEquals(next, part.lo(), listing.id());
      next = part.hi() + 1;
    }
    assertEquals(listing.bits(), next, listing.id());
  }

  static List<NestedReads.Count> vtdCounts() {
    return NestedReads.vtd();
  }

  @ParameterizedTest
  @MethodSource("vtdCounts")
  void vtdReadsFollowTheFormula(NestedReads.Count count) {
    assertEquals(count.formula(), count.tables());
    assertEquals(4 + count.formula(), count.all(), "root, context, PASID directory and entry");
  }

  static List<NestedReads.Count> smmuCounts() {
    return NestedReads.smmu();
  }

  @ParameterizedTest
  @MethodSource("smmuCounts")
  void smmuReadsFollowTheFormula(NestedReads.Count count) {
    assertEquals(count.formula(), count.tables());
    int context = count.second().entries() + 1;
    assertEquals(1 + context + count.formula(), count.all(), "STE, and the CD through stage 2");
  }
}
