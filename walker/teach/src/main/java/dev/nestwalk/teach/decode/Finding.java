package dev.nestwalk.teach.decode;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One fault, event or structure in words.
 *
 * @param family {@code "vtd"} or {@code "smmuv3"}
 * @param source requester id or StreamID, -1 if the text has none
 * @param device the source in its usual notation, or empty
 * @param code fault reason or event number, -1 if there is none
 * @param title what happened, in one line
 * @param facts names and values in the text, in reading order
 * @param fields fields of the record or structure
 * @param notes remarks on this text
 * @param causes likely causes, the likeliest first
 * @param next what to look at next
 */
public record Finding(
    String family,
    long source,
    String device,
    int code,
    String title,
    Map<String, String> facts,
    List<FieldValue> fields,
    List<String> notes,
    List<String> causes,
    List<String> next) {

  /**
   * A field with its value.
   *
   * @param bits as the specification numbers them over the whole structure
   */
  public record FieldValue(String bits, String name, String value, String meaning) {}

  /** Copies the collections. */
  public Finding {
    facts = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(facts));
    fields = List.copyOf(fields);
    notes = List.copyOf(notes);
    causes = List.copyOf(causes);
    next = List.copyOf(next);
  }

  /** Collects a finding. */
  static final class Builder {
    private final String family;
    private final Map<String, String> facts = new LinkedHashMap<>();
    private final List<FieldValue> fields = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private final List<String> causes = new ArrayList<>();
    private final List<String> next = new ArrayList<>();
    private long source = -1;
    private String device = "";
    private int code = -1;

    Builder(String family) {
      this.family = family;
    }

    Builder source(long id, String text) {
      source = id;
      device = text;
      return this;
    }

    Builder code(int value) {
      code = value;
      return this;
    }

    Builder fact(String name, String value) {
      facts.put(name, value);
      return this;
    }

    Builder fields(List<FieldValue> all) {
      fields.addAll(all);
      return this;
    }

    Builder note(String text) {
      notes.add(text);
      return this;
    }

    Builder advice(Advice advice) {
      causes.addAll(advice.causes());
      next.addAll(advice.next());
      return this;
    }

    Builder next(String text) {
      next.add(text);
      return this;
    }

    Finding build(String title) {
      return new Finding(family, source, device, code, title, facts, fields, notes, causes, next);
    }
  }

  /** The finding as lines of text. */
  public String text() {
    StringBuilder text = new StringBuilder(title).append('\n');
    facts.forEach((name, value) -> text.append("  %-9s %s%n".formatted(name, value)));
    for (FieldValue field : fields) {
      text.append(
              "  %-9s %-12s %-20s %s"
                  .formatted(field.bits, field.name, field.value, field.meaning)
                  .stripTrailing())
          .append('\n');
    }
    list(text, "note", notes);
    list(text, "cause", causes);
    list(text, "next", next);
    return text.toString();
  }

  private static void list(StringBuilder text, String name, List<String> lines) {
    lines.forEach(line -> text.append("  %-9s %s%n".formatted(name, line)));
  }
}
