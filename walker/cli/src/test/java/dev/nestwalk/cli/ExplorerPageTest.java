package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.teach.Exploration;
import dev.nestwalk.teach.Explorer;
import dev.nestwalk.teach.Guards;
import dev.nestwalk.teach.Image;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.support.ui.Select;

/** The explorer in a real browser. */
class ExplorerPageTest {
  private static @Nullable Browser started;

  private final Arena arena = Arena.ofShared();
  private @Nullable Explorer explorer;

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

  @AfterEach
  void close() {
    if (explorer != null) {
      explorer.close();
    }
    arena.close();
  }

  private Browser open(String name, String link) throws IOException {
    Browser browser = Objects.requireNonNull(started);
    Image image = Image.ofScenario(Scenarios.fixtures().resolve(name), null);
    Exploration exploration =
        new Exploration(image, image.open(Opening.READ_ONLY, arena), Guards.usual(image.isVtd()));
    explorer = new Explorer(exploration, 0);
    // The page of the test before may have lost its server while it asked.
    browser.forgetConsole();
    browser.driver.get(explorer.url() + link);
    return browser;
  }

  private static void awaitMessage(Browser browser, String start) {
    browser.await(() -> browser.text("message").startsWith(start));
  }

  @Test
  void aBitIsFlippedByKeyboardAndTheFaultAppears() throws IOException {
    Browser browser = open("captures/smmuv3/nested-vm-4k", "#source=0x0008&iova=0xffffc000");
    awaitMessage(browser, "ok 0x5086e000");
    // Step 23 reads stage 1's leaf; its bit 0 says that it is valid.
    browser.find("#grid [aria-label^='Step 1:']").sendKeys("");
    for (int i = 1; i < 23; i++) {
      browser.press(Keys.ARROW_RIGHT);
    }
    assertEquals("step 23 of 29", browser.text("count"));
    browser.find("#bits [aria-label^='Flip bit 0,']").sendKeys(Keys.ENTER);
    awaitMessage(browser, "fault 0x10 F_TRANSLATION");
    assertEquals(1, browser.count("#changes tr:has(td)"));
    assertTrue(browser.text("diff").contains("Before: ok 0x5086e000 rw"), browser.text("diff"));
    assertTrue(browser.text("diff").contains("part at step 23"), browser.text("diff"));
    assertTrue(browser.text("hits").contains("Stale"), "the caches were not told");
    assertEquals(2, browser.count("#walks button"), "the walk as it was can be stepped through");
    browser.assertQuietAndAccessible();
    browser.find("#invalidate").sendKeys(Keys.ENTER);
    browser.await(() -> !browser.text("hits").contains("Stale"));
    browser.find("#reset").sendKeys(Keys.ENTER);
    awaitMessage(browser, "ok 0x5086e000");
    assertEquals(0, browser.count("#walks button"));
    browser.assertQuietAndAccessible();
  }

  @Test
  void aLinkLeadsToTheSameWalkWithItsChanges() throws IOException {
    Browser browser = open("teaching/vtd-nested", "#source=0x0010&iova=0x40003000&access=w");
    awaitMessage(browser, "fault 0x85");
    // Step 31 reads the second stage's leaf, which grants no write.
    browser.find("#grid [aria-label^='Step 31:']").click();
    browser.find("#bits [aria-label^='Flip bit 1,']").click();
    awaitMessage(browser, "ok 0x");
    String link = String.valueOf(browser.driver.getCurrentUrl());
    assertTrue(link.contains("set=0x"), link);
    browser.find("#reset").click();
    awaitMessage(browser, "fault 0x85");
    browser.driver.get("about:blank");
    browser.driver.get(link);
    awaitMessage(browser, "ok 0x");
    assertEquals(1, browser.count("#changes tr:has(td)"));
  }

  /** What was changed before is not part of the address. */
  @Test
  void aLinkWithoutChangesLeadsToTheImageAsItIs() throws IOException {
    Browser browser = open("teaching/vtd-nested", "#source=0x0010&iova=0x40003000&access=w");
    awaitMessage(browser, "fault 0x85");
    String link = String.valueOf(browser.driver.getCurrentUrl());
    browser.find("#grid [aria-label^='Step 31:']").click();
    browser.find("#bits [aria-label^='Flip bit 1,']").click();
    awaitMessage(browser, "ok 0x");
    browser.driver.get(link.replace("access=w", "access=rw"));
    awaitMessage(browser, "fault 0x85");
    assertEquals(0, browser.count("#changes tr:has(td)"));
    String changed = link.replaceAll("#.*", "#source=10&iova=40001008&registers=RTADDR:100800");
    browser.driver.get(changed);
    awaitMessage(browser, "fault 0x30");
    browser.driver.get("about:blank");
    browser.driver.get(link);
    awaitMessage(browser, "fault 0x85");
    assertEquals(0, browser.count("#changes tr:has(td)"));
  }

  /** Without second-stage widths there has to be a first stage: CAP alone would be refused. */
  @Test
  void registersOfALinkAreChangedTogether() throws IOException {
    String registers = "registers=CAP:80d2008c222f0006,ECAP:880000f00f4a";
    Browser browser = open("captures/vtd/linux612-legacy-48", "#source=10&iova=0&" + registers);
    browser.await(() -> browser.text("changes").contains("2 changed registers"));
    String link = String.valueOf(browser.driver.getCurrentUrl());
    assertTrue(link.contains("ECAP%3A0x880000f00f4a"), link);
    browser.driver.get(link.replaceAll("#.*", "#source=10&iova=ffffc000&registers=ECAP:4000000"));
    awaitMessage(browser, "Not all changes of this address can be made: ECAP 0x4000000: ");
    assertEquals(0, browser.count("#changes tr:has(td)"));
  }

  @Test
  void rangesFollowChangesAndTheRequester() throws IOException {
    Browser browser = open("teaching/vtd-nested", "#source=0x0010&iova=0x40001008");
    browser.await(() -> browser.count("#ranges [aria-label='Walk 0x40200000']") > 0);
    // The first-stage entry of 0x40200000.
    browser.find("#at").sendKeys("0x101010");
    browser.find("#word").sendKeys("0", Keys.ENTER);
    browser.await(() -> browser.count("#ranges [aria-label='Walk 0x40200000']") == 0);
    browser.find("[aria-label='Undo 0x101010']").click();
    browser.await(() -> browser.count("#ranges [aria-label='Walk 0x40200000']") > 0);
    browser.find("#value").clear();
    browser.find("#value").sendKeys("0x100800", Keys.ENTER);
    browser.await(() -> browser.count("#ranges button") == 0);
    browser.find("#reset").click();
    browser.await(() -> browser.count("#ranges button") > 2);
    browser.find("#pasid").sendKeys("5");
    browser.find("#walkit").click();
    browser.await(() -> browser.text("ranges-note").startsWith("not among the requesters"));
  }

  /** A list goes on, and is walked, as the requester's that it is of. */
  @Test
  void moreRangesAreOfTheSameRequester() throws IOException {
    Path image = Scenarios.fixtures().resolve("captures/vtd/linux72-live-nested-57");
    Result inspected = Result.of("inspect", image, "--source", "20", "--format", "json");
    JsonObject endpoint =
        JsonParser.parseString(inspected.out())
            .getAsJsonObject()
            .getAsJsonArray("endpoints")
            .get(0)
            .getAsJsonObject();
    int ranges = endpoint.getAsJsonArray("ranges").size();
    assertTrue(ranges > 256, ranges + " ranges: one answer has them all");
    Browser browser = open("captures/vtd/linux72-live-nested-57", "#source=20");
    browser.await(() -> browser.find("#more").isDisplayed());
    browser.find("#pasid").sendKeys("51");
    while (browser.find("#more").isDisplayed()) {
      String before = browser.text("ranges-note");
      browser.find("#more").click();
      browser.await(() -> !browser.text("ranges-note").equals(before));
    }
    assertEquals(ranges, browser.count("#ranges button"));
    browser.find("#ranges button").click();
    browser.await(() -> "".equals(browser.find("#pasid").getDomProperty("value")));
  }

  @Test
  void rangesAreListedAndWalked() throws IOException {
    Browser browser = open("teaching/vtd-nested", "");
    browser.await(() -> browser.count("#ranges button") > 2);
    browser.await(() -> !browser.find("#more").isDisplayed());
    browser.find("#ranges [aria-label='Walk 0x40200000']").click();
    awaitMessage(browser, "ok 0x81000000");
    browser.find("#at").sendKeys("0x101010");
    browser.find("#load").click();
    browser.await(() -> "0x0000000000103007".equals(browser.find("#word").getDomProperty("value")));
    browser.find("#word").clear();
    browser.find("#word").sendKeys("0", Keys.ENTER);
    awaitMessage(browser, "fault 0x79");
    browser.find("[aria-label='Undo 0x101010']").click();
    awaitMessage(browser, "ok 0x81000000");
    browser.assertQuietAndAccessible();
  }

  @Test
  void anotherPolicyRefusesAnotherAddress() throws IOException {
    Browser browser = open("captures/smmuv3/nested-vm-4k", "#source=0x0008&iova=0x8000000");
    awaitMessage(browser, "ok 0x8090000");
    Select policy = new Select(browser.driver.findElement(By.id("policy")));
    policy.selectByValue("POSTED_V2");
    browser.await(
        () ->
            browser.text("policies").contains("RESERVED_SW_MSI")
                || browser.text("message").startsWith("fault"));
    String said = browser.text("policies");
    assertTrue(
        said.contains(
            "DIRECT_RID_ONLY nothing is kept free between the stages nothing nothing ok 0x8090000"),
        said);
    browser.assertQuietAndAccessible();
  }

  @Test
  void cachesAreSwitchedAndHitsSeen() throws IOException {
    Browser browser = open("teaching/vtd-nested", "#source=0x0010&iova=0x40001008");
    browser.await(() -> browser.text("hits").contains("entries read"));
    browser.find("#walkit").click();
    browser.await(() -> browser.text("hits").contains("from the IOTLB: 0 entries read"));
    browser.find("#panels details summary").click();
    assertTrue(browser.text("totals").contains("1 translations that the IOTLB answered"));
    browser.find("#iotlb").click();
    browser.await(() -> browser.text("totals").contains("0 translations that the IOTLB answered"));
    browser.find("#walkit").click();
    browser.await(() -> browser.text("hits").contains("rw: 2 entries read (2 words of 8 bytes)"));
  }

  @Test
  void aRegisterIsChangedAndGivenBack() throws IOException {
    Browser browser = open("teaching/vtd-nested", "#source=00:02.0&iova=0x40001008");
    awaitMessage(browser, "ok 0x80000008");
    assertEquals("RTADDR", browser.find("#register").getDomProperty("value"));
    assertTrue(browser.text("register-fields").contains("scalable"));
    browser.find("#value").clear();
    browser.find("#value").sendKeys("0x100800", Keys.ENTER);
    awaitMessage(browser, "fault 0x30");
    assertTrue(browser.text("changes").contains("1 changed register"), browser.text("changes"));
    assertEquals(2, browser.count("#walks button"), "the walk as it was can be stepped through");
    String link = String.valueOf(browser.driver.getCurrentUrl());
    browser.find("#reset").click();
    awaitMessage(browser, "ok 0x80000008");
    browser.driver.get("about:blank");
    browser.driver.get(link);
    awaitMessage(browser, "fault 0x30");
    browser.find("[aria-label='Undo RTADDR']").click();
    awaitMessage(browser, "ok 0x80000008");
    browser.assertQuietAndAccessible();
  }

  @Test
  void itOpensOnARequesterWhoseTablesMapSomething() throws IOException {
    // 00:00.0 comes first there and maps nothing.
    Browser browser = open("captures/vtd/linux612-legacy-48", "");
    awaitMessage(browser, "ok 0x");
    assertEquals("0x0010", browser.find("#source").getDomProperty("value"));
    browser.assertQuietAndAccessible();
  }

  @Test
  void aLinkChoosesTheRequesterHoweverItIsWritten() throws IOException {
    Browser browser = open("captures/vtd/linux612-legacy-48", "#source=00:1f.2&iova=0x1000");
    awaitMessage(browser, "ok 0x1000");
    assertEquals("read by 0x00fa (00:1f.2) at 0x1000", browser.text("request"));
    browser.driver.get(browser.driver.getCurrentUrl().replaceAll("#.*", "#source=10&iova=0x2000"));
    browser.await(() -> browser.text("request").equals("read by 0x0010 (00:02.0) at 0x2000"));
    browser.driver.get(browser.driver.getCurrentUrl().replaceAll("#.*", "#source=1234&access=w"));
    browser.await(() -> browser.text("request").startsWith("write by 0x1234 (12:06.4)"));
    assertTrue(browser.find("#source").getText().contains("0x1234: not in the tables"));
  }

  @Test
  void nothingOverflowsAtAnyWidth() throws IOException {
    Browser browser = open("captures/vtd/linux612-legacy-48", "#source=0&iova=0x0");
    awaitMessage(browser, "fault 0x");
    browser.await(() -> browser.text("ranges-note").contains("fault"));
    browser.assertNothingOverflows();
  }
}
