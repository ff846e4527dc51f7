package dev.nestwalk.bench.cost.sweep;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.CellResult;
import dev.nestwalk.bench.cost.ResultJson;
import org.jspecify.annotations.Nullable;

/**
 * A cell that is done with.
 *
 * @param cell which
 * @param result its result, or null if it was refused
 * @param refused in one line why it cannot be run, "" if it was
 */
public record Finished(Cell cell, @Nullable CellResult result, String refused) {
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

  static Finished of(CellResult result) {
    return new Finished(result.cell(), result, "");
  }

  static Finished refused(Cell cell, String why) {
    return new Finished(cell, null, why.replaceAll("\\s+", " "));
  }

  /** A line of JSON. */
  String line() {
    CellResult ran = result;
    if (ran != null) {
      return GSON.toJson(ResultJson.of(ran));
    }
    JsonObject json = new JsonObject();
    json.addProperty("refused", refused);
    json.addProperty("text", cell.text());
    return GSON.toJson(json);
  }

  /**
   * Reads a line.
   *
   * @throws IllegalArgumentException in one line if it is none
   */
  static Finished parse(String line) {
    JsonElement element;
    try {
      element = JsonParser.parseString(line);
    } catch (JsonParseException | StackOverflowError e) {
      throw new IllegalArgumentException("expected a result as JSON", e);
    }
    if (!(element instanceof JsonObject json)) {
      throw new IllegalArgumentException("expected a result as a JSON object");
    }
    if (json.has("refused") && json.has("text")) {
      return refused(Cell.parse(text(json, "text")), text(json, "refused"));
    }
    return of(ResultJson.parse(json));
  }

  private static String text(JsonObject json, String name) {
    if (json.get(name).isJsonPrimitive()) {
      return json.get(name).getAsString();
    }
    throw new IllegalArgumentException(name + ": expected a text");
  }
}
