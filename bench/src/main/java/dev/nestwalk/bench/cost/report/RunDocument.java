package dev.nestwalk.bench.cost.report;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.LatencyModel;
import dev.nestwalk.bench.cost.ResultJson;
import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.fixtures.JsonReason;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The results of a run: where and how it was made, which experiments it ran, and the result of each
 * cell. Results are sorted by cell, so that equal results give equal texts.
 *
 * @param manifest command line, commit, JDK, processor, seed, size, by name
 * @param experiments names of experiments whose cells are all present; empty for a sweep
 * @param results one for each cell
 */
public record RunDocument(
    Map<String, String> manifest, List<String> experiments, List<CellResult> results) {
  private static final int FORM = 1;
  private static final String KIND = "nestwalk-cost";
  private static final long MOST_BYTES = 1L << 30;

  /** Sorts. */
  public RunDocument {
    manifest = java.util.Collections.unmodifiableMap(new TreeMap<>(manifest));
    experiments = List.copyOf(experiments);
    results = results.stream().sorted(Comparator.comparing(CellResult::cell)).toList();
  }

  /** SHA-256 of the counted cells and their counts: equal on every machine, run and shard. */
  public String countedDigest() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (CellResult result : results) {
        if (!result.cell().isTimed()) {
          String line = result.cell().text() + "\t" + result.counts() + "\n";
          digest.update(line.getBytes(StandardCharsets.UTF_8));
        }
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** The latency model that the manifest names, or the default one. */
  public LatencyModel model() {
    String latency = manifest.get("latency");
    return latency == null ? LatencyModel.DEFAULT : LatencyModel.parse(latency);
  }

  /** As JSON. */
  public String json() {
    JsonObject json = new JsonObject();
    json.addProperty("kind", KIND);
    json.addProperty("form", FORM);
    JsonObject about = new JsonObject();
    manifest.forEach(about::addProperty);
    json.add("manifest", about);
    json.addProperty("counted_digest", countedDigest());
    JsonArray names = new JsonArray();
    experiments.forEach(names::add);
    json.add("experiments", names);
    JsonArray list = new JsonArray();
    LatencyModel model = model();
    for (CellResult result : results) {
      JsonObject one = ResultJson.of(result);
      Map<String, Double> figures = Modelled.of(result, model);
      if (!figures.isEmpty()) {
        JsonObject modelled = new JsonObject();
        figures.forEach(modelled::addProperty);
        one.add("modelled", modelled);
      }
      list.add(one);
    }
    json.add("results", list);
    return new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(json) + "\n";
  }

  /**
   * Reads what {@link #json} wrote.
   *
   * @throws CostException in one line if the file cannot be read or is no such document
   */
  public static RunDocument read(Path file) {
    try {
      if (Files.size(file) > MOST_BYTES) {
        throw new CostException(file + ": larger than 1 GiB, expected results of nestwalk cost");
      }
      try (Reader text = Files.newBufferedReader(file)) {
        return parse(JsonParser.parseReader(text));
      }
    } catch (IOException e) {
      throw new CostException(file + ": cannot be read: " + IoReason.of(e));
    } catch (JsonParseException | IllegalStateException | UnsupportedOperationException e) {
      throw new CostException(file + ": " + JsonReason.of(e) + " that nestwalk cost --json wrote");
    } catch (StackOverflowError e) {
      throw new CostException(
          file + ": nested too deeply, expected what nestwalk cost --json wrote");
    } catch (IllegalArgumentException e) {
      throw new CostException(file + ": " + e.getMessage());
    }
  }

  private static RunDocument parse(JsonElement element) {
    if (!(element instanceof JsonObject json)
        || !json.has("kind")
        || !json.get("kind").isJsonPrimitive()
        || !json.get("kind").getAsString().equals(KIND)) {
      throw new IllegalArgumentException("expected an object of kind '%s'".formatted(KIND));
    }
    if (!json.has("form") || !json.get("form").toString().equals(Integer.toString(FORM))) {
      throw new IllegalArgumentException("form %s: expected %d".formatted(json.get("form"), FORM));
    }
    Map<String, String> manifest = new TreeMap<>();
    if (json.get("manifest") instanceof JsonObject about) {
      about.entrySet().forEach(e -> manifest.put(e.getKey(), e.getValue().getAsString()));
    }
    if (manifest.containsKey("latency")) {
      LatencyModel.parse(manifest.get("latency"));
    }
    List<String> experiments = new ArrayList<>();
    if (json.get("experiments") instanceof JsonArray names) {
      names.forEach(name -> experiments.add(name.getAsString()));
    }
    if (!(json.get("results") instanceof JsonArray list)) {
      throw new IllegalArgumentException("expected a list 'results'");
    }
    Map<String, CellResult> results = new TreeMap<>();
    for (JsonElement one : list) {
      if (!(one instanceof JsonObject object)) {
        throw new IllegalArgumentException("expected objects in 'results'");
      }
      CellResult result = ResultJson.parse(object);
      if (results.put(result.cell().text(), result) != null) {
        throw new IllegalArgumentException("a cell stands twice: " + result.cell());
      }
    }
    return new RunDocument(manifest, experiments, List.copyOf(results.values()));
  }
}
