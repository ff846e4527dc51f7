package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.deque.html.axecore.selenium.AxeBuilder;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.support.ui.WebDriverWait;

/** A real browser for tests of the pages, and for the pictures of them. */
final class Browser implements AutoCloseable {
  private static final long MOST_BYTES = 2_000_000;
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  final ChromeDriver driver;

  /** Starts one; whoever tests without one skips. */
  Browser() {
    ChromeDriver started = HeadlessBrowser.start();
    assumeTrue(started != null, "no browser");
    driver = Objects.requireNonNull(started);
  }

  @Override
  public void close() {
    driver.quit();
  }

  /** Makes a page with {@code explain} and opens it, at a place that {@code link} says. */
  void explain(Path folder, String link, String... arguments) throws IOException {
    Path page = folder.resolve("walk.html");
    List<String> all = new ArrayList<>(List.of("explain"));
    all.addAll(List.of(arguments));
    all.addAll(List.of("--format", "html", "--out", page.toString()));
    StringWriter err = new StringWriter();
    PrintWriter out = new PrintWriter(new StringWriter());
    int status = Main.run(out, new PrintWriter(err), all.toArray(new String[0]));
    assertTrue(status < 2, err.toString());
    assertTrue(Files.size(page) < MOST_BYTES, Files.size(page) + " bytes");
    // A page that differs only in what follows # would not be loaded anew.
    driver.get("about:blank");
    driver.get(page.toUri() + link);
  }

  void forgetConsole() {
    driver.get("about:blank");
    driver.manage().logs().get(LogType.BROWSER);
  }

  String text(String id) {
    return driver.findElement(By.id(id)).getText();
  }

  /** Presses keys where the focus is. */
  void press(CharSequence... keys) {
    driver.switchTo().activeElement().sendKeys(keys);
  }

  WebElement find(String selector) {
    return driver.findElement(By.cssSelector(selector));
  }

  int count(String selector) {
    return driver.findElements(By.cssSelector(selector)).size();
  }

  void await(BooleanSupplier condition) {
    new WebDriverWait(driver, PATIENCE).until(now -> condition.getAsBoolean());
  }

  /** Steps to the end with the keyboard alone; how many steps there were. */
  int stepThrough() {
    int steps = Integer.parseInt(text("count").split(" ", -1)[3]);
    for (int i = 1; i < steps; i++) {
      press(Keys.ARROW_RIGHT);
      assertEquals("step %d of %d".formatted(i + 1, steps), text("count"));
    }
    return steps;
  }

  /** At the width of a large screen, a small one and a phone the page is no wider than that. */
  void assertNothingOverflows() {
    for (int width : new int[] {1920, 1280, 390}) {
      driver.executeCdpCommand(
          "Emulation.setDeviceMetricsOverride",
          Map.of("width", width, "height", 800, "deviceScaleFactor", 1, "mobile", width < 500));
      Object wide =
          driver.executeScript(
              "return [...document.querySelectorAll('body, body *')].filter(e => {"
                  + "const r = e.getBoundingClientRect();"
                  + "for (let p = e.parentElement; p; p = p.parentElement)"
                  + " if (getComputedStyle(p).overflowX !== 'visible') return false;"
                  + "return r.width && r.right > document.documentElement.clientWidth + 1; })"
                  + ".map(e => e.tagName + '#' + e.id + '.' + e.className)");
      assertEquals(List.of(), wide, "wider than " + width);
      assertEquals(
          (long) width, driver.executeScript("return document.documentElement.scrollWidth"));
    }
    driver.executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
  }

  /** Lays the page out as for paper while {@code looking} looks at it. */
  void onPaper(Runnable looking) {
    driver.executeScript("window.dispatchEvent(new Event('beforeprint'))");
    driver.executeCdpCommand("Emulation.setEmulatedMedia", Map.of("media", "print"));
    looking.run();
    driver.executeCdpCommand("Emulation.setEmulatedMedia", Map.of("media", ""));
    driver.executeScript("window.dispatchEvent(new Event('afterprint'))");
  }

  /** Nothing on the console, nothing from elsewhere, nothing that a screen reader stumbles over. */
  void assertQuietAndAccessible() {
    assertEquals("[]", driver.manage().logs().get(LogType.BROWSER).getAll().toString());
    Object elsewhere =
        driver.executeScript(
            "return performance.getEntriesByType('resource').map(e => e.name)"
                + ".filter(n => !location.host || new URL(n).host !== location.host)");
    assertEquals(List.of(), elsewhere, "requests left the page");
    var axe = new AxeBuilder().disableIframeTesting().analyze(driver);
    assertEquals("[]", axe.getViolations().toString());
  }
}
