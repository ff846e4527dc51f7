package dev.nestwalk.cli;

import dev.nestwalk.teach.FieldFigure;
import java.util.List;

/** A nested walk as an SVG figure: first-stage entries across, second-stage reads down. */
final class WalkGridFigure {
  private static final int LEFT = 120;
  private static final int TOP = 70;
  private static final int CELL_WIDTH = 150;
  private static final int CELL_HEIGHT = 50;
  private static final int COLUMN = 178;
  private static final int ROW = 66;

  private static final String STYLE =
      """
      <style>
      .page { fill: #ffffff } .ink { fill: #1b1f24 } .soft { fill: #57606a }
      .second { fill: #e3edfb; stroke: #4a5a70 } .first { fill: #fdecc8; stroke: #8a6d1d }
      .arrow { stroke: #57606a; fill: none } .tip { fill: #57606a }
      text { font: 12px system-ui, sans-serif; text-anchor: middle }
      .head { font-weight: bold; font-size: 13px } .number { font-weight: bold }
      .mono { font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace }
      @media (prefers-color-scheme: dark) {
      .page { fill: #14181d } .ink { fill: #e8ebef } .soft { fill: #a3adb8 }
      .second { fill: #223a57; stroke: #8aa4c8 } .first { fill: #4d3c10; stroke: #d6b14a }
      .arrow { stroke: #a3adb8 } .tip { fill: #a3adb8 }
      }
      </style>
      <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" \
      orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>
      """;

  private final WalkGrid grid;
  private final StringBuilder body = new StringBuilder(8192);
  private final int rows;

  private WalkGridFigure(WalkGrid grid) {
    this.grid = grid;
    rows = grid.columns().stream().mapToInt(column -> column.second().size()).max().orElse(0);
  }

  /** The figure. */
  static String of(WalkGrid grid, String title, String secondStage, String firstStage) {
    WalkGridFigure figure = new WalkGridFigure(grid);
    figure.draw(secondStage, firstStage);
    int width = LEFT + grid.columns().size() * COLUMN;
    int height = TOP + (figure.rows + 1) * ROW + 10;
    return """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" \
        role="img" aria-labelledby="title desc">
        <title id="title">%s</title>
        <desc id="desc">%s</desc>
        %s<rect class="page" width="100%%" height="100%%"/>
        <text class="ink head" x="%d" y="24">%s</text>
        %s</svg>
        """
        .formatted(
            width,
            height,
            width,
            height,
            FieldFigure.escape(title),
            FieldFigure.escape(figure.description()),
            STYLE,
            width / 2,
            FieldFigure.escape(title),
            figure.body);
  }

  private String description() {
    StringBuilder text = new StringBuilder(1024);
    text.append("Columns of reads, each from the top down. ");
    for (WalkGrid.Column column : grid.columns()) {
      text.append(column.title()).append(": ");
      for (WalkGrid.Read read : column.second()) {
        text.append("read %d of 0x%x, ".formatted(read.number(), read.step().host()));
      }
      for (WalkGrid.Read read : column.first()) {
        text.append("then the entry itself, read %d. ".formatted(read.number()));
      }
    }
    return text.append("then the output.").toString();
  }

  private void draw(String secondStage, String firstStage) {
    List<WalkGrid.Read> longest =
        grid.columns().stream()
            .map(WalkGrid.Column::second)
            .max((a, b) -> a.size() - b.size())
            .orElseThrow();
    for (int row = 0; row < longest.size(); row++) {
      caption(row, secondStage, "level " + longest.get(row).level());
    }
    caption(rows, firstStage, "entry itself");
    for (int i = 0; i < grid.columns().size(); i++) {
      column(i, grid.columns().get(i));
    }
  }

  private void caption(int row, String line, String next) {
    int y = TOP + row * ROW + CELL_HEIGHT / 2;
    text("soft", LEFT / 2, y - 3, line);
    text("soft", LEFT / 2, y + 13, next);
  }

  private void column(int at, WalkGrid.Column column) {
    int left = LEFT + at * COLUMN;
    int middle = left + CELL_WIDTH / 2;
    text("ink head", middle, TOP - 18, column.title());
    int bottom = TOP;
    for (int row = 0; row < column.second().size(); row++) {
      int y = TOP + row * ROW;
      cell("second", left, y, column.second().get(row));
      if (row > 0) {
        arrow("M%d %dV%d".formatted(middle, y - ROW + CELL_HEIGHT, y - 1));
      }
      bottom = y + CELL_HEIGHT;
    }
    int y = TOP + rows * ROW;
    arrow("M%d %dV%d".formatted(middle, bottom, y - 1));
    if (column.first().isEmpty()) {
      text("ink", middle, y + 20, "the device's data");
      return;
    }
    cell("first", left, y, column.first().get(0));
    int right = left + CELL_WIDTH;
    int turn = right + (COLUMN - CELL_WIDTH) / 2;
    int next = left + COLUMN;
    arrow(
        "M%d %dH%dV%dH%d"
            .formatted(right, y + CELL_HEIGHT / 2, turn, TOP + CELL_HEIGHT / 2, next - 1));
  }

  private void cell(String kind, int left, int y, WalkGrid.Read read) {
    int middle = left + CELL_WIDTH / 2;
    body.append("<g><title>").append(FieldFigure.escape(read.step().title())).append("</title>");
    body.append(
        "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>%n"
            .formatted(kind, left, y, CELL_WIDTH, CELL_HEIGHT));
    String index = read.index().isEmpty() ? "" : ": index " + read.index();
    text("ink number", middle, y + 20, read.number() + index);
    text("ink mono", middle, y + 38, "0x%x".formatted(read.step().host()));
    body.append("</g>\n");
  }

  private void text(String kind, int x, int y, String text) {
    body.append(
        "<text class=\"%s\" x=\"%d\" y=\"%d\">%s</text>%n"
            .formatted(kind, x, y, FieldFigure.escape(text)));
  }

  private void arrow(String path) {
    body.append("<path class=\"arrow\" d=\"%s\" marker-end=\"url(#tip)\"/>%n".formatted(path));
  }
}
