package dev.nestwalk.teach;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.DecodedField;
import dev.nestwalk.explain.Step;
import dev.nestwalk.format.Field;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionSet;
import dev.nestwalk.smmu.EventRecord;
import dev.nestwalk.vtd.FaultRecordFormat;
import java.util.List;
import java.util.Locale;

/**
 * Writes a walk as JSON in the form of {@code docs/trace.schema.json}. {@link TraceReader} reads
 * it.
 */
public final class TraceWriter {
  private static final Gson JSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().serializeNulls().create();

  /** Version of the form. */
  static final int VERSION = 2;

  /** The output of {@code --format json}. */
  public static String text(Explanation walk) {
    return JSON.toJson(of(walk)) + "\n";
  }

  /** The JSON form. */
  static JsonObject of(Explanation walk) {
    Explanation.Request request = walk.request();
    JsonObject root = new JsonObject();
    root.addProperty("trace", VERSION);
    root.addProperty("image", walk.image());
    root.addProperty("format", walk.format());
    root.addProperty("source_id", "0x%04x".formatted(request.source()));
    root.addProperty("pasid", request.pasid() < 0 ? "" : Numbers.hex(request.pasid()));
    root.addProperty("iova", Numbers.hex(request.iova()));
    root.addProperty("access", Access.describe(request.access()));
    root.add("answer", answer(walk));
    root.add("reserved", walk.reserved() == null ? JsonNull.INSTANCE : reserved(walk.reserved()));
    JsonArray caches = new JsonArray();
    walk.caches().runs().forEach(run -> caches.add(run(run)));
    root.add("caches", caches);
    JsonArray steps = new JsonArray();
    List<Step> all = walk.trace().steps();
    for (int i = 0; i < all.size(); i++) {
      steps.add(step(all.get(i), i, walk.caches()));
    }
    root.add("steps", steps);
    return root;
  }

  private static JsonObject answer(Explanation walk) {
    long answer = walk.trace().translation();
    JsonObject json = new JsonObject();
    if (!Translation.isFault(answer)) {
      json.addProperty("outcome", "ok");
      json.addProperty("output", Numbers.hex(Translation.address(answer)));
      json.addProperty("size", Numbers.hex(Translation.span(answer)));
      json.addProperty("perm", Access.describe(Translation.rights(answer)));
      return json;
    }
    FaultRecord fault = walk.trace().fault();
    int code = Translation.code(answer);
    json.addProperty("outcome", "fault");
    json.addProperty("fault", Numbers.hex(code));
    json.addProperty("mnemonic", Faults.mnemonic(walk.format(), code));
    json.addProperty("condition", Faults.condition(walk.format(), code));
    json.addProperty("stage", Translation.stage(answer));
    json.addProperty("level", Translation.level(answer));
    json.addProperty(
        "intermediate", fault.intermediate() == 0 ? "" : Numbers.hex(fault.intermediate()));
    json.addProperty("words", FaultWords.of(walk));
    json.addProperty("section", FaultWords.section(walk));
    json.addProperty("record", fault.isRecorded() ? Faults.record(walk.format(), fault) : "");
    JsonArray fields = new JsonArray();
    if (fault.isRecorded()) {
      boolean vtd = walk.format().equals("vtd");
      long[] words = {fault.word(0), fault.word(1), fault.word(2), fault.word(3)};
      for (Field field : (vtd ? FaultRecordFormat.STRUCTURE : EventRecord.of(code)).fields()) {
        fields.add(field(DecodedField.of(field, words)));
      }
    }
    json.add("record_fields", fields);
    return json;
  }

  private static JsonObject reserved(Guard.Decision decision) {
    JsonObject json = new JsonObject();
    json.addProperty("from", decision.guard().from());
    json.addProperty("policy", decision.guard().policy());
    json.add("input", regions(decision.guard().input()));
    json.add("intermediate", regions(decision.guard().intermediate()));
    json.addProperty("met", decision.met());
    json.addProperty("kind", decision.kind() == null ? "" : SetupReport.word(decision.kind()));
    return json;
  }

  /** Regions as objects of first address, last address and kind. */
  static JsonArray regions(RegionSet set) {
    JsonArray all = new JsonArray();
    for (Region region : set.regions()) {
      JsonObject one = new JsonObject();
      one.addProperty("first", Numbers.hex(region.first()));
      one.addProperty("last", Numbers.hex(region.last()));
      one.addProperty("kind", SetupReport.word(region.kind()));
      all.add(one);
    }
    return all;
  }

  private static JsonObject run(CacheView.Run run) {
    JsonObject json = new JsonObject();
    json.addProperty("state", run.state().word());
    json.addProperty("reads", run.read().size());
    json.addProperty("iotlb_hit", run.hit());
    json.addProperty("first_stage_hits", run.first());
    json.addProperty("second_stage_hits", run.second());
    json.addProperty("page_hits", run.pages());
    return json;
  }

  private static JsonObject step(Step step, int place, CacheView caches) {
    JsonObject json = new JsonObject();
    json.addProperty("title", step.title());
    json.addProperty("stage", step.stage());
    json.addProperty("level", step.level());
    json.addProperty("why", step.why());
    json.add("selector", JsonNull.INSTANCE);
    if (step.selector() != null) {
      JsonObject selector = new JsonObject();
      selector.addProperty("of", step.selector().of());
      selector.addProperty("value", Numbers.hex(step.selector().value()));
      selector.addProperty("hi", step.selector().hi());
      selector.addProperty("lo", step.selector().lo());
      selector.addProperty("index", Numbers.hex(step.selector().index()));
      json.add("selector", selector);
    }
    json.addProperty("space", step.space());
    json.addProperty("address", Numbers.hex(step.address()));
    json.addProperty("host", Numbers.hex(step.host()));
    JsonArray words = new JsonArray();
    step.read().forEach(word -> words.add("0x%016x".formatted(word)));
    json.add("words", words);
    JsonArray fields = new JsonArray();
    step.fields().forEach(field -> fields.add(field(field)));
    json.add("fields", fields);
    json.addProperty("rule", step.rule());
    json.addProperty("section", step.section());
    json.addProperty("rights", step.rights());
    json.add("next", JsonNull.INSTANCE);
    if (step.next() != null) {
      JsonObject next = new JsonObject();
      next.addProperty("what", step.next().what());
      next.addProperty("space", step.next().space());
      next.addProperty("address", Numbers.hex(step.next().address()));
      json.add("next", next);
    }
    JsonArray skipped = new JsonArray();
    for (CacheView.Run run : caches.runs()) {
      if (!step.read().isEmpty() && !run.read().contains(place)) {
        skipped.add(run.state().word());
      }
    }
    json.add("skipped_by", skipped);
    return json;
  }

  private static JsonObject field(DecodedField field) {
    JsonObject json = new JsonObject();
    json.addProperty("label", field.label());
    json.addProperty("name", field.name());
    json.addProperty("hi", field.hi());
    json.addProperty("lo", field.lo());
    json.addProperty("value", Numbers.hex(field.value()));
    json.addProperty("meaning", field.meaning());
    return json;
  }

  /** The name of the enum constant for a word of the JSON form. */
  static String constant(String word) {
    return word.toUpperCase(Locale.ROOT).replace('-', '_');
  }

  private TraceWriter() {}
}
