package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.nestwalk.live.LiveMachine;
import dev.nestwalk.live.LiveMode;
import dev.nestwalk.live.LiveOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * QEMU gets paths as they are, through a shell, its options and JSON, whatever is in their names.
 */
@Timeout(60)
final class QemuWordsTest {
  @TempDir Path folder;

  /** The words that a shell makes of a line. */
  private static List<String> words(String line) throws IOException, InterruptedException {
    Process shell = new ProcessBuilder("sh", "-c", line).redirectErrorStream(true).start();
    String out = new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, shell.waitFor(), out);
    assertTrue(out.endsWith("\0"), out);
    return List.of(out.substring(0, out.length() - 1).split("\0", -1));
  }

  /** A value in a list of options: a comma ends it, two are one of the name. */
  private static String value(String list, String key) {
    int at = list.indexOf(key + "=") + key.length() + 1;
    StringBuilder value = new StringBuilder();
    while (at < list.length()) {
      boolean comma = list.charAt(at) == ',';
      if (comma && !list.startsWith(",,", at)) {
        break;
      }
      value.append(list.charAt(at));
      at += comma ? 2 : 1;
    }
    return value.toString();
  }

  private static String after(List<String> words, String option) {
    return words.get(words.indexOf(option) + 1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "plain",
        "a,b",
        "a,,b,",
        "say \"hi\"",
        "back\\slash\\\\",
        "tab\tline\nend",
        "it's $HOME `x` *?",
        "-a=b%c+d@e",
        "~",
        "#{a,b}!",
        "\u00e9\u4e2d"
      })
  void anyName(String name) throws IOException, InterruptedException {
    Path dir = folder.resolve(name);
    Path printer = Files.createDirectories(dir).resolve("x=y");
    Files.writeString(printer, "#!/bin/sh\nprintf '%s\\0' \"$0\" \"$@\"\n");
    assertTrue(printer.toFile().setExecutable(true));
    for (LiveMode mode : new LiveMode[] {LiveMode.SCALABLE, LiveMode.STAGE1}) {
      Path kernel = dir.resolve("kernel");
      Path initrd = dir.resolve("initrd");
      LiveOptions options =
          LiveOptions.of(mode, 4, dir)
              .withQemu(printer.toString())
              .withLinux(kernel, initrd, "a='" + name + "'");
      List<String> given;
      List<String> words;
      try (LiveMachine machine = LiveMachine.start(options, line -> {})) {
        given = machine.command();
        words = words(machine.shellCommand());
      }
      assertEquals(given, words, "through a shell");
      assertEquals(dir.resolve("ram").toString(), value(after(words, "-object"), "mem-path"));
      assertEquals(kernel.toString(), after(words, "-kernel"));
      assertEquals(initrd.toString(), after(words, "-initrd"));
      if (mode == LiveMode.SCALABLE) {
        assertEquals(dir.resolve("dmar.bin").toString(), value(after(words, "-acpitable"), "file"));
      } else {
        assertEquals(dir.resolve("virt.dtb").toString(), after(words, "-dtb"));
        assertEquals(dir.resolve("boot.rom").toString(), after(words, "-bios"));
      }
      assertEquals(
          List.of("unit", "nvme0", "test").stream().map(n -> dir.resolve(n + ".sock")).toList(),
          sockets(words));
    }
  }

  /** A program's name with an equals sign and no slash would be an assignment to a shell. */
  @ParameterizedTest
  @ValueSource(strings = {"x=y", "%1", "a b"})
  void aProgramsNameIsAName(String name) throws IOException {
    LiveOptions options = LiveOptions.of(LiveMode.LEGACY, 4, folder).withQemu(name);
    try (LiveMachine machine = LiveMachine.start(options, line -> {})) {
      assertTrue(machine.shellCommand().startsWith("'" + name + "' \\\n"));
    }
  }

  private static List<Path> sockets(List<String> words) {
    List<Path> sockets = new ArrayList<>();
    for (int i = 0; i < words.size(); i++) {
      if (words.get(i).equals("-device")) {
        JsonObject device = JsonParser.parseString(words.get(i + 1)).getAsJsonObject();
        sockets.add(Path.of(device.getAsJsonObject("socket").get("path").getAsString()));
      }
    }
    return sockets;
  }
}
