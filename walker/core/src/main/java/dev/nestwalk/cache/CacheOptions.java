package dev.nestwalk.cache;

/**
 * Geometry of a translator's caches. Numbers of entries and ways are powers of two; an entry takes
 * 16 bytes off the heap.
 *
 * <p>The caches of all translators share 4 MiB, in which they are fastest. A cache that finds no
 * room there allocates its own memory, where a hit takes 5 ns more. The system property {@code
 * nestwalk.cache.bytes} sets another size, a power of two up to 1 GiB.
 *
 * @param iotlbEntries entries of the IOTLB, 2 to 2^26, or 0 for none
 * @param iotlbWays entries per set, 1 to 16; up to 4 share one cache line
 * @param firstStageEntries entries for partial first-stage walks, 0 for none
 * @param secondStageEntries entries for partial second-stage walks, 0 for none
 * @param nestedEntries entries for pairs of intermediate and output page, 0 for none
 * @param counting whether {@link CacheCounters} count; this costs a few nanoseconds per translation
 * @param endpoints number of requesters whose configuration is remembered, at least 1; a requester
 *     with a PASID counts separately. Each takes about 1 KiB. Beyond this number the least recently
 *     used ones are forgotten and resolved again
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

  /** 4096 translations in sets of 4, and 1024 entries in each page-walk cache: 96 KiB. */
  public static final CacheOptions DEFAULT = new CacheOptions(4096, 4, 1024, 1024, 0, false);

  /** Configurations are cached, translations and tables are not. */
  public static final CacheOptions NONE = new CacheOptions(0, 1, 0, 0, 0, false);

  /**
   * Checks the geometry.
   *
   * @throws IllegalArgumentException if numbers of entries or ways are not powers of two or are out
   *     of range, or if {@code endpoints} is less than 1
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

  /** These options with other page-walk caches; 0 switches one off. */
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

  /** These options with another number of requesters. */
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
