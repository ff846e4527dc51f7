package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The kit is found where its script puts it. */
@Timeout(60)
final class KitTest {
  private static final Path SCRIPT =
      Path.of(System.getProperty("nestwalk.root", "../..")).resolve("walker/live/kit");

  @TempDir Path folder;

  /** What the script prints, with programs of apt that do nothing, or without any. */
  private String script(Map<String, String> environment, boolean hasApt)
      throws IOException, InterruptedException {
    Path programs = Files.createDirectories(folder.resolve(hasApt ? "apt" : "none"));
    for (String name : new String[] {"apt-get", "apt-cache", "dpkg", "dpkg-deb"}) {
      if (hasApt) {
        Files.writeString(programs.resolve(name), "#!/bin/sh\nexit 1\n");
        assertTrue(programs.resolve(name).toFile().setExecutable(true));
      }
    }
    ProcessBuilder kit = new ProcessBuilder("/bin/bash", SCRIPT.toString());
    kit.redirectErrorStream(true).environment().clear();
    kit.environment().putAll(environment);
    kit.environment().put("PATH", programs + (hasApt ? ":/usr/bin:/bin" : ""));
    Process process = kit.start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return out.strip();
  }

  private static Map<String, String> environment(String... pairs) {
    Map<String, String> environment = new HashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      environment.put(pairs[i], pairs[i + 1]);
    }
    return environment;
  }

  private void assertFound(Path expected, Map<String, String> environment)
      throws IOException, InterruptedException {
    assertEquals(expected, Kit.folder(environment, "/elsewhere"));
    Files.createDirectories(expected);
    Files.write(expected.resolve("guests.done"), new byte[0]);
    assertEquals(expected.toString(), script(environment, true));
  }

  @Test
  void homeAndTwoVariablesBeforeItSayWhere() throws IOException, InterruptedException {
    String home = folder.resolve("home").toString();
    String cache = folder.resolve("cache").toString();
    Path own = folder.resolve("own");
    Path inHome = folder.resolve("home/.cache/nestwalk-live");
    assertFound(inHome, environment("HOME", home));
    assertFound(inHome, environment("HOME", home, "XDG_CACHE_HOME", "", "NESTWALK_LIVE", ""));
    assertFound(
        folder.resolve("cache/nestwalk-live"), environment("HOME", home, "XDG_CACHE_HOME", cache));
    assertFound(
        own, environment("HOME", home, "XDG_CACHE_HOME", cache, "NESTWALK_LIVE", own.toString()));
  }

  @Test
  void withoutHomeItIsTheSystemsHomeOfTheUser() throws IOException, InterruptedException {
    for (Map<String, String> none : List.of(environment(), environment("HOME", ""))) {
      assertEquals(Path.of("/users/me/.cache/nestwalk-live"), Kit.folder(none, "/users/me"));
      assertEquals(Path.of("/.cache/nestwalk-live"), Kit.folder(none, "?"));
      String told = script(none, false);
      assertFalse(told.contains("unbound"), told);
      assertTrue(told.contains("no apt-get on this machine"), told);
    }
  }
}
