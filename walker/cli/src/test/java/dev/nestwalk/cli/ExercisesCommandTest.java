package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.teach.exercises.Kind;
import dev.nestwalk.teach.exercises.MarkdownSheet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code nestwalk exercises} as a user meets it. */
class ExercisesCommandTest {
  @TempDir Path folder;

  private static Result run(String... arguments) {
    return Result.of("exercises", arguments);
  }

  private static long headings(String sheet) {
    return sheet.lines().filter(line -> line.startsWith("## ")).count();
  }

  @Test
  void theSheetNamesItsSeedAndHowToMakeItAgain() {
    Result first = run();
    assertEquals(0, first.status(), first.err());
    String line = "Seed 1. Made by `nestwalk exercises --seed 1 --count 20`.";
    assertTrue(first.out().contains(line), first.out());
    assertEquals(20, headings(first.out()));
    assertEquals(first.out(), run("--seed", "1", "--count", "20").out());
  }

  @Test
  void solutionsGoToAFileOfTheirOwn() throws IOException {
    Path sheet = folder.resolve("sheet.md");
    Path solutions = folder.resolve("solutions.md");
    Result result =
        run(
            "--seed",
            "9",
            "--count",
            "5",
            "--out",
            sheet.toString(),
            "--solutions",
            solutions.toString());
    assertEquals(sheet + ": 5 exercises, seed 9\n", result.out());
    assertEquals(5, headings(Files.readString(sheet)));
    assertEquals(5, headings(Files.readString(solutions)));
    assertFalse(Files.readString(sheet).contains("**"), "answers in the sheet");
    assertEquals(5, Files.readString(solutions).lines().filter(l -> l.startsWith("**")).count());
  }

  @Test
  void kindsAreListedAndChosen() {
    String list = run("--list").out();
    assertEquals(Kind.values().length, list.lines().count());
    Result walks = run("--topic", "walks", "--iommu", "smmuv3", "--count", "7");
    assertEquals(7, walks.out().lines().filter(l -> l.endsWith("(SMMUv3)")).count(), walks.out());
    Result two = run("--kind", "start-level,pasid-entry", "--count", "4");
    assertTrue(two.out().contains("At which level a walk starts (SMMUv3)"), two.out());
    assertTrue(two.out().contains("Where a PASID table entry is (VT-d)"), two.out());
    assertTrue(two.out().contains("--kind start-level --kind pasid-entry`"), two.out());
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "--count 0,                              expected 1 to 500",
    "--count 501,                            expected 1 to 500",
    "--count many,                           --count",
    "--seed 1.5,                             --seed",
    "--format pdf,                           --format",
    "--kind walk,                            expected a kind of nestwalk exercises --list",
    "--topic poems,                          'expected addresses, lookup, walks'",
    "--iommu amd,                            'expected vtd, smmuv3'",
    "--kind start-level --iommu vtd,         --kind start-level is of smmuv3",
    "--kind start-level --topic walks,       --kind start-level is of topic addresses",
    "--kind nested-span --count 400,         kind nested-span has not as many",
    "--format html --solutions x,            --solutions",
    "--out x.md --solutions ./x.md,          expected another file",
    "--out no/such/folder/sheet.md,          cannot be written",
    "surplus,                                surplus",
  })
  void badOptionsGetOneLine(String arguments, String expected) {
    Result result = run(arguments.split(" ", -1));
    assertEquals(2, result.status(), result.err());
    assertEquals(1, result.err().lines().count(), result.err());
    assertTrue(result.err().contains(expected), result.err());
    assertFalse(result.err().contains("Exception:"), result.err());
  }

  @Test
  void helpHasAnExample() {
    Result help = run("--help");
    assertEquals(0, help.status());
    assertTrue(help.out().contains("Example: nestwalk exercises"), help.out());
  }

  /** With {@code -Dnestwalk.write-docs=true} the table is written anew. */
  @Test
  void theChapterListsTheKinds() throws IOException {
    Path chapter =
        Objects.requireNonNull(Scenarios.fixtures().getParent()).resolve("docs/exercises.md");
    String text = Files.readString(chapter);
    int first = text.indexOf("| topic | kind |");
    int end = text.indexOf("\n\n", first) + 1;
    if (Boolean.getBoolean("nestwalk.write-docs")) {
      text = text.substring(0, first) + MarkdownSheet.kinds() + text.substring(end);
      Files.writeString(chapter, text);
      return;
    }
    assertEquals(MarkdownSheet.kinds(), text.substring(first, end));
  }
}
