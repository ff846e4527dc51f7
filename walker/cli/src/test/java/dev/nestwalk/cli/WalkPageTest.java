package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

/** The page of a walk in a real browser. */
class WalkPageTest {
  private static @Nullable Browser started;

  @TempDir static Path folder = Path.of("");

  @BeforeAll
  static void start() {
    started = new Browser();
  }

  @AfterAll
  static void stop() {
    if (started != null) {
      started.close();
    }
  }

  private static Browser browser() {
    return Objects.requireNonNull(started);
  }

  private static Browser open(String... arguments) throws IOException {
    browser().explain(folder, "", arguments);
    return browser();
  }

  private static String image(String name) {
    return Scenarios.fixtures().resolve(name).toString();
  }

  private static final String[] NESTED_VTD = {
    image("teaching/vtd-nested"), "--source", "00:02.0", "--iova", "0x40001008"
  };
  private static final String NESTED_SMMU = image("captures/smmuv3/nested-vm-4k");

  @Test
  void aNestedSmmuv3WalkIsSteppedThroughByKeyboard() throws IOException {
    Browser browser = open(NESTED_SMMU, "--source", "0x8", "--iova", "0xffffc000");
    assertSteppedThrough(browser, 29, "0x5086e000");
  }

  @Test
  void aNestedVtdWalkIsSteppedThroughByKeyboard() throws IOException {
    Browser browser = open(NESTED_VTD);
    assertSteppedThrough(browser, 24, "0x80000008");
    assertEquals(24, browser.count("#grid table button"));
  }

  private static void assertSteppedThrough(Browser browser, int least, String output) {
    assertTrue(browser.text("answer").startsWith("Step to the end"));
    assertTrue(browser.stepThrough() >= least);
    assertTrue(browser.text("answer").startsWith(output), browser.text("answer"));
    browser.press(Keys.HOME);
    assertTrue(browser.text("count").startsWith("step 1 of"));
    browser.assertQuietAndAccessible();
  }

  @Test
  void aFaultIsToldInWordsWithItsClauseAndItsRecord() throws IOException {
    Browser browser =
        open(
            image("teaching/vtd-nested"), "--source", "00:02.0", "--iova", "0x40003000", "--write");
    browser.stepThrough();
    String answer = browser.text("answer");
    assertTrue(answer.startsWith("fault 0x85 SGN.6"), answer);
    assertTrue(answer.contains("asked to write at 0x40003000"), answer);
    assertTrue(answer.contains("the rights are the AND of all levels"), answer);
    assertTrue(answer.contains("(VT-d 9.8)"), answer);
    assertTrue(answer.contains("FR[103:96] 0x85"), answer);
    browser.assertQuietAndAccessible();
  }

  /** Arrows scroll a region that does not fit, where the focus is on it; elsewhere they step. */
  @Test
  void aRegionThatDoesNotFitIsScrolledByKeyboard() throws IOException {
    Browser browser = open(NESTED_VTD);
    WebElement grid = browser.find("#grid");
    // Two columns have just begun to fit beside each other.
    Map<String, Object> narrow =
        Map.of("width", 1200, "height", 800, "deviceScaleFactor", 1, "mobile", false);
    browser.driver.executeCdpCommand("Emulation.setDeviceMetricsOverride", narrow);
    try {
      browser.find("#last").click();
      String last = browser.text("count");
      browser.driver.executeScript("arguments[0].scrollLeft = 1000", grid);
      double before = scrollLeft(browser, grid);
      assertTrue(before > 0, "the grid fits");
      grid.sendKeys(Keys.ARROW_LEFT);
      browser.await(() -> scrollLeft(browser, grid) < before);
      grid.sendKeys(Keys.HOME, " ");
      assertEquals(last, browser.text("count"));
      assertEquals("false", browser.find("#play").getDomAttribute("aria-pressed"));
    } finally {
      browser.driver.executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
    }
    // All of it is seen: there is nothing to scroll.
    grid.sendKeys(Keys.HOME);
    assertTrue(browser.text("count").startsWith("step 1 of"), browser.text("count"));
  }

  private static double scrollLeft(Browser browser, WebElement region) {
    Object left = browser.driver.executeScript("return arguments[0].scrollLeft", region);
    return left instanceof Number number ? number.doubleValue() : -1;
  }

  @Test
  void spaceOpensASummaryAndPlaysElsewhere() throws IOException {
    Browser browser = open(NESTED_VTD);
    WebElement summary = browser.find("details summary");
    boolean open = browser.count("details[open]") > 0;
    summary.sendKeys(" ");
    assertEquals("false", browser.find("#play").getDomAttribute("aria-pressed"));
    assertEquals(!open, browser.count("details[open]") > 0);
    browser.find("body").sendKeys(" ");
    assertEquals("true", browser.find("#play").getDomAttribute("aria-pressed"));
  }

  @Test
  void whatWarmCachesSkipIsPassedOver() throws IOException {
    Browser browser = open(NESTED_VTD);
    browser.press("c");
    assertEquals(26, browser.count("#grid button.skipped"));
    for (int i = 0; i < 40 && !browser.text("answer").startsWith("0x"); i++) {
      browser.press(Keys.ARROW_RIGHT);
      assertFalse(browser.find("#grid").getText().isEmpty());
      assertEquals(0, browser.count("#grid button.skipped[aria-current=step]"));
    }
    assertTrue(browser.text("answer").startsWith("0x80000008"), browser.text("answer"));
    browser.press("cc");
    assertEquals(28, browser.count("#grid button.skipped"), "an IOTLB hit reads nothing");
    browser.assertQuietAndAccessible();
  }

  @Test
  void whoPredictsSeesWhetherItWasRight() throws IOException {
    Browser browser = open(NESTED_VTD);
    browser.press("p");
    browser.press(Keys.ARROW_RIGHT);
    assertFalse(browser.text("step").contains("0x10e000"), browser.text("step"));
    browser.find("#guess").sendKeys("0x10f000", Keys.ENTER);
    assertTrue(browser.text("step").contains("Not 0x10f000"), browser.text("step"));
    browser.find("#guess").clear();
    browser.find("#guess").sendKeys("10e000", Keys.ENTER);
    assertTrue(browser.text("step").contains("context table, HPA 0x10e000"), browser.text("step"));
    browser.press(Keys.END);
    assertFalse(browser.text("answer").contains("0x80000008"), browser.text("answer"));
    browser.assertQuietAndAccessible();
    browser.press("r");
    browser.press("r");
    assertTrue(browser.text("answer").startsWith("0x80000008"), browser.text("answer"));
  }

  @Test
  void anAddressIsSplitByTheTablesThatTakeIt() throws IOException {
    Browser browser =
        open(image("captures/smmuv3/s1-64k-strict"), "--source", "0x8", "--iova", "0xff1f7750");
    browser.press(Keys.END, Keys.ARROW_LEFT);
    String split = browser.text("split");
    assertTrue(split.contains("41:29") || split.contains("28:16"), split);
    browser.assertQuietAndAccessible();
  }

  @Test
  void walksOfOneStageOfTwoAndOfBothFormatsShareAPage() throws IOException {
    Path saved = folder.resolve("saved.json");
    String[] json = {
      "explain",
      NESTED_SMMU,
      "--source",
      "0x8",
      "--iova",
      "0x1",
      "--format",
      "json",
      "--out",
      saved.toString()
    };
    PrintWriter out = new PrintWriter(new StringWriter());
    assertEquals(1, Main.run(out, out, json));
    String other = image("captures/vtd/linux72-scalable-fs-48");
    browser()
        .explain(
            folder,
            "#walk=2",
            NESTED_VTD[0],
            "--source",
            "00:02.0",
            "--iova",
            "0x40001008",
            "--also",
            NESTED_SMMU + ",0x8,0xffffc000,w",
            "--also",
            other + ",00:02.0,0xffffc000",
            "--also",
            "0x40201234",
            "--also",
            saved.toString());
    Browser browser = browser();
    assertEquals(5, browser.count("#walks button"));
    assertEquals("write by 0x0008 at 0xffffc000", browser.text("request"));
    String compared = browser.text("compare");
    assertTrue(
        compared.contains("28 = 4 configuration + 4 first stage + 20 second stage"), compared);
    assertTrue(compared.contains("stage 2"), compared);
    assertTrue(compared.contains("not yet revealed"), compared);
    browser.press("w");
    assertTrue(browser.text("title").startsWith("linux72-scalable-fs-48"), browser.text("title"));
    browser.press("ww");
    assertEquals("read by 0x0008 at 0x1", browser.text("request"));
    browser.assertQuietAndAccessible();
  }

  @Test
  void theDarkPageIsReadableTooAndPaperHasAllSteps() throws IOException {
    browser().explain(folder, "#theme=dark&step=12", NESTED_VTD);
    Browser browser = browser();
    assertTrue(browser.text("count").startsWith("step 12 of"));
    browser.assertQuietAndAccessible();
    browser.find("#theme").click();
    browser.assertQuietAndAccessible();
    browser.onPaper(
        () -> {
          assertEquals(33, browser.count("#paper li"));
          assertTrue(browser.text("paper").contains("ok 0x80000008 rw"), browser.text("paper"));
          String compared = browser.text("compare");
          assertTrue(compared.contains("ok 0x80000008 rw"), compared);
          assertTrue(browser.text("answer").startsWith("0x80000008"), browser.text("answer"));
          assertFalse(browser.find("body").getText().contains("not yet revealed"));
          assertFalse(browser.find("body").getText().contains("Step to the end"));
          // The picture is as wide as the paper, not cut at its edge.
          Object cut =
              browser.driver.executeScript(
                  "const b = document.querySelector('#memory'), s = b.querySelector('svg');return"
                      + " s.getBoundingClientRect().right > b.getBoundingClientRect().right + 1");
          assertEquals(false, cut, "the picture is cut");
        });
    assertTrue(browser.text("count").startsWith("step 12 of"), "back where it was");
    assertEquals(0, browser.count("#paper li"));
  }

  @Test
  void onPaperAPredictionLeavesTheAnswersOut() throws IOException {
    browser().explain(folder, "#predict", NESTED_VTD);
    Browser browser = browser();
    browser.onPaper(
        () -> {
          assertEquals(33, browser.count("#paper li"));
          String all = browser.find("body").getText();
          assertFalse(all.contains("0x80000008"), "the answer");
          assertFalse(all.contains("points to the next table"), "what a step decides");
          assertFalse(all.contains("not yet revealed"), all);
          assertTrue(browser.count("#paper .line") >= 33, "lines to write on");
        });
  }

  @Test
  void headingsStayWithWhatFollowsOnPaper() throws IOException {
    Browser browser = open(NESTED_VTD);
    browser.onPaper(
        () ->
            assertEquals(
                List.of("avoid"),
                browser.driver.executeScript(
                    "return [...new Set([...document.querySelectorAll('h1, h2')]"
                        + ".map(h => getComputedStyle(h).breakAfter))]")));
  }

  @Test
  void nothingOverflowsAtAnyWidth() throws IOException {
    browser().explain(folder, "#step=19", NESTED_VTD);
    browser().assertNothingOverflows();
  }

  @Test
  void theFirstStepShowsWhatItLooksAt() throws IOException {
    Browser browser = open(NESTED_VTD);
    assertTrue(browser.text("step").contains("root table, HPA 0x100000"), browser.text("step"));
    assertTrue(browser.text("fields").contains("TTM[11:10] 0x1 scalable"), browser.text("fields"));
  }

  @Test
  void aReservedAddressIsToldBeforeAnyTable() throws IOException {
    Browser browser =
        open(
            image("teaching/vtd-nested"),
            "--source",
            "00:02.0",
            "--iova",
            "0xfee00000",
            "--regions",
            image("regions/vtd-nested.json"),
            "--policy",
            "posted-v2");
    assertEquals("No table is read.", browser.text("grid"));
    browser.stepThrough();
    String answer = browser.text("answer");
    assertTrue(answer.startsWith("fault 0x113 RESERVED_MSI"), answer);
    assertTrue(answer.contains("Reserved, by vtd-nested.json under POSTED_V2"), answer);
    browser.assertQuietAndAccessible();
  }

  @Test
  void thePageMakesNoRequestPossible() throws IOException {
    open(NESTED_VTD);
    String page = Files.readString(folder.resolve("walk.html"));
    assertTrue(page.contains("default-src 'none'; style-src 'sha256-"), "policy");
    assertFalse(page.contains("connect-src"), "no connection");
    assertFalse(page.contains("@SCRIPT@") || page.contains("@FORM@"), "placeholders");
  }
}
