package dev.nestwalk.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;
import org.xml.sax.SAXException;

/** The pictures in the documentation are what the library counts today. */
class ChartsTest {
  private static final Path FIGURES =
      Path.of(System.getProperty("nestwalk.root", ".")).resolve("docs/figures");

  private static final List<Chart> ALL = Charts.all();

  @TempDir private Path folder = Path.of("");

  @TestFactory
  List<DynamicTest> shippedFiguresShowTheseNumbers() {
    return ALL.stream()
        .map(
            chart ->
                DynamicTest.dynamicTest(
                    chart.name(),
                    () -> {
                      String shipped = Files.readString(FIGURES.resolve(chart.name() + ".svg"));
                      String hint = "stale: walker/nestwalk bench charts --out docs/figures";
                      assertEquals(chart.csv(), figures(shipped), hint);
                      assertEquals(ChartSvg.of(chart), shipped, hint);
                    }))
        .toList();
  }

  private static Element parsed(String svg)
      throws IOException, ParserConfigurationException, SAXException {
    byte[] bytes = svg.getBytes(StandardCharsets.UTF_8);
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(bytes))
        .getDocumentElement();
  }

  private static String figures(String svg)
      throws IOException, ParserConfigurationException, SAXException {
    Element root = parsed(svg);
    return root.getElementsByTagName("metadata").item(0).getTextContent().substring(1);
  }

  @Test
  void drawingTwiceGivesTheSameBytesAndWordsForThoseWhoDoNotSee() throws Exception {
    Chart chart = WalkDepths.byPageSize();
    String svg = ChartSvg.of(chart);
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.forLanguageTag("ar-EG"));
    try {
      assertEquals(svg, ChartSvg.of(chart), "in a language with other digits");
    } finally {
      Locale.setDefault(before);
    }
    Element root = parsed(svg);
    assertEquals("img", root.getAttribute("role"));
    assertEquals(chart.title(), root.getElementsByTagName("title").item(0).getTextContent());
    assertEquals(chart.text(), root.getElementsByTagName("desc").item(0).getTextContent());
    assertTrue(svg.contains("prefers-color-scheme: dark"));
    assertFalse(svg.contains("script"));
  }

  @Test
  void nestedWalksReadTheProductOfTheirDepths() {
    List<Object> references =
        Objects.requireNonNull(WalkDepths.byPageSize().data().get("references"));
    for (int row = 0; row < 9; row++) {
      int guest = 4 - row / 3;
      int host = 4 - row % 3;
      assertEquals((guest + 1) * (host + 1) - 1, references.get(row));
    }
  }

  @Test
  void theCommandWritesTheFiles() {
    assertEquals(0, Bench.run("charts", "--out", folder.resolve("new").toString()));
    for (Chart chart : ALL) {
      assertTrue(Files.isRegularFile(folder.resolve("new/" + chart.name() + ".svg")));
    }
  }

  @Test
  void badUsageIsRefused() throws IOException {
    assertEquals(2, Bench.run());
    assertEquals(2, Bench.run("chart"));
    assertEquals(2, Bench.run("charts"));
    assertEquals(2, Bench.run("charts", "--out"));
    Path file = Files.createFile(folder.resolve("file"));
    assertEquals(2, Bench.run("charts", "--out", file.resolve("below").toString()));
    assertEquals(0, Bench.run("charts", "--help"));
    assertEquals(0, Bench.run("--help"));
  }
}
