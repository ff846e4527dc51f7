package dev.nestwalk.teach;

import dev.nestwalk.format.Listing;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Draws a structure's bits as an SVG figure: rows of 32 bits as in specifications, the highest bit
 * first, the lowest word on top. The figure is self-contained, follows the light or dark setting,
 * and describes its content for screen readers.
 */
public final class FieldFigure {
  private static final int ROW = 32;
  private static final int BIT = 32;
  private static final int LEFT = 62;
  private static final int RIGHT = 8;
  private static final int TOP = 34;
  private static final int NUMBERS = 14;
  private static final int GAP = 8;
  private static final int LOW_CELL = 30;
  private static final double CHARACTER = 7.3;

  private static final String STYLE =
      """
      <style>
      .page { fill: #ffffff } .ink { fill: #1b1f24 } .soft { fill: #57606a }
      .named { fill: #e3edfb; stroke: #4a5a70 } .free { fill: #ffffff; stroke: #8b95a3 }
      .unnamed { fill: url(#hatch); stroke: #8b95a3 } .line { stroke: #b6bec8 }
      text { font: 12px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace }
      .head { font: bold 14px system-ui, sans-serif } .number { font-size: 10px }
      @media (prefers-color-scheme: dark) {
      .page { fill: #14181d } .ink { fill: #e8ebef } .soft { fill: #a3adb8 }
      .named { fill: #223a57; stroke: #8aa4c8 } .free { fill: #14181d; stroke: #6b7683 }
      .unnamed { stroke: #6b7683 } .line { stroke: #454d57 }
      }
      </style>
      <defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" \
      patternTransform="rotate(45)"><path class="line" d="M0 0V6" stroke-width="2"/></pattern></defs>
      """;

  private final Listing listing;
  private final StringBuilder body = new StringBuilder(8192);
  private int y = TOP;

  private FieldFigure(Listing listing) {
    this.listing = listing;
  }

  /** The figure. */
  public static String of(Listing listing) {
    FieldFigure figure = new FieldFigure(listing);
    figure.rows();
    return figure.whole();
  }

  private String whole() {
    int width = LEFT + ROW * BIT + RIGHT;
    String id = listing.id();
    return """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" \
    role="img" aria-labelledby="%s-title %s-desc">
    <title id="%s-title">%s</title>
    <desc id="%s-desc">%s</desc>
    %s<rect class="page" width="100%%" height="100%%"/>
    <text class="ink head" x="%d" y="20">%s</text>
    %s</svg>
    """
        .formatted(
            width,
            y,
            width,
            y,
            id,
            id,
            id,
            escape(FieldTables.heading(listing)),
            id,
            escape(description()),
            STYLE,
            LEFT,
            escape(FieldTables.heading(listing)),
            body);
  }

  private String description() {
    List<String> parts = new ArrayList<>();
    for (Listing.Part part : listing.parts()) {
      String name = part.isNamed() && !part.isIgnored() ? part.name() + ", " : "";
      String bits = part.hi() == part.lo() ? "bit " : "bits ";
      parts.add(bits + FieldTables.bits(part) + ": " + name + part.meaning());
    }
    return listing.about() + " " + String.join("; ", parts) + ".";
  }

  private void rows() {
    int words = (listing.bits() + 63) / 64;
    int word = 0;
    while (word < words) {
      int end = word;
      while (end < words && isUnnamed(end)) {
        end++;
      }
      if (end > word) {
        whole(word, end);
        word = end;
        continue;
      }
      for (int first = word * 64; first < Math.min(listing.bits(), word * 64 + 64); first += ROW) {
        row(first);
      }
      word++;
    }
    y += 4;
  }

  private boolean isUnnamed(int word) {
    return listing.structure().fields().stream().noneMatch(field -> field.word() == word);
  }

  /** Draws words without any field as one low row. */
  private void whole(int word, int end) {
    int hi = end * 64 - 1;
    int lo = word * 64;
    label(word == end - 1 ? "word " + word : "%d to %d".formatted(word, end - 1));
    number(LEFT + 2, "start", hi);
    number(LEFT + ROW * BIT - 2, "end", lo);
    cell("unnamed", LEFT, ROW * BIT, LOW_CELL, shortName(), hi + ":" + lo, true);
    y += NUMBERS + LOW_CELL + GAP;
  }

  private void row(int first) {
    List<Listing.Part> parts =
        listing.parts().stream()
            .filter(part -> part.hi() >= first && part.lo() < first + ROW)
            .toList();
    int height = LOW_CELL;
    for (Listing.Part part : parts) {
      String name = nameIn(part, first);
      if (!fits(name, width(part, first))) {
        height = Math.max(height, (int) Math.ceil(name.length() * CHARACTER) + 12);
      }
    }
    if (listing.bits() > 64 && first % 64 == 0) {
      label("word " + first / 64);
    }
    for (Listing.Part part : parts) {
      part(part, first, height);
    }
    y += NUMBERS + height + GAP;
  }

  private void part(Listing.Part part, int first, int height) {
    int hi = Math.min(part.hi(), first + ROW - 1);
    int lo = Math.max(part.lo(), first);
    int left = LEFT + (first + ROW - 1 - hi) * BIT;
    int width = (hi - lo + 1) * BIT;
    if (hi == lo) {
      number(left + BIT / 2, "middle", hi);
    } else {
      number(left + 2, "start", hi);
      number(left + width - 2, "end", lo);
    }
    String kind = part.isIgnored() ? "free" : part.isNamed() ? "named" : "unnamed";
    String name = part.isNamed() ? part.name() + " " : "";
    String tip = name + FieldTables.bits(part) + ": " + part.meaning();
    String shown = nameIn(part, first);
    cell(kind, left, width, height, shown, tip, fits(shown, width));
  }

  private static int width(Listing.Part part, int first) {
    int hi = Math.min(part.hi(), first + ROW - 1);
    return (hi - Math.max(part.lo(), first) + 1) * BIT;
  }

  /** The text in a part of a row. */
  private String nameIn(Listing.Part part, int first) {
    int width = width(part, first);
    if (!part.isNamed()) {
      return fits(shortName(), width) ? shortName() : "";
    }
    if (part.isIgnored()) {
      return fits("ignored", width) ? "ignored" : fits("ign.", width) ? "ign." : "";
    }
    return part.name();
  }

  private String shortName() {
    return switch (listing.unnamed()) {
      case RESERVED -> "reserved";
      case ZERO -> "0";
      case UNUSED -> "not used";
      case ELSEWHERE -> "";
    };
  }

  private static boolean fits(String name, int width) {
    return name.length() * CHARACTER <= width;
  }

  private void label(String text) {
    body.append(
        "<text class=\"soft\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>%n"
            .formatted(LEFT - 6, y + NUMBERS + LOW_CELL / 2 + 4, text));
  }

  private void number(int x, String anchor, int bit) {
    body.append(
        "<text class=\"soft number\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">%d</text>%n"
            .formatted(x, y + NUMBERS - 4, anchor, bit));
  }

  private void cell(
      String kind, int left, int width, int height, String name, String tip, boolean level) {
    int top = y + NUMBERS;
    body.append("<g><title>").append(escape(tip)).append("</title>");
    body.append(
        "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>"
            .formatted(kind, left, top, width, height));
    if (!name.isEmpty()) {
      double x = left + width / 2.0;
      double middle = top + height / 2.0;
      String ink = kind.equals("named") ? "ink" : "soft";
      String turn =
          level
              ? ""
              : String.format(Locale.ROOT, " transform=\"rotate(-90 %.1f %.1f)\"", x, middle);
      body.append(
          String.format(
              Locale.ROOT,
              "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\""
                  + " dominant-baseline=\"central\"%s>%s</text>",
              ink,
              x,
              middle,
              turn,
              escape(name)));
    }
    body.append("</g>\n");
  }

  /** Escapes text for XML. */
  public static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
