package dev.nestwalk.bench.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class CellTest {
  @Test
  void aCellsTextReadsBackAsTheCell() {
    Cell cell =
        Cell.parse("format=smmuv3 stages=1 iotlb=4096x4 pages1=4k:80+2m invalidate=lazy seed=9");
    assertEquals(cell, Cell.parse(cell.text()));
    assertEquals("4096x4lru", cell.get(Axis.IOTLB));
    assertEquals("4k:80+2m:20", cell.get(Axis.PAGES1));
    assertEquals("lazy:256:10000000", cell.get(Axis.INVALIDATE));
    assertEquals(Axis.values().length, cell.text().split(" ", -1).length);
  }

  @Test
  void equalMeaningsHaveEqualTexts() {
    assertEquals(Cell.standard(), Cell.parse("iotlb=64x8LRU  tenants=1"));
    assertEquals(
        Cell.standard().with(Axis.PAGES1, "2m:20,4k:80"), Cell.parse("pages1=4k:80+2m:20"));
  }

  @Test
  void wrongTextsAreRefusedInOneLineThatNamesTheAxis() {
    for (String text :
        List.of(
            "iotlb=63x8",
            "iotlb=64x128",
            "tenants=0",
            "pages1=3k",
            "pages1=4k:80",
            "format=amd",
            "depth=9x9",
            "invalidate=strict:3",
            "seed=x",
            "order=rr order=rr",
            "nothing=1")) {
      String message =
          assertThrows(IllegalArgumentException.class, () -> Cell.parse(text)).toString();
      assertTrue(
          message.contains(text.substring(0, text.indexOf('='))) && !message.contains("\n"),
          text + ": " + message);
    }
  }

  /** Every mix of these sizes and shares is one of 100 percent, or refused with what is true. */
  @Test
  void sharesOfPageSizesAreAHundredInAll() {
    List<String> shares = List.of("", ":0", ":20", ":80", ":90", ":100");
    int refused = 0;
    for (String small : shares) {
      for (String middle : shares) {
        for (String large : shares) {
          String text = "4k%s+2m%s+1g%s".formatted(small, middle, large);
          List<String> given = List.of(small, middle, large);
          long without = given.stream().filter(String::isEmpty).count();
          int sum =
              given.stream()
                  .filter(share -> !share.isEmpty())
                  .mapToInt(share -> Integer.parseInt(share.substring(1)))
                  .sum();
          if (without == 0 ? sum == 100 : without == 1 && sum < 100) {
            PageMix mix = PageMix.parse(text);
            assertEquals(100, mix.shares().values().stream().mapToInt(share -> share).sum(), text);
            assertEquals(mix, PageMix.parse("1g%s,2m%s,4k%s".formatted(large, middle, small)));
            assertEquals(mix.sizes(), PageMix.parse(mix.toString()).sizes(), text);
          } else {
            refused++;
            String expected = without > 1 ? "at most one size without" : "add up to " + sum;
            assertTrue(refusal("pages1=" + text).contains(expected), () -> text);
          }
        }
      }
    }
    assertTrue(refused > 100, refused + " refused");
  }

  private static String refusal(String cell) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> Cell.parse(cell), cell).toString();
    assertFalse(message.contains("\n"), message);
    return message;
  }

  @Test
  void aMixWithoutRestIsRefusedWithWhatItHas() {
    assertEquals(
        "java.lang.IllegalArgumentException: pages1: '4k:90+2m:20+1g': shares add up to 110:"
            + " expected less than 100, since 1g gets the rest",
        refusal("pages1=4k:90+2m:20+1g"));
    assertEquals(
        "java.lang.IllegalArgumentException: pages2: '4k+2m': neither 4k nor 2m has a share:"
            + " expected at most one size without, for example 4k:80+2m",
        refusal("pages2=4k+2m"));
    assertEquals(
        "java.lang.IllegalArgumentException: pages1: '4k:90': shares add up to 90: expected 100",
        refusal("pages1=4k:90"));
    String negative =
        assertThrows(IllegalArgumentException.class, () -> new PageMix(Map.of(12, 110, 21, -10)))
            .toString();
    assertTrue(negative.contains("expected 0 to 100"), negative);
  }

  @Test
  void resultsReadBackFromTheirJson() {
    Histogram histogram = new Histogram(3);
    histogram.recordValue(17);
    CellResult result =
        new CellResult(
            Cell.parse("engine=timed"),
            Counts.of(Map.of("ref", Long.MAX_VALUE / 11, "access", 1L, "none", 0L)),
            Map.of("latency", histogram),
            Map.of("throughput.mops", 12.5),
            Map.of("jdk", "25"));
    JsonObject json = JsonParser.parseString(ResultJson.of(result).toString()).getAsJsonObject();
    assertEquals(result, ResultJson.parse(json));
    json.remove("counts");
    assertThrows(IllegalArgumentException.class, () -> ResultJson.parse(json));
  }
}
