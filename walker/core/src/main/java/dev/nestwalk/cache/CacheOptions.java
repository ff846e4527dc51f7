package dev.nestwalk.cache;

/**
 * Geometry of a translator's caches. Entries and ways are powers of two; an entry takes 16 bytes,
 * off-heap.
 *
 * <p>The caches of all translators share 4 MiB, in which they are quickest; one for which there is
 * no more room has memory of its own, where a hit takes 5 ns more. The system property {@code
 * nestwalk.cache.bytes} makes it another power of two, up to 1 GiB.
 *
 * @param iotlbEntries entries of the IOTLB, 2 to 2^26, or 0 for none
 * @param iotlbWays entries per set, 1 to 16; up to 4 are one cache line
 * @param firstStageEntries places for partial first-stage walks, 0 for none
 * @param secondStageEntries places for partial second-stage walks, 0 for none
 * @param nestedEntries places for pairs of intermediate and output page, 0 for none
 * @param counting whether {@link CacheCounters} count; costs a few nanoseconds per translation
 * @param endpoints requesters whose configuration is remembered, at least 1, each with or without a
 *     PASID; one takes about 1 KiB. Of more, those used longest ago are forgotten and resolved anew
 */
public record CacheOptions(
    int iotlbEntries,
    int iotlbWays,
    int firstStageEntries,
    int secondStageEntries,
    int nestedEntries,
    boolean counting,
    int endpoints) {
  /** Requesters whose configuration is remembered by default. */
  public static final int ENDPOINTS = 4096;

  /** 4096 translations in sets of 4, and 1024 places in each structure cache: 96 KiB. */
  public static final CacheOptions DEFAULT = new CacheOptions(4096, 4, 1024, 1024, 0, false);

  /** Configurations are kept, translations and tables are not. */
  public static final CacheOptions NONE = new CacheOptions(0, 1, 0, 0, 0, false);

  /**
   * Checks the geometry.
   *
   * @throws IllegalArgumentException if entries or ways are no powers of two or out of range, or
   *     for no endpoint at all
   */
  public CacheOptions {
    if (endpoints < 1) {
      throw new IllegalArgumentException(
          "room for %d endpoints: expected at least 1".formatted(endpoints));
    }
    if (iotlbEntries != 0) {
      checkGeometry(iotlbEntries, iotlbWays);
    }
    checkStructure(firstStageEntries);
    checkStructure(secondStageEntries);
    checkStructure(nestedEntries);
  }

  /** Geometry with room for {@link #ENDPOINTS} requesters. */
  public CacheOptions(
      int iotlbEntries,
      int iotlbWays,
      int firstStageEntries,
      int secondStageEntries,
      int nestedEntries,
      boolean counting) {
    this(
        iotlbEntries,
        iotlbWays,
        firstStageEntries,
        secondStageEntries,
        nestedEntries,
        counting,
        ENDPOINTS);
  }

  private static void checkGeometry(int entries, int ways) {
    boolean powers = Integer.bitCount(entries) == 1 && Integer.bitCount(ways) == 1;
    if (!powers || entries < 2 || entries > 1 << 26 || ways < 1 || ways > 16 || ways > entries) {
      throw new IllegalArgumentException(
          "cache of %d entries, %d ways: expected powers of two, 2 to 2^26 entries, 1 to 16 ways"
              .formatted(entries, ways));
    }
  }

  private static void checkStructure(int entries) {
    if (entries != 0) {
      checkGeometry(entries, 1);
    }
  }

  /** These options with another IOTLB. */
  public CacheOptions withIotlb(int entries, int ways) {
    return new CacheOptions(
        entries, ways, firstStageEntries, secondStageEntries, nestedEntries, counting, endpoints);
  }

  /** These options with other structure caches; 0 switches one off. */
  public CacheOptions withStructures(int firstStage, int secondStage, int nested) {
    return new CacheOptions(
        iotlbEntries, iotlbWays, firstStage, secondStage, nested, counting, endpoints);
  }

  /** These options with counters on. */
  public CacheOptions withCounters() {
    return new CacheOptions(
        iotlbEntries,
        iotlbWays,
        firstStageEntries,
        secondStageEntries,
        nestedEntries,
        true,
        endpoints);
  }

  /** These options with room for other numbers of requesters. */
  public CacheOptions withEndpoints(int most) {
    return new CacheOptions(
        iotlbEntries,
        iotlbWays,
        firstStageEntries,
        secondStageEntries,
        nestedEntries,
        counting,
        most);
  }
}
