package dev.nestwalk.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import java.io.PrintWriter;
import picocli.CommandLine.Option;

/** How a command prints its answer. */
final class TextOrJson {
  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

  /** The forms. */
  enum Form {
    text,
    json
  }

  @Option(names = "--format", paramLabel = "F", description = "text (default) or json.")
  private Form form = Form.text;

  boolean isJson() {
    return form == Form.json;
  }

  /** Prints a document on lines of its own. */
  static void print(PrintWriter out, JsonElement json) {
    out.println(GSON.toJson(json));
    out.flush();
  }
}
