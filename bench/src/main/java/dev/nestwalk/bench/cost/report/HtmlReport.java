package dev.nestwalk.bench.cost.report;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.Experiment;
import dev.nestwalk.bench.cost.LatencyModel;
import dev.nestwalk.bench.cost.Plot;
import dev.nestwalk.bench.cost.Published;
import dev.nestwalk.bench.cost.Verdict;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/**
 * A self-contained page: the cost of nesting first, then each experiment with its plots and tables,
 * the meaning of the figures, and the manifest. Plots are drawn by uPlot, which is embedded;
 * without scripts the tables remain.
 */
public final class HtmlReport {
  private static final Gson GSON =
      new GsonBuilder().disableHtmlEscaping().serializeSpecialFloatingPointValues().create();

  private final RunDocument document;
  private final List<Answered> answered;
  private final List<Plot> plots = new ArrayList<>();
  private final StringBuilder page = new StringBuilder(1 << 17);

  private HtmlReport(RunDocument document, List<Answered> answered) {
    this.document = document;
    this.answered = answered;
  }

  /**
   * An experiment with its answer.
   *
   * @param results of its cells
   */
  public record Answered(Experiment experiment, List<CellResult> results) {
    /** Copies. */
    public Answered {
      results = List.copyOf(results);
    }

    /** The judge's verdicts. */
    public List<Verdict> verdicts() {
      return experiment.judge(results);
    }
  }

  /** The page. */
  public static String of(RunDocument document, List<Answered> answered) {
    return new HtmlReport(document, answered).page();
  }

  private String page() {
    page.append("<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n")
        .append("<meta name=viewport content='width=device-width,initial-scale=1'>\n")
        .append("<title>The cost of nesting</title>\n<style>\n")
        .append(Html.uplot("dist/uPlot.min.css"))
        .append('\n')
        .append(Html.resource("report.css"))
        .append("</style>\n</head>\n<body>\n");
    header();
    page.append("<main>\n");
    cost();
    answered.forEach(this::experiment);
    if (answered.isEmpty()) {
      sweep();
    }
    page.append("<section>\n").append(Html.resource("meaning.html")).append("</section>\n");
    manifest();
    page.append("</main>\n");
    footer();
    scripts();
    return page.append("</body>\n</html>\n").toString();
  }

  private void header() {
    page.append("<header>\n<h1>The cost of nesting</h1>\n<p class=sub>");
    page.append(
        Html.escaped(
            "What two stages of address translation cost a workload, compared with one. "
                + "%d cells; %s, commit %s."
                    .formatted(
                        document.results().size(), manifest("processor"), manifest("commit"))));
    page.append("</p>\n<nav aria-label='Parts of the report'>");
    for (Answered one : answered) {
      page.append(
          "<a href='#%s'>%s %s</a>"
              .formatted(
                  Html.escaped(one.experiment().name()),
                  Html.escaped(one.experiment().name()),
                  Html.escaped(one.experiment().title())));
    }
    page.append("<a href='#meaning'>What the figures mean</a><a href='#manifest'>Manifest</a>");
    page.append("</nav>\n</header>\n");
  }

  private String manifest(String name) {
    return document.manifest().getOrDefault(name, "unknown");
  }

  /** Cells that a report over all experiments has besides theirs: every workload on one unit. */
  public static List<Cell> overview(Experiment.Size size) {
    return Overview.cells(size);
  }

  private void overview(List<Overview> rows) {
    LatencyModel model = document.model();
    page.append(
        "<p>On one unit with an IOTLB of 256 entries and walk caches of 32 entries a level: entries"
            + " read and nanoseconds waited for a request, and the share of 200 Gb/s that"
            + " translation lets through; nanoseconds and shares by the latency model.</p>\n"
            + "<div class=scroll><table>\n");
    page.append(
        Html.header(
            List.of(
                "workload, policy",
                "IOTLB hits %",
                "entries, one stage",
                "nested",
                "nested / one",
                "ns, one stage",
                "nested",
                "% of line, one stage",
                "nested")));
    page.append("<tbody>\n");
    List<ToDoubleFunction<Overview>> columns =
        List.of(
            Overview::hits,
            row -> Overview.entries(row.single()),
            row -> Overview.entries(row.nested()),
            Overview::ratio,
            row -> Overview.nanos(row.single(), model),
            row -> Overview.nanos(row.nested(), model),
            row -> Overview.share(row.single(), model),
            row -> Overview.share(row.nested(), model));
    page.append(
        Html.rows(
            rows.stream().map(row -> List.of(row.workload() + ", " + row.invalidate())).toList(),
            columns.stream().map(column -> values(rows, column)).toList()));
    page.append("</tbody></table></div>\n<h3>All pairs of cells</h3>\n");
  }

  private static <T> List<Double> values(List<T> rows, ToDoubleFunction<T> column) {
    return rows.stream().map(column::applyAsDouble).toList();
  }

  private void cost() {
    List<NestingCost> costs = NestingCost.of(document.results());
    List<Overview> rows = Overview.of(document.results());
    page.append("<section id=cost>\n<h2>The cost of nesting, by workload</h2>\n");
    if (!rows.isEmpty()) {
      overview(rows);
    }
    if (costs.isEmpty()) {
      page.append(
          "<p>No nested cell has the same cell with one stage beside it: a sweep with"
              + " <code>--stages 2,nested</code> has them.</p>\n");
    } else {
      page.append(
          "<p>Of each nested cell that has the same cell with one stage beside it: page-table"
              + " entries read for a request, counted, and how many times as many nesting"
              + " takes.</p>\n<div class=scroll><table>\n");
      page.append(
          Html.header(
              List.of(
                  "workload",
                  "pairs of cells",
                  "one stage, entries / request",
                  "nested, entries / request",
                  "nested / one: least",
                  "median",
                  "most")));
      page.append("<tbody>\n");
      List<ToDoubleFunction<NestingCost>> columns =
          List.of(
              NestingCost::single,
              NestingCost::nested,
              NestingCost::least,
              NestingCost::median,
              NestingCost::most);
      page.append(
          Html.rows(
              costs.stream()
                  .map(cost -> List.of(cost.workload(), Integer.toString(cost.pairs())))
                  .toList(),
              columns.stream().map(column -> values(costs, column)).toList()));
      page.append("</tbody></table></div>\n");
    }
    if (!answered.isEmpty()) {
      headlines();
    }
    page.append("</section>\n");
  }

  private void headlines() {
    page.append("<h3>By experiment</h3>\n<div class=scroll><table>\n");
    page.append(
        "<thead><tr><th scope=col>experiment</th><th scope=col>the cost of nesting</th>"
            + "<th scope=col>expected shape</th></tr></thead>\n<tbody>\n");
    for (Answered one : answered) {
      List<Verdict> verdicts = one.verdicts();
      long holds = count(verdicts, Verdict.Answer.HOLDS);
      long fails = count(verdicts, Verdict.Answer.FAILS);
      long unsure = count(verdicts, Verdict.Answer.UNSURE);
      String kind = fails > 0 ? "no" : unsure > 0 ? "open" : "yes";
      page.append(
          "<tr><th scope=row><a href='#%s'>%s</a> %s</th><td>%s</td><td class='verdict %s'>%s</td></tr>\n"
              .formatted(
                  Html.escaped(one.experiment().name()),
                  Html.escaped(one.experiment().name()),
                  Html.escaped(one.experiment().title()),
                  Html.escaped(one.experiment().headline(one.results())),
                  kind,
                  Html.escaped(
                      "holds in %d of %d%s%s"
                          .formatted(
                              holds,
                              verdicts.size(),
                              fails > 0 ? ", fails in " + fails : "",
                              unsure > 0 ? ", unsure in " + unsure : ""))));
    }
    page.append("</tbody></table></div>\n");
  }

  private static long count(List<Verdict> verdicts, Verdict.Answer answer) {
    return verdicts.stream().filter(verdict -> verdict.answer() == answer).count();
  }

  private void experiment(Answered one) {
    Experiment experiment = one.experiment();
    page.append(
        "<section id=%s>\n<h2>%s %s</h2>\n<p>%s</p>\n<p><strong>%s</strong></p>\n"
            .formatted(
                Html.escaped(experiment.name()),
                Html.escaped(experiment.name()),
                Html.escaped(experiment.title()),
                Html.escaped(experiment.question()),
                Html.escaped(experiment.headline(one.results()))));
    for (Plot plot : experiment.plots(one.results())) {
      chart(plot);
    }
    page.append("<h3>Expected</h3>\n<p>")
        .append(Html.escaped(experiment.expected()))
        .append("</p>\n<ul class=verdicts>\n");
    for (Verdict verdict : one.verdicts()) {
      String kind =
          switch (verdict.answer()) {
            case HOLDS -> "yes";
            case FAILS -> "no";
            case UNSURE -> "open";
          };
      page.append(
          "<li><span class=%s>%s</span>%s. Found: %s</li>\n"
              .formatted(
                  kind,
                  verdict.answer().name().toLowerCase(java.util.Locale.ROOT),
                  Html.escaped(verdict.claim()),
                  Html.escaped(verdict.measured())));
    }
    page.append("</ul>\n");
    if (!experiment.reading().isEmpty()) {
      page.append("<h3>What it means</h3>\n<p>")
          .append(Html.escaped(experiment.reading()))
          .append("</p>\n");
    }
    if (!experiment.published().isEmpty()) {
      page.append("<h3>Published</h3>\n<ul>\n");
      for (Published published : experiment.published()) {
        page.append(
            "<li>%s <cite>%s</cite> (read in: %s)</li>\n"
                .formatted(
                    Html.escaped(published.figure()),
                    Html.escaped(published.source()),
                    Html.escaped(published.read())));
      }
      page.append("</ul>\n");
    }
    page.append("</section>\n");
  }

  private void chart(Plot plot) {
    page.append("<h3>")
        .append(Html.escaped(plot.title()))
        .append("</h3>\n<div class=chart>\n<figure><div class=plot role=group aria-label='")
        .append(Html.escaped(plot.title()).replace("'", "&#39;"))
        .append("' data-plot=")
        .append(plots.size())
        .append("></div><figcaption>")
        .append(Html.escaped(plot.text()))
        .append("</figcaption></figure>\n<div class='scroll tall' tabindex=0>")
        .append(table(plot))
        .append("</div>\n</div>\n");
    plots.add(plot);
  }

  private static String table(Plot plot) {
    Set<String> labels = new LinkedHashSet<>();
    List<Map<String, Double>> columns = new ArrayList<>();
    List<String> names = new ArrayList<>(List.of(plot.x()));
    for (Plot.Series series : plot.series()) {
      Map<String, Double> column = new HashMap<>();
      for (Plot.Point point : series.points()) {
        labels.add(point.label());
        column.put(point.label(), point.y());
      }
      columns.add(column);
      names.add(series.name());
    }
    StringBuilder table = new StringBuilder("<table class=long><caption>");
    table.append(Html.escaped(plot.y())).append("</caption>\n").append(Html.header(names));
    table.append("<tbody>\n");
    table.append(
        Html.rows(
            labels.stream().map(List::of).toList(),
            columns.stream()
                .map(
                    column ->
                        labels.stream()
                            .map(label -> column.getOrDefault(label, Double.NaN))
                            .toList())
                .toList()));
    return table.append("</tbody></table>").toString();
  }

  private void sweep() {
    SweepTable sweep = new SweepTable(document);
    page.append("<section id=cells>\n<h2>Cells</h2>\n");
    sweep.plots().forEach(this::chart);
    page.append("<div class='scroll tall' tabindex=0><table class=long>\n");
    page.append(Html.header(sweep.names())).append("<tbody>\n");
    sweep.rows().forEach(row -> page.append(Html.row(row)));
    page.append("</tbody></table></div>\n");
    sweep.notes().forEach(note -> page.append("<p>" + Html.escaped(note) + "</p>\n"));
    if (!document.results().isEmpty()) {
      page.append("<p>Alike in all cells where no column says otherwise: <code>")
          .append(Html.escaped(document.results().get(0).cell().text()))
          .append("</code></p>\n");
    }
    page.append("</section>\n");
  }

  private void manifest() {
    page.append("<section>\n<h2 id=manifest>Manifest</h2>\n<dl class=facts>\n");
    Map<String, String> facts = new TreeMap<>(document.manifest());
    facts.put("counted digest", document.countedDigest());
    facts.forEach(
        (name, value) ->
            page.append(
                "<dt>%s</dt><dd>%s</dd>\n".formatted(Html.escaped(name), Html.escaped(value))));
    page.append("</dl>\n");
    if (!answered.isEmpty()) {
      page.append("<h3>Geometry</h3>\n");
      for (Answered one : answered) {
        if (!one.results().isEmpty()) {
          page.append("<p>")
              .append(Html.escaped(one.experiment().name()))
              .append(", its first of ")
              .append(one.results().size())
              .append(" cells: <code>")
              .append(Html.escaped(one.results().get(0).cell().text()))
              .append("</code></p>\n");
        }
      }
    }
    page.append("</section>\n");
  }

  private void footer() {
    page.append("<footer><p>Made by nestwalk. Plots: ")
        .append("<a href='https://github.com/leeoniya/uPlot'>uPlot</a>, MIT licence:</p>\n")
        .append("<details><summary>licence of uPlot</summary><pre>")
        .append(Html.escaped(Html.uplot("LICENSE")))
        .append("</pre></details></footer>\n");
  }

  private void scripts() {
    page.append("<script type='application/json' id=plots>")
        .append(Html.inScript(GSON.toJson(plots)))
        .append("</script>\n<script>\n")
        .append(Html.uplot("dist/uPlot.iife.min.js"))
        .append("\n</script>\n<script>\n")
        .append(Html.resource("report.js"))
        .append("</script>\n");
  }
}
