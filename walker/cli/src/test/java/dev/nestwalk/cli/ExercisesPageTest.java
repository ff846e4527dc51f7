package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.deque.html.axecore.selenium.AxeBuilder;
import dev.nestwalk.region.Policy;
import dev.nestwalk.teach.exercises.Answer;
import dev.nestwalk.teach.exercises.Exercise;
import dev.nestwalk.teach.exercises.Format;
import dev.nestwalk.teach.exercises.Kind;
import dev.nestwalk.teach.exercises.Sheet;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogType;

/** A sheet of exercises in a real browser. */
class ExercisesPageTest {
  private static final long SEED = 4;
  private static final int MOST_TABS = 30;

  private static @Nullable ChromeDriver started;

  @TempDir static Path folder = Path.of("");

  @BeforeAll
  static void start() {
    started = HeadlessBrowser.start();
  }

  @AfterAll
  static void stop() {
    if (started != null) {
      started.quit();
    }
  }

  /** Makes the sheet of these kinds, one exercise each, and opens it. */
  private static ChromeDriver open(Kind... kinds) throws IOException {
    assumeTrue(started != null, "no browser");
    ChromeDriver browser = Objects.requireNonNull(started);
    Path page = folder.resolve("sheet.html");
    String names = String.join(",", List.of(kinds).stream().map(Kind::id).toList());
    StringWriter err = new StringWriter();
    int status =
        Main.run(
            new PrintWriter(new StringWriter()),
            new PrintWriter(err),
            "exercises",
            "--seed=" + SEED,
            "--count=" + kinds.length,
            "--kind=" + names,
            "--format=html",
            "--out=" + page);
    assertEquals(0, status, err.toString());
    assertTrue(Files.size(page) < 300_000, Files.size(page) + " bytes");
    browser.executeCdpCommand("Emulation.setEmulatedMedia", Map.of("media", ""));
    browser.get(page.toUri().toString());
    return browser;
  }

  private static List<Exercise> exercises(Kind... kinds) throws Sheet.TooFewException {
    try (Arena arena = Arena.ofConfined()) {
      EnumSet<Format> formats = EnumSet.allOf(Format.class);
      return Sheet.of(SEED, kinds.length, List.of(kinds), formats, arena).exercises();
    }
  }

  private static void press(ChromeDriver browser, CharSequence... keys) {
    new Actions(browser).sendKeys(keys).perform();
  }

  /** Tabs on until a field of an exercise has the focus. */
  private static void tabTo(ChromeDriver browser, int number, String selector) {
    WebElement wanted = browser.findElement(By.cssSelector("#e" + number + " " + selector));
    for (int tabs = 0; tabs < MOST_TABS; tabs++) {
      press(browser, Keys.TAB);
      if (browser.switchTo().activeElement().equals(wanted)) {
        return;
      }
    }
    throw new AssertionError("Tab does not reach " + selector + " of exercise " + number);
  }

  private static String verdict(ChromeDriver browser, int number) {
    return browser.findElement(By.cssSelector("#e" + number + " .verdict")).getText();
  }

  private static String score(ChromeDriver browser) {
    return browser.findElement(By.id("score")).getText();
  }

  private static void assertQuiet(ChromeDriver browser) {
    assertEquals("[]", browser.manage().logs().get(LogType.BROWSER).getAll().toString());
    Object requests =
        browser.executeScript("return performance.getEntriesByType('resource').length");
    assertEquals(0L, requests, "requests left the page");
  }

  private static void assertAccessible(ChromeDriver browser) {
    for (String scheme : List.of("light", "dark")) {
      browser.executeCdpCommand(
          "Emulation.setEmulatedMedia",
          Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
      String findings =
          new AxeBuilder().disableIframeTesting().analyze(browser).getViolations().toString();
      assertEquals("[]", findings, scheme);
    }
  }

  @Test
  void oneIsAnsweredRightOneWrongAndRevealedByKeyboardAlone() throws Exception {
    // A number, a choice, words of memory, several to tick: all that a sheet is made of.
    Kind[] kinds = {
      Kind.START_LEVEL, Kind.WHICH_STAGES, Kind.OUTPUT_ADDRESS, Kind.BINDS_BUS,
    };
    List<Exercise> exercises = exercises(kinds);
    ChromeDriver browser = open(kinds);
    assertEquals("0 of 4 right", score(browser));

    tabTo(browser, 1, "input");
    press(browser, "nonsense", Keys.ENTER);
    assertEquals("That is no number.", verdict(browser, 1));
    new Actions(browser).keyDown(Keys.CONTROL).sendKeys("a").keyUp(Keys.CONTROL).perform();
    press(browser, exercises.get(0).answer().shown(), Keys.ENTER);
    assertEquals("Right.", verdict(browser, 1));
    assertEquals("1 of 4 right", score(browser));

    tabTo(browser, 2, "input");
    press(browser, Keys.SPACE);
    int right = ((Answer.Choice) exercises.get(1).answer()).right();
    if (right == 0) {
      press(browser, Keys.ARROW_DOWN);
    }
    press(browser, Keys.ENTER);
    assertEquals("Not right.", verdict(browser, 2));

    WebElement solution = browser.findElement(By.id("s2"));
    assertFalse(solution.isDisplayed());
    assertEquals(0, solution.findElements(By.cssSelector("*")).size(), "in the page before");
    tabTo(browser, 2, ".reveal");
    press(browser, Keys.ENTER);
    assertTrue(solution.isDisplayed());
    assertTrue(solution.getText().contains(exercises.get(1).answer().shown()), solution.getText());
    assertTrue(solution.getText().contains(exercises.get(1).steps().get(0)), solution.getText());
    assertEquals("1 of 4 right, 1 revealed", score(browser));
    assertQuiet(browser);
    assertAccessible(browser);
  }

  @Test
  void everyKindIsShownCheckedAndRevealed() throws Exception {
    List<Exercise> exercises = exercises(Kind.values());
    ChromeDriver browser = open(Kind.values());
    List<Object> answers = new ArrayList<>();
    for (Exercise exercise : exercises) {
      answers.add(
          switch (exercise.answer()) {
            case Answer.Value value -> value.shown();
            case Answer.Choice choice -> List.of(choice.right());
            case Answer.Several several -> List.copyOf(several.right());
          });
    }
    Object told =
        browser.executeScript(
            "return forms.map((f, n) => { const a = arguments[0][n];"
                + "if (typeof a === 'string') f.querySelector('input').value = a;"
                + "else f.querySelectorAll('input').forEach((b, k) => b.checked = a.includes(k));"
                + "f.requestSubmit(); f.querySelector('.reveal').click();"
                + "return f.querySelector('.verdict').textContent + ' '"
                + " + f.nextElementSibling.querySelector('strong').textContent; });",
            answers);
    assertEquals(
        exercises.stream().map(exercise -> "Right. " + exercise.answer().shown()).toList(), told);
    assertEquals("%1$d of %1$d right".formatted(exercises.size()), score(browser));
    assertQuiet(browser);
  }

  @Test
  void numbersAreTakenAsPeopleWriteThem() throws IOException {
    ChromeDriver browser = open(Kind.PAGE_SIZE);
    Map<String, String> hex =
        Map.of("0x1F", "31", "1f", "31", "10", "16", "ffff_f000", "4294963200");
    Map<String, String> size =
        Map.of("4K", "4096", "2 MiB", "2097152", "4096", "4096", "0x1000", "4096", "4096B", "4096");
    Map<String, String> count =
        Map.of("12", "12", "0x12", "18", "1,024", "1024", "", "null", "k", "null");
    Map.of("HEX", hex, "SIZE", size, "COUNT", count)
        .forEach(
            (style, cases) ->
                cases.forEach(
                    (text, expected) ->
                        assertEquals(
                            expected,
                            browser.executeScript(
                                "return String(number(arguments[0], arguments[1]))", text, style),
                            text + " as " + style)));
  }

  @Test
  void onPaperThereIsRoomForAnswersAndNoSolution() throws Exception {
    ChromeDriver browser = open(Kind.START_LEVEL);
    browser.findElement(By.cssSelector("#e1 .reveal")).click();
    assertTrue(browser.findElement(By.id("s1")).isDisplayed());
    assertFalse(browser.findElement(By.cssSelector("#e1 .blank")).isDisplayed());
    browser.executeCdpCommand("Emulation.setEmulatedMedia", Map.of("media", "print"));
    assertFalse(browser.findElement(By.id("s1")).isDisplayed());
    assertTrue(browser.findElement(By.cssSelector("#e1 .blank")).isDisplayed());
    assertFalse(browser.findElement(By.cssSelector("#e1 button")).isDisplayed());
  }

  @Test
  void onPaperSolutionsAreShownWhereThatIsChosen() throws Exception {
    ChromeDriver browser = open(Kind.START_LEVEL, Kind.WHICH_STAGES);
    browser.findElement(By.id("withanswers")).click();
    browser.executeScript("window.dispatchEvent(new Event('beforeprint'))");
    browser.executeCdpCommand("Emulation.setEmulatedMedia", Map.of("media", "print"));
    for (String id : List.of("s1", "s2")) {
      assertTrue(browser.findElement(By.id(id)).getText().contains("Answer: "), id);
    }
    assertFalse(browser.findElement(By.cssSelector("#e1 .blank")).isDisplayed());
    assertEquals("0 of 2 right", browser.findElement(By.id("score")).getDomProperty("textContent"));
  }

  @Test
  void headingsStayWithTheirExercisesOnPaper() throws Exception {
    ChromeDriver browser = open(Kind.START_LEVEL, Kind.REFUSED_ATTACHMENT);
    browser.executeCdpCommand("Emulation.setEmulatedMedia", Map.of("media", "print"));
    assertEquals(
        List.of("avoid"),
        browser.executeScript(
            "return [...new Set([...document.querySelectorAll('h1, h2, h3')]"
                + ".map(h => getComputedStyle(h).breakAfter))]"));
    assertEquals(
        List.of("avoid"),
        browser.executeScript(
            "return [...new Set([...document.querySelectorAll('.exercise, .note')]"
                + ".map(e => getComputedStyle(e).breakInside))]"));
  }

  @Test
  void aSheetThatAsksAboutPoliciesSaysWhatTheySay() throws Exception {
    ChromeDriver browser = open(Kind.REFUSED_ATTACHMENT);
    String note = browser.findElement(By.cssSelector(".note")).getText();
    for (Policy policy : Policy.all()) {
      assertTrue(note.contains(policy.name() + " "), note);
    }
    assertTrue(note.contains("a device with a direct region cannot be bound"), note);
    assertAccessible(browser);
  }

  @Test
  void nothingIsWiderThanAPhone() throws Exception {
    ChromeDriver browser = open(Kind.values());
    browser.executeCdpCommand(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", 390, "height", 800, "deviceScaleFactor", 1, "mobile", true));
    assertEquals(390L, browser.executeScript("return document.documentElement.scrollWidth"));
    browser.executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
  }
}
