package dev.nestwalk.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.nestwalk.region.AddressSet;
import dev.nestwalk.region.DecisionTable;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import dev.nestwalk.teach.Numbers;
import dev.nestwalk.teach.RegionFiles;
import dev.nestwalk.teach.Setup;
import dev.nestwalk.teach.SetupReport;
import java.nio.file.Path;
import java.util.List;

/** The results of {@code nestwalk regions}, in the form of the schemas in {@code docs/schemas}. */
final class RegionsJson {
  /** An object that holds the version of its form. */
  static JsonObject versioned() {
    JsonObject json = new JsonObject();
    json.addProperty("version", 1);
    return json;
  }

  private static JsonObject range(long first, long last) {
    JsonObject json = new JsonObject();
    json.addProperty("first", Numbers.hex(first));
    json.addProperty("last", Numbers.hex(last));
    return json;
  }

  /** First and last address, and kind. */
  static JsonObject region(Region region) {
    JsonObject json = range(region.first(), region.last());
    json.addProperty("kind", SetupReport.word(region.kind()));
    return json;
  }

  private static JsonArray texts(List<String> texts) {
    JsonArray array = new JsonArray();
    texts.forEach(array::add);
    return array;
  }

  /** The regions in files, in file order, and all of them merged. */
  static JsonObject show(
      List<Path> paths, List<RegionFiles.Content> contents, List<Region> merged) {
    JsonObject json = versioned();
    JsonArray files = new JsonArray();
    for (int i = 0; i < paths.size(); i++) {
      JsonObject one = new JsonObject();
      one.addProperty("file", paths.get(i).toString());
      JsonArray regions = new JsonArray();
      for (RegionFiles.Sourced sourced : contents.get(i).regions()) {
        JsonObject region = region(sourced.region());
        region.addProperty("source", sourced.source());
        region.addProperty("note", sourced.note());
        regions.add(region);
      }
      one.add("regions", regions);
      one.add("warnings", texts(contents.get(i).warnings()));
      files.add(one);
    }
    json.add("files", files);
    JsonArray all = new JsonArray();
    merged.forEach(region -> all.add(region(region)));
    json.add("merged", all);
    return json;
  }

  /** Where bus addresses may equal guest-physical ones. */
  static JsonObject identity(
      AddressSet.Range window, long align, boolean relaxable, List<AddressSet.Range> allowed) {
    JsonObject json = versioned();
    json.add("window", range(window.first(), window.last()));
    json.addProperty("align", Numbers.hex(align));
    json.addProperty("relaxable", relaxable);
    JsonArray ranges = new JsonArray();
    allowed.forEach(range -> ranges.add(range(range.first(), range.last())));
    json.add("ranges", ranges);
    return json;
  }

  /** One setup under several policies. */
  static JsonObject compare(List<Setup> setups) {
    JsonObject json = versioned();
    JsonArray policies = new JsonArray();
    for (Setup setup : setups) {
      JsonObject one = new JsonObject();
      one.addProperty("policy", setup.tracker.policy().name());
      one.add("refused", texts(setup.refusals));
      JsonObject enforced = new JsonObject();
      setup.spaces.forEach(
          (name, space) -> {
            JsonArray regions = new JsonArray();
            for (HeldRegion held : HeldRegion.of(setup, space)) {
              JsonObject region = region(held.region());
              region.addProperty("device", held.device().name());
              regions.add(region);
            }
            enforced.add(name, regions);
          });
      one.add("enforced", enforced);
      policies.add(one);
    }
    json.add("policies", policies);
    return json;
  }

  /** What binds and is enforced in every configuration, by policy. */
  static JsonObject decisionTable() {
    JsonObject json = versioned();
    JsonArray rows = new JsonArray();
    for (DecisionTable.Row row : DecisionTable.Row.values()) {
      List<String> words = DecisionTable.row(row);
      JsonObject one = new JsonObject();
      one.addProperty("row", row.name());
      one.addProperty("bus", words.get(0));
      one.addProperty("intermediate", words.get(1));
      JsonObject enforced = new JsonObject();
      JsonObject optedIn = new JsonObject();
      int next = 2;
      for (Policy policy : Policy.all()) {
        enforced.addProperty(policy.name(), words.get(next++));
        if (policy.honoursOptIn()) {
          optedIn.addProperty(policy.name(), words.get(next++));
        }
      }
      one.add("enforced", enforced);
      one.add("opted_in", optedIn);
      rows.add(one);
    }
    json.add("rows", rows);
    return json;
  }

  /** The comparison of records in their order, and the totals. */
  static JsonObject replay(List<Path> paths, List<Replay.Result> replays, int passed, int failed) {
    JsonObject json = versioned();
    JsonArray files = new JsonArray();
    for (int i = 0; i < paths.size(); i++) {
      Replay.Result replay = replays.get(i);
      JsonObject one = new JsonObject();
      one.addProperty("file", paths.get(i).toString());
      one.addProperty("passed", replay.passed());
      one.addProperty("failed", replay.failures().size());
      one.add("failures", texts(replay.failures()));
      files.add(one);
    }
    json.add("files", files);
    json.addProperty("passed", passed);
    json.addProperty("failed", failed);
    return json;
  }

  private RegionsJson() {}
}
