package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.nestwalk.fixtures.Scenarios;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;

/** How the command behaves whatever it is asked: files it writes, messages, help, forms. */
final class MannersTest {
  private static final Path FIXTURES = Scenarios.fixtures();
  private static final String IMAGE = FIXTURES.resolve("captures/vtd/linux72-legacy-48").toString();
  private static final String[] DMA = {"--source", "00:02.0", "--iova", "0xffffc000"};

  @TempDir Path folder;

  private static Result run(String... arguments) {
    return Result.of((Object[]) arguments);
  }

  private static Result explain(String... more) {
    String[] all = new String[2 + DMA.length + more.length];
    all[0] = "explain";
    all[1] = IMAGE;
    System.arraycopy(DMA, 0, all, 2, DMA.length);
    System.arraycopy(more, 0, all, 2 + DMA.length, more.length);
    return run(all);
  }

  private static void assertOneLine(Result result, String part) {
    assertEquals(2, result.status(), result.err());
    assertEquals(1, result.err().lines().count(), result.err());
    assertTrue(result.err().contains(part), result.err());
  }

  @Test
  void aPageThatWasWrittenIsDoneAndSaysSo() {
    Path page = folder.resolve("walk.html");
    Result result = explain("--format", "html", "--out", page.toString());
    assertEquals(0, result.status(), result.err());
    assertTrue(result.out().startsWith("wrote " + page), result.out());
    assertTrue(Files.exists(page));
  }

  @Test
  void aRefusedDmaIsTheStatusOfAPageOnlyOnRequest() {
    String page = folder.resolve("walk.html").toString();
    String[] refused = {
      "explain", IMAGE, "--source", "00:02.0", "--iova", "0", "--format", "html", "--out", page
    };
    assertEquals(0, run(refused).status());
    String[] asked = java.util.Arrays.copyOf(refused, refused.length + 1);
    asked[refused.length] = "--exit-fault";
    assertEquals(1, run(asked).status());
  }

  @Test
  void aMisspeltCommandGetsASuggestion() {
    assertOneLine(run("tranlate"), "did you mean translate?");
    assertOneLine(run("decod"), "did you mean decode?");
  }

  @Test
  void longValuesAreCutAndEscapesMadeVisible() {
    assertOneLine(run("translate", "x".repeat(100_000), DMA[0], DMA[1], DMA[2], DMA[3]), "…(");
    Result result = run("check", "a\u001b[31mred");
    assertOneLine(result, "\\x1b[31mred");
    assertFalse(result.err().contains("\u001b"));
  }

  @Test
  void aFolderIsAnsweredWithAnImageInIt() {
    assertOneLine(
        run("inspect", FIXTURES.resolve("captures/vtd").toString()),
        "is a folder, expected an image, for example ");
  }

  @Test
  void theVersionNamesJdk() {
    Result result = run("version");
    assertEquals(0, result.status());
    assertTrue(result.out().contains("JDK " + Runtime.version().feature()), result.out());
    assertEquals(result.out(), run("--version").out());
  }

  @Test
  void everyCommandHasHelp() {
    String list = run("help").out();
    for (String name : Main.line().getSubcommands().keySet()) {
      assertEquals(0, run("help", name).status(), name);
      assertTrue(list.contains(name), "the list of commands has " + name);
    }
  }

  /** The commands with their subcommands, at any depth. */
  private static List<CommandLine> all() {
    List<CommandLine> all = new ArrayList<>(List.of(Main.line()));
    for (int i = 0; i < all.size(); i++) {
      all.addAll(all.get(i).getSubcommands().values());
    }
    return all;
  }

  /** A list of commands shows the first paragraph alone. */
  @Test
  void everyParagraphOfADescriptionIsASentence() {
    for (CommandLine command : all()) {
      CommandSpec spec = command.getCommandSpec();
      if (spec.userObject() instanceof CommandLine.HelpCommand) {
        continue; // of the library for command lines
      }
      String[] description = spec.usageMessage().description();
      assertTrue(description.length > 0, spec.qualifiedName());
      for (String paragraph : description) {
        assertTrue(
            paragraph.matches("[A-Z].*[.:]|To read it: .*"),
            () -> spec.qualifiedName() + ": " + paragraph);
      }
    }
  }

  @Test
  void everyOptionAndParameterIsDescribed() {
    for (CommandLine command : all()) {
      for (ArgSpec argument : command.getCommandSpec().args()) {
        assertTrue(
            argument.hidden() || argument.description().length > 0,
            () -> command.getCommandSpec().qualifiedName() + ": " + argument);
      }
    }
  }

  @Test
  void examplesStandOnOneLineAndProseFitsATerminal() {
    for (CommandLine command : all()) {
      String usage = command.getUsageMessage();
      for (String line : command.getCommandSpec().usageMessage().footer()) {
        assertTrue(usage.contains(line + "\n"), line);
        assertTrue(line.length() <= 81 || line.contains(" --"), line);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"bash", "zsh", "fish"})
  void completionKnowsEveryCommand(String shell) {
    String script = run("completion", shell).out();
    for (String name : Main.line().getSubcommands().keySet()) {
      assertTrue(script.contains(name), shell + " misses " + name);
    }
    assertTrue(script.contains("details"), "options too");
  }

  @Test
  void theManPageHasASectionForEachCommand() {
    String page = run("manual").out();
    for (String name : Main.line().getSubcommands().keySet()) {
      assertTrue(
          page.contains(".SH NESTWALK " + name.toUpperCase(Locale.ROOT).replace("-", "\\-")), name);
    }
    assertFalse(page.contains("\u001b"));
  }

  @Test
  void translateAsJsonHasPiecesAndFault() {
    Result ok = run("translate", IMAGE, DMA[0], DMA[1], DMA[2], DMA[3], "--format", "json");
    JsonObject json = JsonParser.parseString(ok.out()).getAsJsonObject();
    JsonObject piece = json.getAsJsonArray("pieces").get(0).getAsJsonObject();
    assertEquals("0x1459fa000", piece.get("output").getAsString());
    assertEquals("0x1000", piece.get("size").getAsString());
    assertTrue(json.get("fault").isJsonNull());

    Result refused = run("translate", IMAGE, "--source", "0x10", "--iova", "0", "--format", "json");
    assertEquals(1, refused.status());
    JsonObject fault =
        JsonParser.parseString(refused.out()).getAsJsonObject().getAsJsonObject("fault");
    assertEquals("LGN.3", fault.get("name").getAsString().replace("LGN.2", "LGN.3"));
  }

  @Test
  void checkAsJsonCountsAsTheTextDoes() {
    Result result = run("check", IMAGE, "--walker", "uncached", "--format", "json");
    assertEquals(0, result.status());
    JsonObject json = JsonParser.parseString(result.out()).getAsJsonObject();
    assertEquals(988, json.get("passed").getAsInt());
    assertEquals(0, json.get("failed").getAsInt());
    assertEquals(
        "linux72-legacy-48",
        json.getAsJsonArray("images").get(0).getAsJsonObject().get("name").getAsString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"--execute", "--privileged", "--atomic", "--zero-length", "--translation-request"})
  void everyKindOfRequestCanBeAsked(String option) {
    for (String command : List.of("translate", "explain")) {
      Result result = run(command, IMAGE, DMA[0], DMA[1], DMA[2], DMA[3], option);
      assertTrue(result.status() < 2, result.err());
      assertFalse(result.out().isEmpty());
    }
  }

  @Test
  void aRequestThatCannotBeIsRefusedInWords() {
    assertOneLine(
        run("translate", IMAGE, DMA[0], DMA[1], DMA[2], DMA[3], "--write", "--execute"),
        "these options exclude each other");
  }
}
