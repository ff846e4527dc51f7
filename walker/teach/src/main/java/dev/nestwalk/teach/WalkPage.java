package dev.nestwalk.teach;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;

/**
 * Presents walks as one self-contained page, which needs neither network nor server. Its parts are
 * the resources in {@code page}; the page's content security policy admits only this style and this
 * script, by their hashes.
 */
public final class WalkPage {
  private static final List<String> SCRIPTS =
      List.of("model.js", "grid.js", "step.js", "memory.js", "main.js");

  /** Escapes anything that could end a script element. */
  private static final Gson JSON = new GsonBuilder().serializeNulls().create();

  /** A page with these walks. */
  public static String of(List<Explanation> walks) throws IOException {
    String data = JSON.toJson(walks.stream().map(TraceWriter::of).toList());
    return page("", "", "", data, scripts());
  }

  /** The page that requests walks from its server. */
  static String live() throws IOException {
    return page(
        part("explore-form.html"),
        part("explore-panels.html"),
        " connect-src 'self';",
        "[]",
        scripts() + part("explore.js"));
  }

  private static String page(String form, String panels, String connect, String data, String script)
      throws IOException {
    String style = part("walk.css");
    String policy =
        "default-src 'none';%s style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'"
            .formatted(connect, hash(style), hash(script));
    return part("walk.html")
        .replace("@POLICY@", policy)
        .replace("@STYLE@", style)
        .replace("@FORM@", form)
        .replace("@PANELS@", panels)
        .replace("@SCRIPT@", script)
        .replace("@DATA@", data);
  }

  private static String scripts() throws IOException {
    StringBuilder all = new StringBuilder();
    for (String script : SCRIPTS) {
      all.append(part(script));
    }
    return all.toString();
  }

  private static String hash(String text) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return Base64.getEncoder().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static String part(String name) throws IOException {
    try (InputStream in = WalkPage.class.getResourceAsStream("page/" + name)) {
      if (in == null) {
        throw new IOException("a part of the page is missing: " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private WalkPage() {}
}
