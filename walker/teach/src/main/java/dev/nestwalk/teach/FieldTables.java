package dev.nestwalk.teach;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.nestwalk.format.Field;
import dev.nestwalk.format.Listing;

/** Structures and their fields as text, Markdown and JSON. */
public final class FieldTables {
  /** Every structure, by format. */
  public static String listText() {
    StringBuilder text = new StringBuilder(4096);
    Structures.BY_FORMAT.forEach(
        (format, listings) -> {
          text.append(text.isEmpty() ? "" : "\n").append(format).append('\n');
          for (Listing one : listings) {
            text.append("  %-45s  %-16s  %s%n".formatted(one.id(), section(one), one.about()));
          }
        });
    return text.toString();
  }

  /** Every structure as a Markdown table. */
  public static String listMarkdown() {
    StringBuilder text = new StringBuilder(4096);
    text.append("| structure | section | bytes | |\n| --- | --- | --- | --- |\n");
    for (Listing one : Structures.all()) {
      text.append(
          "| %s | %s | %d | %s |%n"
              .formatted(one.structure().name(), section(one), one.bits() / 8, one.about()));
    }
    return text.toString();
  }

  /** Every structure as JSON. */
  public static String listJson() {
    JsonArray all = new JsonArray();
    Structures.all().forEach(one -> all.add(head(one)));
    return pretty(all);
  }

  /** One structure, a line per field. */
  public static String text(Listing listing) {
    StringBuilder text = new StringBuilder(2048);
    text.append(heading(listing)).append('\n').append(listing.about()).append("\n\n");
    int nameWidth = 4;
    for (Field field : listing.structure().fields()) {
      nameWidth = Math.max(nameWidth, field.name().length());
    }
    boolean words = listing.bits() > 64;
    String line = "%-8s" + (words ? "  %-9s" : "%s") + "  %-" + nameWidth + "s  %s%n";
    text.append(line.formatted("bits", words ? "word:bits" : "", "name", "meaning"));
    for (Listing.Part part : listing.parts()) {
      String name = part.isNamed() ? part.name() : "-";
      text.append(line.formatted(bits(part), words ? inWord(part) : "", name, part.meaning()));
    }
    return text.toString();
  }

  /** One structure as a Markdown table. */
  public static String markdown(Listing listing) {
    StringBuilder text = new StringBuilder(2048);
    text.append("**").append(listing.structure().name()).append("** (").append(section(listing));
    text.append("), ").append(size(listing)).append(". ").append(listing.about()).append("\n\n");
    boolean words = listing.bits() > 64;
    text.append(
        words ? "| bits | word:bits | field | meaning |\n" : "| bits | field | meaning |\n");
    text.append(words ? "| --- | --- | --- | --- |\n" : "| --- | --- | --- |\n");
    for (Listing.Part part : listing.parts()) {
      text.append("| ").append(bits(part)).append(" | ");
      if (words) {
        text.append(inWord(part)).append(" | ");
      }
      boolean plain = part.isNamed() && !part.isIgnored();
      text.append(plain ? "`" + part.name() + "`" : "").append(" | ");
      text.append(plain ? cell(part.meaning()) : "*" + cell(part.meaning()) + "*");
      text.append(" |\n");
    }
    return text.toString();
  }

  private static String cell(String text) {
    return text.replace("|", "\\|").replace("*", "\\*");
  }

  /** One structure as JSON. */
  public static String json(Listing listing) {
    JsonObject all = head(listing);
    JsonArray fields = new JsonArray();
    for (Listing.Part part : listing.parts()) {
      JsonObject one = new JsonObject();
      if (part.isNamed()) {
        one.addProperty("name", part.name());
      }
      one.addProperty("hi", part.hi());
      one.addProperty("lo", part.lo());
      one.addProperty("meaning", part.meaning());
      fields.add(one);
    }
    all.add("fields", fields);
    return pretty(all);
  }

  private static JsonObject head(Listing listing) {
    JsonObject head = new JsonObject();
    head.addProperty("id", listing.id());
    head.addProperty("name", listing.structure().name());
    head.addProperty("format", Structures.formatOf(listing));
    head.addProperty("section", section(listing));
    head.addProperty("bits", listing.bits());
    head.addProperty("about", listing.about());
    return head;
  }

  private static String pretty(Object json) {
    return new GsonBuilder().disableHtmlEscaping().setPrettyPrinting().create().toJson(json) + "\n";
  }

  /** Name, section and size. */
  static String heading(Listing listing) {
    return "%s (%s), %s".formatted(listing.structure().name(), section(listing), size(listing));
  }

  private static String section(Listing listing) {
    return listing.structure().section();
  }

  private static String size(Listing listing) {
    return listing.bits() <= 64 ? listing.bits() + " bits" : listing.bits() / 8 + " bytes";
  }

  /** For example {@code "63:12"}. */
  static String bits(Listing.Part part) {
    return range(part.hi(), part.lo());
  }

  /** Bits within their 64-bit word, for example {@code "2 [63:12]"}; words for whole words. */
  private static String inWord(Listing.Part part) {
    int word = part.lo() / 64;
    int last = part.hi() / 64;
    return last == word
        ? word + " [" + range(part.hi() % 64, part.lo() % 64) + "]"
        : word + " to " + last;
  }

  private static String range(int hi, int lo) {
    return hi == lo ? String.valueOf(lo) : hi + ":" + lo;
  }

  private FieldTables() {}
}
