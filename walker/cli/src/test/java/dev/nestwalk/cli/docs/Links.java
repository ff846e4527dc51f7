package dev.nestwalk.cli.docs;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether links lead somewhere: files and headings of the repository; of others the form. */
final class Links {
  private Links() {}

  /** What is wrong with a link of {@code page}, or empty. */
  static String fault(Page page, String destination) throws IOException {
    URI uri;
    try {
      uri = URI.create(destination);
    } catch (IllegalArgumentException e) {
      return "not a link: " + e.getMessage();
    }
    if (uri.getScheme() != null) {
      boolean good = uri.getScheme().equals("https") && uri.getHost() != null;
      return good ? "" : "expected https and a host";
    }
    Path file = page.file();
    String path = uri.getPath();
    if (!path.isEmpty()) {
      file = file.resolveSibling(path).normalize();
      if (path.startsWith("/") || !Files.exists(file)) {
        return "no such file";
      }
    }
    String fragment = uri.getFragment();
    if (fragment == null) {
      return "";
    }
    if (!file.toString().endsWith(".md")) {
      return "a fragment of a file that has no headings";
    }
    Page target = path.isEmpty() ? page : Page.read(file);
    return target.anchors().contains(fragment) ? "" : "no such heading";
  }
}
