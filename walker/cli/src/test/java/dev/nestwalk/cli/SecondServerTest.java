package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server that is refused because another one has its files changes none of them. */
@Timeout(120)
final class SecondServerTest {
  private static final long SMALL = 1 << 20;

  @TempDir Path folder;
  private final List<Process> processes = new ArrayList<>();

  /** A kit of empty files; no QEMU is started here. */
  @BeforeEach
  void makeKit() throws IOException {
    Files.createDirectories(folder.resolve("kit"));
    for (String name : new String[] {"guests.done", "busybox-amd64", "vmlinuz-amd64"}) {
      Files.write(folder.resolve("kit").resolve(name), new byte[1]);
    }
    Files.createDirectories(folder.resolve("first"));
    Files.write(folder.resolve("first/disk"), new byte[4096]);
  }

  @AfterEach
  void end() throws InterruptedException {
    for (Process process : processes) {
      process.destroyForcibly().waitFor();
    }
  }

  private Process serve(String name, String... words) throws IOException {
    List<String> command = new ArrayList<>(List.of("serve", "--format", "vtd"));
    command.addAll(List.of("--size", "128M"));
    for (String word : words) {
      command.add(word.replace("FIRST", folder.resolve("first").toString()));
    }
    ProcessBuilder builder =
        new ProcessBuilder(ChildCommand.words(command))
            .redirectOutput(folder.resolve(name + ".out").toFile())
            .redirectError(folder.resolve(name + ".err").toFile());
    builder.environment().put("NESTWALK_LIVE", folder.resolve("kit").toString());
    Process process = builder.start();
    processes.add(process);
    return process;
  }

  /** Size, time and content of each file; of RAM without the content. */
  private Map<String, String> files() throws IOException {
    Map<String, String> all = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder.resolve("first"))) {
      for (Path file : (Iterable<Path>) files::iterator) {
        boolean read = Files.isRegularFile(file) && Files.size(file) < SMALL;
        String content = read ? Files.readString(file, StandardCharsets.ISO_8859_1) : "";
        all.put(
            file.toString(),
            Files.size(file) + " " + Files.getLastModifiedTime(file) + " " + content);
      }
    }
    return all;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--dir FIRST",
        "--dir FIRST --trace FIRST/trace --record FIRST/a.trace",
        "--trace FIRST/trace",
        "--record FIRST/a.trace",
        "--ram FIRST/ram",
        "--disk FIRST/disk",
        "--disk FIRST/disk --trace FIRST/old --record FIRST/old.trace"
      })
  void changesNothing(String words) throws IOException, InterruptedException {
    Process first =
        serve(
            "first",
            "--dir FIRST --disk FIRST/disk --trace FIRST/trace --record FIRST/a.trace".split(" "));
    for (int i = 0; !Files.readString(folder.resolve("first.out")).contains("-append"); i++) {
      assertTrue(i < 600 && first.isAlive(), Files.readString(folder.resolve("first.err")));
      Thread.sleep(50);
    }
    // What the first one has written so far may be in its buffers.
    for (String name : new String[] {"trace", "a.trace", "initrd", "old", "old.trace"}) {
      Files.writeString(folder.resolve("first").resolve(name), "of the first");
    }
    Map<String, String> before = files();

    Process second = serve("second", words.split(" "));
    assertTrue(second.waitFor(60, TimeUnit.SECONDS), "refused");
    String told = Files.readString(folder.resolve("second.err"));
    assertEquals(2, second.exitValue(), told);
    assertEquals(1, told.lines().count(), told);
    assertTrue(told.contains("in use by another server"), told);
    assertTrue(told.contains(folder.resolve("first").toString()), told);
    assertEquals(before, files());
    assertTrue(first.isAlive());
    assertFalse(
        Files.readString(folder.resolve("first.err")).contains("went away"),
        "nobody was disturbed");
  }
}
