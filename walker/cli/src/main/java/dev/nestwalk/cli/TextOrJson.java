package dev.nestwalk.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import java.io.PrintWriter;
import picocli.CommandLine.Option;

/** Option for the output format of a command. */
final class TextOrJson {
  private static final Gson GSON =
      new GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create();

  /** The output formats. */
  enum Form {
    text,
    json
  }

  @Option(names = "--format", paramLabel = "F", description = "text (default) or json.")
  private Form form = Form.text;

  boolean isJson() {
    return form == Form.json;
  }

  /** Prints a document on separate lines. */
  static void print(PrintWriter out, JsonElement json) {
    out.println(GSON.toJson(json));
    out.flush();
  }
}
