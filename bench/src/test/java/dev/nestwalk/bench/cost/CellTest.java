package dev.nestwalk.bench.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
