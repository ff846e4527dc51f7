package dev.nestwalk.teach;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.ImageException;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Reserved addresses are as reserved when something is cached as when nothing is. */
class GuardedCachesTest {
  private static final long IOVA = 0xffff_c000L;

  private static List<CacheView.Run> runs(@Nullable Region reserved) throws ImageException {
    Image image =
        Image.ofScenario(Scenarios.fixtures().resolve("captures/vtd/linux72-legacy-48"), null);
    Guard guard =
        reserved == null
            ? null
            : new Guard("a test", "linux", RegionSet.of(List.of(reserved)), RegionSet.EMPTY);
    try (Arena arena = Arena.ofConfined()) {
      Explanation explanation =
          Explanation.of(
              image,
              image.open(Opening.READ_ONLY, arena),
              guard,
              new Explanation.Request(0x10, -1, IOVA, Access.READ));
      return explanation.caches().runs();
    }
  }

  @Test
  void aReservedAddressIsReadOfNoTableAndHitsNothing() throws ImageException {
    List<CacheView.Run> runs = runs(new Region(IOVA, IOVA | 0xfff, RegionKind.MSI));
    assertEquals(CacheView.State.values().length, runs.size());
    for (CacheView.Run run : runs) {
      assertFalse(run.hit(), run::toString);
      assertEquals(List.of(), run.read(), run::toString);
    }
  }

  @Test
  void regionsElsewhereChangeNothing() throws ImageException {
    List<CacheView.Run> without = runs(null);
    List<CacheView.Run> with = runs(new Region(0, 0xfff, RegionKind.MSI));
    for (int i = 0; i < without.size(); i++) {
      assertEquals(without.get(i).hit(), with.get(i).hit());
      assertEquals(without.get(i).read().size(), with.get(i).read().size());
    }
    assertTrue(without.get(without.size() - 1).hit());
    assertFalse(without.get(0).hit());
    assertFalse(without.get(0).read().isEmpty());
  }

  /** A page that is reserved in part is walked each time: no entry could stand for it. */
  @Test
  void aPageReservedInPartIsNoHit() throws ImageException {
    List<CacheView.Run> runs = runs(new Region(IOVA + 8, IOVA + 15, RegionKind.RESERVED));
    for (CacheView.Run run : runs) {
      assertFalse(run.hit(), run::toString);
      assertFalse(run.read().isEmpty(), run::toString);
    }
  }
}
