package dev.nestwalk.cli.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** What the pages say is so: commands print what is shown, links lead somewhere, code is tested. */
class DocsTest {
  private static final Path ROOT = Scenarios.fixtures().resolveSibling("");

  /** These wait for a browser, or measure. */
  private static final Set<String> UNRUN = Set.of("explore", "bench", "cost");

  private static final Map<String, Integer> COUNTS = new TreeMap<>();

  @TempDir static Path scratch = Path.of("");

  @AfterAll
  static void sayWhatWasNotRun() {
    System.out.println("docs: " + COUNTS);
  }

  private static void count(String what) {
    COUNTS.merge(what, 1, Integer::sum);
  }

  private static List<Page> pages() throws IOException {
    List<Page> pages = new ArrayList<>();
    try (Stream<Path> files = Files.walk(ROOT)) {
      for (Path file :
          files
              .filter(f -> f.toString().endsWith(".md"))
              .filter(f -> !ROOT.relativize(f).toString().contains("target/"))
              .sorted()
              .toList()) {
        pages.add(Page.read(file));
      }
    }
    assertTrue(pages.size() > 5, "pages under " + ROOT);
    return pages;
  }

  /** A test that fails with what {@code fault} says, unless that is nothing. */
  private static DynamicTest test(String name, Callable<String> fault) {
    return DynamicTest.dynamicTest(name, () -> assertEquals("", fault.call(), name));
  }

  private static String name(Page page, int line, String what) {
    return ROOT.relativize(page.file()) + ":" + line + " " + what;
  }

  @TestFactory
  List<DynamicTest> commandsPrintWhatIsShown() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (Page page : pages()) {
      // A folder per page: what one writes no other finds.
      Path folder = Files.createDirectories(scratch.resolve("page" + tests.size()));
      Transcript transcript = new Transcript(ROOT, folder);
      for (Page.Block block : page.blocks()) {
        if (!block.file().isEmpty()) {
          Files.writeString(folder.resolve(block.file()), block.text());
        }
        for (Transcript.Run run : Transcript.parse(block.text())) {
          if (isRun(block, run)) {
            tests.add(
                test(name(page, block.line(), run.command()), () -> transcript.difference(run)));
          }
        }
      }
    }
    assertFalse(tests.isEmpty());
    return tests;
  }

  private static boolean isRun(Page.Block block, Transcript.Run run) {
    List<String> words = run.arguments();
    if (words.isEmpty()) {
      count("not run, not our command");
      return false;
    }
    if (UNRUN.contains(words.get(0))) {
      count("not run, " + words.get(0));
      return false;
    }
    if (!block.notRun().isEmpty()) {
      count("not run, " + block.notRun());
      return false;
    }
    count("run");
    return true;
  }

  @TestFactory
  List<DynamicTest> linksLeadSomewhere() throws IOException {
    List<DynamicTest> tests = new ArrayList<>();
    for (Page page : pages()) {
      for (Page.Target target : page.targets()) {
        tests.add(
            test(
                name(page, target.line(), target.destination()),
                () -> Links.fault(page, target.destination())));
      }
    }
    assertFalse(tests.isEmpty());
    return tests;
  }

  @TestFactory
  List<DynamicTest> codeShownIsCodeThatTestsRun() throws IOException {
    Snippets snippets = new Snippets(ROOT);
    List<DynamicTest> tests = new ArrayList<>();
    for (Page page : pages()) {
      for (Page.Block block : page.blocks()) {
        if (block.language().equals("java")) {
          tests.add(
              test(
                  name(page, block.line(), "java"),
                  () ->
                      snippets.has(block.text())
                          ? ""
                          : "no '// begin' region of a test is this code; nearest: "
                              + snippets.nearest(block.text())));
        }
      }
    }
    assertFalse(tests.isEmpty());
    return tests;
  }

  private static final Pattern COORDINATES =
      Pattern.compile(
          "<groupId>([^<]+)</groupId>\\s*<artifactId>([^<]+)</artifactId>\\s*<version>([^<]+)<");

  @TestFactory
  List<DynamicTest> dependenciesShownAreModulesOfThisBuild() throws IOException {
    Matcher parent = COORDINATES.matcher(Files.readString(ROOT.resolve("pom.xml")));
    assertTrue(parent.find(), "coordinates of the build");
    List<DynamicTest> tests = new ArrayList<>();
    for (Page page : pages()) {
      for (Page.Block block : page.blocks()) {
        Matcher shown = COORDINATES.matcher(block.text());
        while (block.language().equals("xml") && shown.find()) {
          String artifact = shown.group(2);
          String coordinates = shown.group(1) + " " + shown.group(3);
          tests.add(
              test(
                  name(page, block.line(), artifact),
                  () ->
                      coordinates.equals(parent.group(1) + " " + parent.group(3))
                              && isModule(artifact)
                          ? ""
                          : coordinates + " " + artifact + " is not of this build"));
        }
      }
    }
    assertFalse(tests.isEmpty());
    return tests;
  }

  private static boolean isModule(String artifact) throws IOException {
    try (Stream<Path> files = Files.walk(ROOT, 3)) {
      for (Path pom : files.filter(f -> f.endsWith("pom.xml")).toList()) {
        if (Files.readString(pom).contains("\n  <artifactId>" + artifact + "</artifactId>\n")) {
          return true;
        }
      }
    }
    return false;
  }
}
