package dev.nestwalk.bench.cost.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Counts;
import dev.nestwalk.bench.cost.Experiment;
import dev.nestwalk.bench.cost.Experiments;
import dev.nestwalk.bench.cost.LatencyModel;
import dev.nestwalk.bench.cost.Plot;
import dev.nestwalk.bench.cost.Published;
import dev.nestwalk.bench.cost.Runner;
import dev.nestwalk.bench.cost.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page holds everything, fetches nothing, and shows texts as texts. */
class HtmlReportTest {
  private static final String HOSTILE = "</script><script>alert('1')</script>&\"<b>";

  @TempDir private Path folder = Path.of("");

  private static List<CellResult> results() {
    List<CellResult> results = new ArrayList<>();
    for (String stages : List.of("2", "nested")) {
      for (int tenants : new int[] {1, 4, 16}) {
        results.add(
            CellResult.counted(
                Cell.standard().with(Axis.STAGES, stages).with(Axis.TENANTS, tenants),
                Counts.of(
                    Map.of(
                        "ref", stages.equals("2") ? 40L * tenants : 240L * tenants,
                        "request", 10L,
                        "access", 10L,
                        "iotlb.hit", 4L,
                        "iotlb.miss", 6L))));
      }
    }
    return results;
  }

  @Test
  void rowsComeAsAReaderCounts() {
    SweepTable table = new SweepTable(new RunDocument(Map.of(), List.of(), results()));
    int tenants = table.names().indexOf("tenants");
    int stages = table.names().indexOf("stages");
    assertEquals(
        List.of("2 1", "2 4", "2 16", "nested 1", "nested 4", "nested 16"),
        table.rows().stream().map(row -> row.get(stages) + " " + row.get(tenants)).toList());
  }

  @Test
  void timedCellsWithContiguousHintsSaySoInEveryOutput() {
    Cell cell = Cell.parse("format=smmuv3 contiguous=both");
    Counts counts = Counts.of(Map.of("request", 1L, "ref", 24L));
    CellResult counted = CellResult.counted(cell, counts);
    CellResult timed = CellResult.counted(cell.with(Axis.ENGINE, "timed"), counts);
    assertEquals("", counted.note());
    assertEquals("", CellResult.counted(Cell.parse("engine=timed"), counts).note());
    RunDocument both = new RunDocument(Map.of(), List.of(), List.of(counted, timed));
    for (String output : List.of(both.json(), Csv.of(both), HtmlReport.of(both, List.of()))) {
      assertEquals(2, output.split("contiguous hints, which the product", -1).length, output);
    }
    RunDocument one = new RunDocument(Map.of(), List.of(), List.of(counted));
    for (String output : List.of(one.json(), Csv.of(one), HtmlReport.of(one, List.of()))) {
      assertFalse(output.contains("contiguous hints, which"), output);
    }
  }

  private static final class Hostile implements Experiment {
    @Override
    public String name() {
      return "E0";
    }

    @Override
    public String title() {
      return "title " + HOSTILE;
    }

    @Override
    public String question() {
      return "question " + HOSTILE;
    }

    @Override
    public String expected() {
      return "expected " + HOSTILE;
    }

    @Override
    public List<Published> published() {
      return List.of(new Published("figure " + HOSTILE, "source " + HOSTILE, "read " + HOSTILE));
    }

    @Override
    public String reading() {
      return "reading " + HOSTILE;
    }

    @Override
    public List<Cell> cells(Size size) {
      return List.of();
    }

    @Override
    public List<Verdict> judge(List<CellResult> results) {
      return List.of(
          Verdict.of("claim " + HOSTILE, true, "24 %d"),
          Verdict.of("other", false, "x"),
          new Verdict("third", Verdict.Answer.UNSURE, "y"));
    }

    @Override
    public String headline(List<CellResult> results) {
      return "headline 100 % " + HOSTILE;
    }

    @Override
    public List<Plot> plots(List<CellResult> results) {
      return List.of(
          new Plot(
              "p",
              "plot " + HOSTILE,
              "text " + HOSTILE,
              "x",
              "y",
              Plot.Form.LOG_LINES,
              List.of(
                  new Plot.Series(
                      "series " + HOSTILE,
                      List.of(new Plot.Point("0", 1.5), new Plot.Point("8", 2))))));
    }
  }

  private static RunDocument document() {
    return new RunDocument(
        Map.of("commit", "abc1234", "processor", HOSTILE, "jdk", "25"), List.of(), results());
  }

  private static void fetchesNothing(String page) {
    String markup = page.replaceAll("(?s)<script>.*?</script>", "");
    assertFalse(Pattern.compile("<(link|img|iframe|object|embed)\\b").matcher(markup).find());
    assertFalse(markup.contains(" src="));
    assertFalse(page.contains("@import"));
    assertFalse(Pattern.compile("url\\(\\s*['\"]?https?:").matcher(page).find());
    assertTrue(page.contains("uPlot.paths.bars") && page.contains("Leon Sorokin"));
  }

  @Test
  void aSweepHasPlotsTablesAndManifest() {
    String page = HtmlReport.of(document(), List.of());
    fetchesNothing(page);
    assertTrue(page.contains("<td class=n>6</td>"), "ratio of the pairs");
    assertTrue(page.contains("abc1234") && page.contains(document().countedDigest()));
    assertEquals(3, JsonParser.parseString(plots(page)).getAsJsonArray().size());
  }

  private static String plots(String page) {
    Matcher data =
        Pattern.compile("(?s)<script type='application/json' id=plots>(.*?)</script>")
            .matcher(page);
    assertTrue(data.find());
    return data.group(1);
  }

  @Test
  void textsAreShownAndNeverRun() {
    String page =
        HtmlReport.of(document(), List.of(new HtmlReport.Answered(new Hostile(), results())));
    fetchesNothing(page);
    assertFalse(page.contains("<script>alert"), "a text became a script");
    assertFalse(page.contains("<b>"));
    for (String part :
        List.of("title", "question", "expected", "reading", "figure", "source", "claim", "plot")) {
      assertTrue(page.contains(part + " &lt;/script"), part);
    }
    assertTrue(page.contains("headline 100 % &lt;/script"));
    assertTrue(page.contains("holds in 1 of 3, fails in 1, unsure in 1"));
    assertEquals(
        "series " + HOSTILE,
        JsonParser.parseString(plots(page))
            .getAsJsonArray()
            .get(0)
            .getAsJsonObject()
            .getAsJsonArray("series")
            .get(0)
            .getAsJsonObject()
            .get("name")
            .getAsString());
    // Every element that opens closes.
    String markup = page.replaceAll("(?s)<(script|style)\\b.*?</\\1>", "");
    for (String element : List.of("table", "section", "div", "figure", "ul", "tbody", "main")) {
      assertEquals(
          markup.split("<" + element + "[ >]", -1).length,
          markup.split("</" + element + ">", -1).length,
          element);
    }
  }

  @Test
  void everyExperimentSaysWhatItsFiguresMean() {
    assertTrue(
        HtmlReport.of(document(), List.of(new HtmlReport.Answered(new Hostile(), results())))
            .contains("<h3>What it means</h3>\n<p>reading &lt;/script"));
    for (Experiment experiment : Experiments.all()) {
      assertFalse(experiment.reading().isBlank(), experiment.name());
    }
  }

  @Test
  void aBrowserDrawsEveryPlot() throws IOException, InterruptedException {
    Path browser = Path.of("/usr/bin/chromium");
    if (!Files.isExecutable(browser)) {
      String missing = "NO BROWSER (chromium): the report's plots are NOT tested";
      assertNull(System.getenv("CI"), missing);
      System.err.println("==== " + missing + " ====");
      return;
    }
    Path page = folder.resolve("report.html");
    for (List<HtmlReport.Answered> answered :
        List.of(
            List.<HtmlReport.Answered>of(),
            List.of(new HtmlReport.Answered(new Hostile(), results())))) {
      String text = HtmlReport.of(document(), answered);
      Files.writeString(page, text);
      String dom = dom(browser, page, 1280);
      int plots = JsonParser.parseString(plots(text)).getAsJsonArray().size();
      assertEquals(plots, dom.split("<canvas", -1).length - 1, dom);
      assertEquals(plots, dom.split("class=\"u-legend", -1).length - 1, "legends");
      Files.writeString(page, text.replace("</body>", MEASURE + "</body>"));
      for (int width : new int[] {500, 1280, 1920}) {
        String measured = dom(browser, page, width);
        assertTrue(measured.contains("<title>overflow:0</title>"), width + ": " + measured);
      }
    }
  }

  /** A script that puts into the title by how many pixels the page is wider than its window. */
  private static final String MEASURE =
      "<script>addEventListener('load', () => setTimeout(() => { document.title = 'overflow:' +"
          + " Math.max(0, document.documentElement.scrollWidth - innerWidth); }, 500));</script>";

  /** The page as a browser of some width has it after its scripts ran. */
  private String dom(Path browser, Path page, int width) throws IOException, InterruptedException {
    Path drawn = folder.resolve("drawn.html");
    Process process =
        new ProcessBuilder(
                browser.toString(),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--window-size=" + width + ",900",
                "--user-data-dir=" + folder.resolve("profile"),
                "--virtual-time-budget=5000",
                "--dump-dom",
                page.toUri().toString())
            .redirectOutput(drawn.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertTrue(process.waitFor(120, TimeUnit.SECONDS), "the browser hangs");
    return Files.readString(drawn);
  }

  @Test
  void numbersBelowOneAnotherHaveAsManyDecimals() {
    assertEquals(
        List.of("24.00", "4.10", "1.77", "–"), Html.column(List.of(24.0, 4.1, 1.769, Double.NaN)));
    assertEquals(List.of("1.000", "2.967", "0.000"), Html.column(List.of(1.0, 2.967, 0.0)));
    assertEquals(List.of("100.0", "96.0", "6.4"), Html.column(List.of(100.0, 96.04, 6.413)));
    assertEquals(List.of("3", "1024"), Html.column(List.of(3.0, 1024.0)));
    assertEquals(List.of("0.0010", "1.0000"), Html.column(List.of(0.001, 1.0)));
    assertEquals(List.of("–"), Html.column(List.of(Double.NaN)));
  }

  @Test
  void everyWorkloadHasItsCostOnOneUnit() {
    List<CellResult> results = new ArrayList<>();
    for (Cell cell : HtmlReport.overview(Experiment.Size.SMALL)) {
      results.add(Runner.run(cell.with(Axis.SEED, 5)));
    }
    List<Overview> rows = Overview.of(results);
    assertEquals(
        HtmlReport.overview(Experiment.Size.SMALL).size() / 2, rows.size(), "a row a workload");
    for (Overview row : rows) {
      assertTrue(Overview.entries(row.nested()) >= Overview.entries(row.single()), row.workload());
      LatencyModel model = LatencyModel.DEFAULT;
      assertTrue(
          Overview.share(row.nested(), model) <= Overview.share(row.single(), model),
          row.workload());
      assertEquals(0, row.nested().counts().get("fault"), row.workload());
    }
    String page = HtmlReport.of(new RunDocument(Map.of(), List.of(), results), List.of());
    assertTrue(page.contains("<th scope=row>nvme:128k, strict</th>"));
    String slower =
        HtmlReport.of(new RunDocument(Map.of("latency", "dram=90"), List.of(), results), List.of());
    LatencyModel slow = LatencyModel.parse("dram=90");
    List<Double> nanos = rows.stream().map(row -> Overview.nanos(row.nested(), slow)).toList();
    assertTrue(nanos.get(0) > Overview.nanos(rows.get(0).nested(), LatencyModel.DEFAULT));
    assertTrue(slower.contains("<td class=n>" + Html.column(nanos).get(0) + "</td>"));
    assertEquals(List.of(), Overview.of(results()));
  }

  @Test
  void noResultsMakeAPageToo() {
    RunDocument empty = new RunDocument(Map.of(), List.of(), List.of());
    String page = HtmlReport.of(empty, List.of());
    fetchesNothing(page);
    assertTrue(page.contains("0 cells; unknown, commit unknown."), page);
  }

  @Test
  void csvHasALineForEachCellWithEveryCount() {
    List<String> lines = Csv.of(new RunDocument(Map.of(), List.of(), results())).lines().toList();
    assertEquals(7, lines.size());
    List<String> names = List.of(lines.get(0).split(",", -1));
    int ref = names.indexOf("ref");
    // Five counts, and what the latency model makes of them: a time and four shares.
    assertEquals(Axis.values().length + 5 + 5, names.size());
    assertTrue(lines.stream().skip(1).anyMatch(line -> line.split(",", -1)[ref].equals("3840")));
  }
}
