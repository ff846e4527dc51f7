package dev.nestwalk.teach;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.DecodedField;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads the JSON form of a walk, as {@link TraceWriter} writes it. */
public final class TraceReader {
  /** An object of the text, and its place for messages. */
  private record Node(JsonObject json, String at) {
    private static IllegalArgumentException expected(String at, String what) {
      return new IllegalArgumentException("%s: expected %s".formatted(at, what));
    }

    private JsonElement get(String key) {
      JsonElement element = json.get(key);
      if (element == null) {
        throw expected(at, "'" + key + "'");
      }
      return element;
    }

    String text(String key) {
      if (!get(key).isJsonPrimitive()) {
        throw expected(at + key, "text");
      }
      return get(key).getAsString();
    }

    long hex(String key) {
      return hex(text(key), at + key);
    }

    private static long hex(String text, String at) {
      Long value = text.startsWith("0x") ? Numbers.hexOrNull(text) : null;
      if (value == null) {
        throw expected(at, "a hexadecimal number as text, 0x…");
      }
      return value;
    }

    /** A requester id or a PASID of so many bits. */
    int id(String key, int bits) {
      long value = hex(key);
      if (value >>> bits != 0) {
        throw expected(at + key, "a number of at most " + bits + " bits");
      }
      return (int) value;
    }

    int number(String key) {
      try {
        return Integer.parseInt(text(key));
      } catch (NumberFormatException e) {
        throw expected(at + key, "a number");
      }
    }

    int number(String key, int most) {
      int value = number(key);
      if (value < 0 || value > most) {
        throw expected(at + key, "0 to " + most);
      }
      return value;
    }

    Node node(String key) {
      if (!get(key).isJsonObject()) {
        throw expected(at + key, "an object");
      }
      return new Node(get(key).getAsJsonObject(), at + key + ".");
    }

    @Nullable Node nodeOrNull(String key) {
      return get(key).isJsonNull() ? null : node(key);
    }

    private JsonArray list(String key) {
      if (!get(key).isJsonArray()) {
        throw expected(at + key, "a list");
      }
      return get(key).getAsJsonArray();
    }

    List<Node> nodes(String key) {
      List<Node> nodes = new ArrayList<>();
      for (JsonElement element : list(key)) {
        String place = "%s%s[%d]".formatted(at, key, nodes.size());
        if (!element.isJsonObject()) {
          throw expected(place, "an object");
        }
        nodes.add(new Node(element.getAsJsonObject(), place + "."));
      }
      return nodes;
    }

    List<String> texts(String key) {
      List<String> texts = new ArrayList<>();
      for (JsonElement element : list(key)) {
        if (!element.isJsonPrimitive()) {
          throw expected("%s%s[%d]".formatted(at, key, texts.size()), "text");
        }
        texts.add(element.getAsString());
      }
      return texts;
    }

    List<Long> words(String key) {
      return texts(key).stream().map(text -> hex(text, at + key)).toList();
    }
  }

  /**
   * Reads a walk.
   *
   * @throws IllegalArgumentException with a message of one line if the text has another form
   */
  public static Explanation read(String text) {
    try {
      JsonElement json = JsonParser.parseString(text);
      if (!json.isJsonObject()) {
        throw new IllegalArgumentException("expected a JSON object");
      }
      return read(new Node(json.getAsJsonObject(), ""));
    } catch (JsonParseException | StackOverflowError e) {
      throw new IllegalArgumentException("expected JSON", e);
    }
  }

  private static Explanation read(Node root) {
    if (root.number("trace") != TraceWriter.VERSION) {
      throw new IllegalArgumentException(
          "trace: expected version %d, found %s"
              .formatted(TraceWriter.VERSION, root.text("trace")));
    }
    String pasid = root.text("pasid");
    var request =
        new Explanation.Request(
            root.id("source_id", 32),
            pasid.isEmpty() ? -1 : root.id("pasid", 20),
            root.hex("iova"),
            access(root.text("access"), "access"));
    List<Step> steps = new ArrayList<>();
    List<List<String>> skipped = new ArrayList<>();
    for (Node step : root.nodes("steps")) {
      steps.add(step(step));
      skipped.add(step.texts("skipped_by"));
    }
    if (steps.isEmpty()) {
      throw Node.expected("steps", "at least one");
    }
    String format = root.text("format");
    if (!format.equals("vtd") && !format.equals("smmuv3")) {
      throw Node.expected("format", "vtd or smmuv3");
    }
    Node reserved = root.nodeOrNull("reserved");
    return new Explanation(
        root.text("image"),
        format,
        request,
        answer(root.node("answer"), request, format, steps),
        reserved == null ? null : decision(reserved),
        caches(root, steps, skipped));
  }

  private static int access(String letters, String at) {
    int access = 0;
    for (int i = 0; i < letters.length(); i++) {
      int bit = "rwxpzqt".indexOf(letters.charAt(i));
      if (bit < 0) {
        throw Node.expected(at, "letters of rwxpzqt");
      }
      access |= 1 << bit;
    }
    return access;
  }

  private static Trace answer(
      Node answer, Explanation.Request request, String format, List<Step> steps) {
    FaultRecord fault = new FaultRecord();
    if (answer.text("outcome").equals("ok")) {
      long size = answer.hex("size");
      if (Long.bitCount(size) != 1) {
        throw Node.expected("answer.size", "a power of two");
      }
      if (answer.hex("output") >>> 52 != 0) {
        throw Node.expected("answer.output", "an address of at most 52 bits");
      }
      int rights = access(answer.text("perm"), "answer.perm") & Access.ATOMIC;
      int span = Long.numberOfTrailingZeros(size);
      return new Trace(
          Translation.ok(answer.hex("output"), span, rights), request.iova(), fault, steps);
    }
    int code = code(answer.hex("fault"));
    long refusal = Translation.fault(code, answer.number("stage", 2), answer.number("level", 15));
    fault.begin(request.source(), request.pasid(), request.iova(), request.access(), refusal);
    String between = answer.text("intermediate");
    fault.setIntermediate(between.isEmpty() ? 0 : answer.hex("intermediate"));
    String record = answer.text("record");
    if (!record.isEmpty()) {
      record(fault, record, format);
    }
    return new Trace(refusal, request.iova(), fault, steps);
  }

  private static int code(long code) {
    boolean ofLibrary = Arrays.stream(Outcome.values()).anyMatch(outcome -> outcome.code() == code);
    if (code < 0 || code > 0xff && !ofLibrary) {
      throw Node.expected("answer.fault", "the code of a fault");
    }
    return (int) code;
  }

  private static void record(FaultRecord fault, String record, String format) {
    boolean vtd = format.equals("vtd");
    if (!record.matches(vtd ? "[0-9a-f]{16}:[0-9a-f]{16}" : "[0-9a-f]{64}")) {
      throw Node.expected("answer.record", vtd ? "32 digits with a colon" : "64 digits");
    }
    String digits = record.replace(":", "");
    long[] words = new long[4];
    for (int i = 0; i < digits.length() / 16; i++) {
      long word = Long.parseUnsignedLong(digits.substring(16 * i, 16 * i + 16), 16);
      words[vtd ? 1 - i : i] = vtd ? word : Long.reverseBytes(word);
    }
    fault.record(words[0], words[1], words[2], words[3]);
  }

  private static Guard.Decision decision(Node json) {
    Guard guard =
        new Guard(
            json.text("from"),
            json.text("policy"),
            regions(json, "input"),
            regions(json, "intermediate"));
    String kind = json.text("kind");
    return new Guard.Decision(guard, json.text("met"), kind.isEmpty() ? null : kind(json));
  }

  private static RegionKind kind(Node json) {
    try {
      return RegionKind.valueOf(TraceWriter.constant(json.text("kind")));
    } catch (IllegalArgumentException e) {
      throw Node.expected(json.at + "kind", "direct, direct-relaxable, reserved, msi or sw-msi");
    }
  }

  private static RegionSet regions(Node json, String key) {
    List<Region> regions = new ArrayList<>();
    for (Node region : json.nodes(key)) {
      regions.add(new Region(region.hex("first"), region.hex("last"), kind(region)));
    }
    return RegionSet.of(regions);
  }

  private static CacheView caches(Node root, List<Step> steps, List<List<String>> skipped) {
    List<CacheView.Run> runs = new ArrayList<>();
    for (Node run : root.nodes("caches")) {
      CacheView.State state;
      try {
        state = CacheView.State.valueOf(TraceWriter.constant(run.text("state")));
      } catch (IllegalArgumentException e) {
        throw Node.expected(run.at + "state", "cold, tables, pages or iotlb");
      }
      List<Integer> read = new ArrayList<>();
      for (int i = 0; i < steps.size(); i++) {
        if (!steps.get(i).read().isEmpty() && !skipped.get(i).contains(state.word())) {
          read.add(i);
        }
      }
      runs.add(
          new CacheView.Run(
              state,
              run.text("iotlb_hit").equals("true"),
              run.number("first_stage_hits"),
              run.number("second_stage_hits"),
              run.number("page_hits"),
              List.copyOf(read)));
    }
    return new CacheView(List.copyOf(runs));
  }

  private static Step step(Node json) {
    Node selector = json.nodeOrNull("selector");
    Node next = json.nodeOrNull("next");
    List<DecodedField> fields = new ArrayList<>();
    for (Node field : json.nodes("fields")) {
      fields.add(
          new DecodedField(
              field.text("name"),
              field.number("hi"),
              field.number("lo"),
              field.hex("value"),
              field.text("meaning")));
    }
    return new Step(
        json.text("title"),
        json.number("stage"),
        json.number("level"),
        json.text("why"),
        selector == null ? null : selector(selector),
        json.text("space"),
        json.hex("address"),
        json.hex("host"),
        json.words("words"),
        fields,
        json.text("rule"),
        json.text("section"),
        json.text("rights"),
        next == null
            ? null
            : new Step.Target(next.text("what"), next.text("space"), next.hex("address")));
  }

  private static Step.Selector selector(Node json) {
    int hi = json.number("hi");
    int lo = json.number("lo");
    if (lo < 0 || hi < lo || hi > 63) {
      throw Node.expected(json.at + "hi", "63 >= hi >= lo >= 0");
    }
    return new Step.Selector(json.text("of"), json.hex("value"), hi, lo);
  }

  private TraceReader() {}
}
