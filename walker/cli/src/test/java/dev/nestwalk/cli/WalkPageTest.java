package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.deque.html.axecore.results.Results;
import com.deque.html.axecore.selenium.AxeBuilder;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.Opening;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.logging.Level;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.openqa.selenium.support.ui.WebDriverWait;

/** The page of a walk in a real browser. */
class WalkPageTest {
  private static final Path BROWSER = Path.of("/usr/bin/chromium");
  private static final Path DRIVER = Path.of("/usr/bin/chromedriver");
  private static final long MOST_BYTES = 2_000_000;

  private static @Nullable ChromeDriver started;

  @TempDir static Path folder = Path.of("");

  @BeforeAll
  static void start() {
    if (!Files.isExecutable(BROWSER) || !Files.isExecutable(DRIVER)) {
      System.err.println(
          "==== NO BROWSER (chromium, chromium-driver): the pages are NOT tested ====");
      return;
    }
    LoggingPreferences logs = new LoggingPreferences();
    logs.enable(LogType.BROWSER, Level.ALL);
    ChromeOptions options = new ChromeOptions();
    options.setBinary(BROWSER.toFile());
    options.addArguments("--headless=new", "--no-sandbox", "--disable-dev-shm-usage");
    options.setCapability("goog:loggingPrefs", logs);
    started =
        new ChromeDriver(
            new ChromeDriverService.Builder().usingDriverExecutable(DRIVER.toFile()).build(),
            options);
  }

  @AfterAll
  static void stop() {
    if (started != null) {
      started.quit();
    }
  }

  private static ChromeDriver browser() {
    assumeTrue(started != null, "no browser");
    return java.util.Objects.requireNonNull(started);
  }

  /** Makes a page and opens it. */
  private static ChromeDriver open(String... arguments) throws IOException {
    ChromeDriver browser = browser();
    Path page = folder.resolve("walk.html");
    String[] all = new String[arguments.length + 5];
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    all[0] = "explain";
    String[] more = {"--format", "html", "--out", page.toString()};
    System.arraycopy(more, 0, all, arguments.length + 1, 4);
    StringWriter err = new StringWriter();
    int status = Main.run(new PrintWriter(new StringWriter()), new PrintWriter(err), all);
    assertTrue(status < 2, err.toString());
    assertTrue(Files.size(page) < MOST_BYTES, Files.size(page) + " bytes");
    browser.get(page.toUri().toString());
    return browser;
  }

  private static String text(ChromeDriver browser, String id) {
    return browser.findElement(By.id(id)).getText();
  }

  /** Steps to the end with the keyboard alone; how many steps there were. */
  private static int stepThrough(ChromeDriver browser) {
    String[] count = text(browser, "count").split(" ", -1);
    int steps = Integer.parseInt(count[3]);
    WebElement body = browser.findElement(By.tagName("body"));
    for (int i = 1; i < steps; i++) {
      body.sendKeys(Keys.ARROW_RIGHT);
      assertEquals("step %d of %d".formatted(i + 1, steps), text(browser, "count"));
    }
    return steps;
  }

  private static void assertQuietAndAccessible(ChromeDriver browser) {
    assertEquals("[]", browser.manage().logs().get(LogType.BROWSER).getAll().toString());
    Object requests =
        browser.executeScript("return performance.getEntriesByType('resource').length");
    assertEquals(0L, requests, "requests left the page");
    Results axe = new AxeBuilder().disableIframeTesting().analyze(browser);
    assertEquals("[]", axe.getViolations().toString());
  }

  private static String image(String name) {
    return Scenarios.fixtures().resolve(name).toString();
  }

  @Test
  void aNestedSmmuv3WalkIsSteppedThroughByKeyboard() throws IOException {
    ChromeDriver browser =
        open(image("captures/smmuv3/nested-vm-4k"), "--source", "0x8", "--iova", "0xffffc000");
    assertSteppedThrough(browser, 29, "0x5086e000");
  }

  @Test
  void aNestedVtdWalkIsSteppedThroughByKeyboard() throws IOException {
    ChromeDriver browser =
        open(image("teaching/vtd-nested"), "--source", "00:02.0", "--iova", "0x40001008");
    assertSteppedThrough(browser, 24, "0x80000008");
    assertEquals(24, browser.findElements(By.cssSelector("#grid table button")).size());
  }

  private static void assertSteppedThrough(ChromeDriver browser, int least, String output) {
    assertTrue(text(browser, "answer").startsWith("Step to the end"));
    assertTrue(stepThrough(browser) >= least);
    assertTrue(text(browser, "answer").startsWith(output), text(browser, "answer"));
    browser.findElement(By.tagName("body")).sendKeys(Keys.HOME);
    assertTrue(text(browser, "count").startsWith("step 1 of"));
    assertQuietAndAccessible(browser);
  }

  @Test
  void aFaultIsToldWithItsClause() throws IOException {
    ChromeDriver browser =
        open(
            image("captures/vtd/linux72-legacy-48"),
            "--source",
            "00:02.0",
            "--iova",
            "0x123456789000");
    stepThrough(browser);
    assertTrue(text(browser, "answer").startsWith("fault 0x"), text(browser, "answer"));
    assertQuietAndAccessible(browser);
  }

  @Test
  void theExplorerShowsTheFaultOfAFlippedBit() throws IOException {
    ChromeDriver browser = browser();
    Image image =
        Image.ofScenario(Scenarios.fixtures().resolve("captures/smmuv3/nested-vm-4k"), null);
    try (Arena arena = Arena.ofShared()) {
      Exploration exploration =
          new Exploration(image, image.open(Opening.READ_ONLY, arena), Guards.usual(false));
      try (Explorer explorer = new Explorer(exploration, 0)) {
        browser.get(explorer.url() + "#source=0x0008&iova=0xffffc000");
        WebDriverWait wait = new WebDriverWait(browser, Duration.ofSeconds(20));
        wait.until(now -> text(browser, "message").startsWith("ok 0x5086e000"));
        // Step 23 reads the first stage's leaf; its bit 0 says that it is valid.
        browser.findElement(By.cssSelector("#grid [aria-label^='Step 23:']")).click();
        browser.findElement(By.cssSelector("#bits [aria-label^='Flip bit 0,']")).click();
        wait.until(now -> text(browser, "message").startsWith("fault 0x10"));
        assertEquals(1, browser.findElements(By.cssSelector("#changes tr:has(td)")).size());
        assertEquals("[]", new AxeBuilder().analyze(browser).getViolations().toString());
        browser.findElement(By.id("reset")).click();
        wait.until(now -> text(browser, "message").startsWith("ok 0x5086e000"));
        assertEquals("[]", browser.manage().logs().get(LogType.BROWSER).getAll().toString());
      }
    }
  }

  @Test
  void severalWalksShareAPage() throws IOException {
    ChromeDriver browser =
        open(
            image("captures/vtd/linux72-scalable-fs-48"),
            "--source",
            "00:02.0",
            "--iova",
            "0xffffc000",
            "--also",
            "0x1000");
    assertEquals(2, browser.findElements(By.cssSelector("#walks button")).size());
    browser.findElements(By.cssSelector("#walks button")).get(1).click();
    assertTrue(text(browser, "request").endsWith("at 0x1000"), text(browser, "request"));
    assertQuietAndAccessible(browser);
  }
}
