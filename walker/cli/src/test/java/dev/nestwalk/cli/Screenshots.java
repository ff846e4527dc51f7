package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.teach.Exploration;
import dev.nestwalk.teach.Explorer;
import dev.nestwalk.teach.Guards;
import dev.nestwalk.teach.Image;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.Keys;
import org.openqa.selenium.OutputType;

/**
 * Makes the pictures of the pages that the docs show: no test, so the build does not run it.
 * CONTRIBUTING.md has the command.
 */
class Screenshots {
  private static final Path IMAGES = Scenarios.fixtures();
  private static final int MOST_BYTES = 150_000;

  @TempDir private Path work = Path.of("");

  @Test
  void ofTheMainViews() throws IOException {
    Path folder = IMAGES.resolveSibling("docs/figures");
    try (Browser browser = new Browser()) {
      walks(browser, work, folder);
      explorer(browser, folder);
      exercises(browser, work, folder);
    }
  }

  private static void exercises(Browser browser, Path work, Path folder) throws IOException {
    Path sheet = work.resolve("sheet.html");
    StringWriter said = new StringWriter();
    PrintWriter out = new PrintWriter(said);
    String arguments =
        "exercises --seed 7 --count 2 --kind page-size --kind smallest-invalidation --format html";
    String[] words = (arguments + " --out " + sheet).split(" ", -1);
    assertEquals(0, Main.run(out, out, words), said::toString);
    browser.driver.get(sheet.toUri().toString());
    browser.find("#e1 input").sendKeys("1G", Keys.ENTER);
    browser.find("#e1 .reveal").click();
    browser.find("#e2 input").click();
    browser.find("#e2 input").sendKeys(Keys.ENTER);
    browser.driver.manage().window().setSize(new Dimension(1000, 1610));
    browser.driver.executeScript("scrollTo(0, 0)");
    write(folder, "exercises", browser.driver.getScreenshotAs(OutputType.BYTES));
  }

  private static void walks(Browser browser, Path work, Path folder) throws IOException {
    String nested = IMAGES.resolve("teaching/vtd-nested").toString();
    String smmu = IMAGES.resolve("captures/smmuv3/nested-vm-4k").toString();
    String[] comparison = {
      nested,
      "--source",
      "00:02.0",
      "--iova",
      "0x40001008",
      "--also",
      smmu + ",0x8,0xffffc000",
      "--also",
      IMAGES.resolve("captures/vtd/linux72-scalable-fs-48") + ",00:02.0,0xffffc000",
      "--also",
      IMAGES.resolve("captures/smmuv3/s2-4k-strict") + ",0x8,0xffffc000"
    };
    browser.explain(work, "#step=19", comparison);
    picture(browser, folder, "walk", 1280, 720);
    browser.explain(work, "#step=19&theme=dark&caches=tables", comparison);
    picture(browser, folder, "walk-dark", 1280, 720);
    browser.explain(work, "#step=24&predict", comparison);
    picture(browser, folder, "predict", 1280, 560);
    browser.explain(work, "#step=33", comparison);
    browser.press("w");
    browser.press(Keys.END);
    part(browser, folder, "compare", "#compare");
    browser.explain(work, "#step=20", comparison);
    part(browser, folder, "memory", "#memory");
    browser.explain(
        work, "#step=33", nested, "--source", "00:02.0", "--iova", "0x40003000", "--write");
    part(browser, folder, "fault", "#answer");
  }

  private static void explorer(Browser browser, Path folder) throws IOException {
    Image image = Image.ofScenario(IMAGES.resolve("captures/smmuv3/nested-vm-4k"), null);
    try (Arena arena = Arena.ofShared()) {
      Exploration exploration =
          new Exploration(image, image.open(Opening.READ_ONLY, arena), Guards.usual(false));
      try (Explorer explorer = new Explorer(exploration, 0)) {
        browser.driver.get(explorer.url() + "#source=0x0008&iova=0xffffc000");
        browser.await(() -> browser.text("message").startsWith("ok"));
        browser.await(() -> browser.count("#ranges button") > 4);
        browser.find("#grid [aria-label^='Step 23:']").click();
        browser.find("#bits [aria-label^='Flip bit 0,']").click();
        browser.await(() -> browser.text("message").startsWith("fault"));
        picture(browser, folder, "explorer", 1280, 720);
        part(browser, folder, "explorer-panels", "#panels");
      }
    }
  }

  /** What a window of this size shows. */
  private static void picture(Browser browser, Path folder, String name, int width, int height)
      throws IOException {
    browser.driver.manage().window().setSize(new Dimension(width, height + 139));
    browser.driver.executeScript("scrollTo(0, 0)");
    write(folder, name, browser.driver.getScreenshotAs(OutputType.BYTES));
  }

  /** One part of the page, as wide as a large window shows it. */
  private static void part(Browser browser, Path folder, String name, String selector)
      throws IOException {
    browser.driver.manage().window().setSize(new Dimension(1280, 3000));
    write(folder, name, browser.find(selector).getScreenshotAs(OutputType.BYTES));
  }

  private static void write(Path folder, String name, byte[] png) throws IOException {
    byte[] small = IndexedPng.of(png);
    Files.write(folder.resolve(name + ".png"), small);
    System.out.printf("%s.png %d bytes%n", name, small.length);
    assertTrue(small.length < MOST_BYTES, name + ".png");
  }
}
