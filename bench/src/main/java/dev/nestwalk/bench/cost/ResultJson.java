package dev.nestwalk.bench.cost;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;

/** Results as JSON: cells as objects of texts, histograms as HdrHistogram's compressed base64. */
public final class ResultJson {
  /** Version of the form, in the field {@code form}. */
  public static final int FORM = 1;

  /** A result as a JSON object. */
  public static JsonObject of(CellResult result) {
    JsonObject json = new JsonObject();
    json.addProperty("form", FORM);
    JsonObject cell = new JsonObject();
    result.cell().values().forEach((axis, value) -> cell.addProperty(axis.label(), value));
    json.add("cell", cell);
    JsonObject counts = new JsonObject();
    result.counts().all().forEach(counts::addProperty);
    json.add("counts", counts);
    JsonObject histograms = new JsonObject();
    result.histograms().forEach((name, value) -> histograms.addProperty(name, encode(value)));
    json.add("histograms", histograms);
    JsonObject figures = new JsonObject();
    result.figures().forEach(figures::addProperty);
    json.add("figures", figures);
    JsonObject manifest = new JsonObject();
    result.manifest().forEach(manifest::addProperty);
    json.add("manifest", manifest);
    if (!result.note().isEmpty()) {
      json.addProperty("note", result.note());
    }
    return json;
  }

  /**
   * Reads what {@link #of} wrote.
   *
   * @throws IllegalArgumentException in one line that names what is missing or wrong
   */
  public static CellResult parse(JsonObject json) {
    if (number(json.get("form"), "form").intValue() != FORM) {
      throw new IllegalArgumentException("form %s: expected %d".formatted(json.get("form"), FORM));
    }
    Cell cell = Cell.standard();
    for (var entry : object(json, "cell").entrySet()) {
      cell = cell.with(Axis.of(entry.getKey()), text(entry.getValue(), entry.getKey()));
    }
    Map<String, Long> counts = new TreeMap<>();
    object(json, "counts")
        .entrySet()
        .forEach(
            entry ->
                counts.put(entry.getKey(), number(entry.getValue(), entry.getKey()).longValue()));
    Map<String, Histogram> histograms = new TreeMap<>();
    object(json, "histograms")
        .entrySet()
        .forEach(
            entry ->
                histograms.put(entry.getKey(), decode(text(entry.getValue(), entry.getKey()))));
    Map<String, Double> figures = new TreeMap<>();
    object(json, "figures")
        .entrySet()
        .forEach(
            entry ->
                figures.put(
                    entry.getKey(), number(entry.getValue(), entry.getKey()).doubleValue()));
    Map<String, String> manifest = new TreeMap<>();
    object(json, "manifest")
        .entrySet()
        .forEach(entry -> manifest.put(entry.getKey(), text(entry.getValue(), entry.getKey())));
    return new CellResult(cell, Counts.of(counts), histograms, figures, manifest);
  }

  private static JsonObject object(JsonObject json, String name) {
    JsonElement element = json.get(name);
    if (element == null || !element.isJsonObject()) {
      throw new IllegalArgumentException("expected an object '%s'".formatted(name));
    }
    return element.getAsJsonObject();
  }

  private static String text(JsonElement element, String name) {
    if (element instanceof JsonPrimitive primitive && primitive.isString()) {
      return primitive.getAsString();
    }
    throw new IllegalArgumentException("%s: expected a text".formatted(name));
  }

  private static Number number(JsonElement element, String name) {
    if (element instanceof JsonPrimitive primitive && primitive.isNumber()) {
      try {
        // Exact for the 64-bit counts, which a double would round.
        if (element.getAsString().matches("-?\\d{1,18}")) {
          return Long.parseLong(element.getAsString());
        }
        double value = element.getAsDouble();
        if (Double.isFinite(value)) {
          return value; // JSON has no other
        }
      } catch (NumberFormatException e) {
        // Told below.
      }
    }
    throw new IllegalArgumentException("%s: expected a number".formatted(name));
  }

  private static String encode(Histogram histogram) {
    ByteBuffer bytes = ByteBuffer.allocate(histogram.getNeededByteBufferCapacity());
    int length = histogram.encodeIntoCompressedByteBuffer(bytes);
    byte[] used = new byte[length];
    bytes.rewind();
    bytes.get(used);
    return Base64.getEncoder().encodeToString(used);
  }

  private static Histogram decode(String text) {
    try {
      return Histogram.decodeFromCompressedByteBuffer(
          ByteBuffer.wrap(Base64.getDecoder().decode(text)), 0);
    } catch (DataFormatException | RuntimeException e) {
      throw new IllegalArgumentException("a histogram cannot be read: " + e.getMessage(), e);
    }
  }

  private ResultJson() {}
}
