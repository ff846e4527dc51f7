package dev.nestwalk.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.DecodedField;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A trace as text, JSON or a page. */
final class Explanation {
  private static final Gson JSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  /** Version of the JSON form: {@code docs/trace.schema.json}. */
  private static final int VERSION = 1;

  private final Image image;
  private final Request dma;
  private final Trace trace;

  /** What was asked. */
  record Request(int source, int pasid, long iova, int access) {}

  Explanation(Image image, Request dma, Trace trace) {
    this.image = image;
    this.dma = dma;
    this.trace = trace;
  }

  String text() {
    StringBuilder text = new StringBuilder(4096);
    line(text, "%s: %s", image.name(), request());
    int number = 1;
    for (Step step : trace.steps()) {
      line(text, "");
      line(text, "%2d. %s%s", number++, step.title(), place(step));
      if (step.words().length > 0) {
        line(text, "    read  %s  %s", read(step), words(step));
      }
      for (DecodedField field : step.fields()) {
        line(text, "    %-20s 0x%-12x %s", field.label(), field.value(), field.meaning());
      }
      if (!step.rule().isEmpty()) {
        line(text, "    => %s%s", step.rule(), section(step));
      }
    }
    line(text, "");
    line(text, "%s", answer());
    return text.toString();
  }

  private static void line(StringBuilder text, String format, Object... arguments) {
    text.append(format.formatted(arguments).stripTrailing()).append('\n');
  }

  private String request() {
    return "%s by %s (0x%04x)%s at 0x%x"
        .formatted(
            dma.access() == Access.WRITE ? "write" : "read",
            Numbers.bdf(dma.source()),
            dma.source(),
            dma.pasid() < 0 ? "" : " with PASID 0x%x".formatted(dma.pasid()),
            dma.iova());
  }

  private String answer() {
    long answer = trace.translation();
    if (Translation.isFault(answer)) {
      return Faults.describe(image.format(), trace.fault());
    }
    return "ok 0x%x size=%s perm=%s"
        .formatted(
            Translation.address(answer),
            Numbers.size(Translation.span(answer)),
            Access.describe(Translation.rights(answer)));
  }

  private static String place(Step step) {
    String stage = step.stage() > 0 ? " [stage " + step.stage() : "";
    String level =
        step.level() > 0 ? (stage.isEmpty() ? " [" : ", ") + "level " + step.level() : "";
    return stage.isEmpty() && level.isEmpty() ? "" : stage + level + "]";
  }

  private static String section(Step step) {
    return step.section().isEmpty() ? "" : "  (" + step.section() + ")";
  }

  private static String read(Step step) {
    return (step.space() + " " + Numbers.hex(step.address())).strip();
  }

  /** Highest word first, as the specification prints structures. */
  private static String words(Step step) {
    List<String> words = new ArrayList<>();
    for (long word : step.words()) {
      words.addFirst("%016x".formatted(word));
    }
    return String.join(":", words);
  }

  String json() {
    return JSON.toJson(map()) + "\n";
  }

  /** The JSON form. */
  Map<String, Object> map() {
    Map<String, Object> root = new LinkedHashMap<>();
    root.put("trace", VERSION);
    root.put("image", image.name());
    root.put("format", image.format());
    root.put("source_id", "0x%04x".formatted(dma.source()));
    root.put("pasid", dma.pasid() < 0 ? "" : Numbers.hex(dma.pasid()));
    root.put("iova", Numbers.hex(dma.iova()));
    root.put("access", Access.describe(dma.access()));
    root.put("answer", answerMap());
    root.put("steps", trace.steps().stream().map(Explanation::stepMap).toList());
    return root;
  }

  private Map<String, Object> answerMap() {
    long answer = trace.translation();
    Map<String, Object> map = new LinkedHashMap<>();
    if (Translation.isFault(answer)) {
      FaultRecord fault = trace.fault();
      int code = Translation.code(answer);
      map.put("outcome", "fault");
      map.put("fault", Numbers.hex(code));
      map.put("mnemonic", Faults.mnemonic(image.format(), code));
      map.put("condition", Faults.condition(image.format(), code));
      map.put("stage", Translation.stage(answer));
      map.put("level", Translation.level(answer));
      map.put("record", fault.isRecorded() ? Faults.record(image.format(), fault) : "");
    } else {
      map.put("outcome", "ok");
      map.put("output", Numbers.hex(Translation.address(answer)));
      map.put("size", Numbers.hex(Translation.span(answer)));
      map.put("perm", Access.describe(Translation.rights(answer)));
    }
    return map;
  }

  private static Map<String, Object> stepMap(Step step) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("title", step.title());
    map.put("stage", step.stage());
    map.put("level", step.level());
    map.put("space", step.space());
    map.put("address", Numbers.hex(step.address()));
    map.put("host", Numbers.hex(step.host()));
    map.put("words", Arrays.stream(step.words()).mapToObj("0x%016x"::formatted).toList());
    List<Map<String, Object>> fields = new ArrayList<>();
    for (DecodedField field : step.fields()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("label", field.label());
      one.put("name", field.name());
      one.put("hi", field.hi());
      one.put("lo", field.lo());
      one.put("value", Numbers.hex(field.value()));
      one.put("meaning", field.meaning());
      fields.add(one);
    }
    map.put("fields", fields);
    map.put("rule", step.rule());
    map.put("section", step.section());
    return map;
  }
}
