package dev.nestwalk.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Walks as one page that needs nothing else: no network, no server. */
final class WalkPage {
  private static final String PLACE = "@DATA@";

  /** Escapes what could end a script element. */
  private static final Gson JSON = new GsonBuilder().create();

  /** A page of these walks. */
  static String of(List<Explanation> walks) throws IOException {
    return template().replace(PLACE, JSON.toJson(walks.stream().map(TraceWriter::of).toList()));
  }

  /** The page that asks its server for walks. */
  static String live() throws IOException {
    return template()
        .replace("default-src 'none';", "default-src 'none'; connect-src 'self';")
        .replace(PLACE, "[]");
  }

  private static String template() throws IOException {
    try (InputStream page = WalkPage.class.getResourceAsStream("walk.html")) {
      if (page == null) {
        throw new IOException("the page's template is missing");
      }
      return new String(page.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private WalkPage() {}
}
