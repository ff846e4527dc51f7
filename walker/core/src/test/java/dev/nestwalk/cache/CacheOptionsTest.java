package dev.nestwalk.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The geometries that caches can have, to their bounds, and options that change one thing each. */
final class CacheOptionsTest {
  private static final CacheOptions PLAIN = new CacheOptions(64, 2, 8, 16, 32, false, 5);

  @ParameterizedTest
  @CsvSource({"2, 1", "2, 2", "16, 16", "67108864, 1", "67108864, 16", "0, 3"})
  void geometriesUpToTheirBoundsAreTaken(int entries, int ways) {
    CacheOptions options = PLAIN.withIotlb(entries, ways);
    assertEquals(entries, options.iotlbEntries());
    assertEquals(ways, options.iotlbWays());
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "3, 1", "134217728, 1", "64, 3", "64, 0", "64, 32", "2, 4", "-2147483648, 1"})
  void geometriesBeyondThemAreNot(int entries, int ways) {
    assertThrows(IllegalArgumentException.class, () -> PLAIN.withIotlb(entries, ways));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 134217728, -2})
  void eachPageWalkCacheIsCheckedByItself(int entries) {
    assertThrows(IllegalArgumentException.class, () -> PLAIN.withStructures(entries, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> PLAIN.withStructures(0, entries, 0));
    assertThrows(IllegalArgumentException.class, () -> PLAIN.withStructures(0, 0, entries));
  }

  @Test
  void thereIsRoomForOneEndpointAtLeast() {
    assertEquals(1, PLAIN.withEndpoints(1).endpoints());
    assertThrows(IllegalArgumentException.class, () -> PLAIN.withEndpoints(0));
    assertEquals(CacheOptions.ENDPOINTS, CacheOptions.DEFAULT.endpoints());
  }

  @Test
  void eachOptionChangesItselfAlone() {
    assertEquals(new CacheOptions(128, 4, 8, 16, 32, false, 5), PLAIN.withIotlb(128, 4));
    assertEquals(new CacheOptions(64, 2, 2, 4, 0, false, 5), PLAIN.withStructures(2, 4, 0));
    assertEquals(new CacheOptions(64, 2, 8, 16, 32, true, 5), PLAIN.withCounters());
    assertEquals(new CacheOptions(64, 2, 8, 16, 32, false, 9), PLAIN.withEndpoints(9));
  }
}
