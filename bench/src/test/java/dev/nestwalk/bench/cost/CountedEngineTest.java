package dev.nestwalk.bench.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CountedEngineTest {
  /** Levels of one stage, and (a + 1)(b + 1) - 1 of two, less what large pages spare. */
  @ParameterizedTest
  @CsvSource({
    "format=vtd stages=2 depth=4x3, 3",
    "format=vtd stages=2, 4",
    "format=vtd stages=2 depth=5x5, 5",
    "format=vtd stages=1, 4",
    "format=vtd stages=1 depth=5x5, 5",
    "format=vtd depth=4x3, 19",
    "format=vtd, 24",
    "format=vtd depth=5x5, 35",
    "format=vtd pages1=2m pages2=2m, 15",
    "format=vtd pages1=1g pages2=1g, 8",
    "format=vtd pages2=2m, 19",
    "format=vtd pages1=2m, 19",
    "format=vtd ram=2, 24",
    "format=smmuv3 stages=1, 4",
    "format=smmuv3 stages=2, 4",
    "format=smmuv3 depth=3x3, 15",
    "format=smmuv3, 24",
    "format=smmuv3 ram=2, 24",
    "format=smmuv3 stages=1 depth=5x4, 5",
    "format=smmuv3 stages=2 depth=4x5, 5",
    "format=smmuv3 depth=5x5, 35",
    "format=smmuv3 depth=5x4, 29",
    "format=smmuv3 depth=4x5, 29",
    "format=smmuv3 depth=3x5, 23",
    "format=smmuv3 depth=5x3 pages1=2m, 19",
    "format=smmuv3 contiguous=both, 24",
    "format=smmuv3 pages1=2m pages2=2m, 15",
    "format=smmuv3 granule=16k, 19",
    "format=smmuv3 granule=16k pages1=32m pages2=32m, 11",
    "format=smmuv3 granule=64k, 15",
    "format=smmuv3 granule=64k pages1=512m pages2=512m, 8",
    "format=vtd pasids=3, 24",
    "format=smmuv3 pasids=3, 24"
  })
  void aWalkWithoutCachesReadsWhatDepthAndPageSizeSay(String text, long references) {
    Cell cell = Cell.parse(text + " iotlb=0 requests=100 workload=scan:16m tenants=2");
    Counts counts = Runner.run(cell).counts();
    assertEquals(0, counts.get("fault"), counts::toString);
    assertEquals(100, counts.get("access"));
    assertEquals(100 * references, counts.get("ref"), counts::toString);
  }

  @ParameterizedTest
  @CsvSource({
    "depth=3x4, 4 to 5 levels (VT-d 9.6: FSPM)",
    "depth=4x2, 3 to 5 levels (VT-d 9.6: AW)",
    "granule=64k, VT-d's pages are of 4k",
    "contiguous=2, VT-d's entries have no contiguous hint",
    "format=smmuv3 depth=2x4, '3 to 5 levels (DDI 0487, D8.2)'",
    "format=smmuv3 granule=16k depth=5x4, '3 to 4 levels (DDI 0487, D8.2)'",
    "format=smmuv3 granule=64k depth=3x4, '2 to 3 levels (DDI 0487, D8.2)'",
    "format=smmuv3 pages1=64k, tables with a granule of 2^12 bytes have no pages of 2^16"
  })
  void whatTheFormatHasNotIsRefusedWithItsReason(String text, String reason) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> Runner.run(Cell.parse(text))).toString();
    assertTrue(message.contains(reason) && !message.contains("\n"), message);
  }
}
