package dev.nestwalk.cli;

import java.io.File;
import java.net.URI;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The command in a process of its own, with the class path of the tests. */
final class ChildCommand {
  private ChildCommand() {}

  /** The words that start a process with these of the command. */
  static List<String> words(List<String> command) {
    List<String> all = new ArrayList<>();
    all.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    all.addAll(List.of("-cp", classPath(), Main.class.getName()));
    all.addAll(command);
    return all;
  }

  /** Of this test: test runners have it in a loader of their own, or in the system's. */
  private static String classPath() {
    if (!(Main.class.getClassLoader() instanceof URLClassLoader loader)) {
      return System.getProperty("java.class.path");
    }
    return Stream.of(loader.getURLs())
        .map(url -> Path.of(URI.create(url.toString())).toString())
        .collect(Collectors.joining(File.pathSeparator));
  }
}
