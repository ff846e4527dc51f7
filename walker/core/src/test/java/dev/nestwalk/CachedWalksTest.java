package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.walk.KernelFactory;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CachedWalksTest {
  private static final int MACHINES = 250;
  private static final int FEW = 60;
  private static final List<CacheOptions> KERNELS =
      List.of(CacheOptions.NONE, CacheOptions.DEFAULT, CachedWalks.SMALL, CachedWalks.SMALL_QUIET);

  @ParameterizedTest
  @EnumSource
  void cachesAnswerAsTheWalkWhateverChangedBefore(Formats format) {
    CachedWalks walks = new CachedWalks(format, CacheOptions.DEFAULT.withCounters(), 1 << 10);
    run(walks);
  }

  @ParameterizedTest
  @EnumSource
  void smallCachesWithFewTagsAnswerAsTheWalk(Formats format) {
    run(new CachedWalks(format, CachedWalks.SMALL, CachedWalks.FEW_TAGS));
  }

  @ParameterizedTest
  @EnumSource
  void cachesThatDoNotCountAnswerAsTheWalk(Formats format) {
    runMachines(new CachedWalks(format, CachedWalks.SMALL_QUIET, CachedWalks.FEW_TAGS));
    runMachines(new CachedWalks(format, CacheOptions.DEFAULT, 1 << 10));
  }

  @ParameterizedTest
  @EnumSource
  void walksSideBySideAnswerAsTheWalk(Formats format) {
    runMachines(new CachedWalks(format, CacheOptions.NONE, 1 << 10));
    runMachines(new CachedWalks(format, CacheOptions.DEFAULT.withStructures(0, 0, 0), 1 << 10));
  }

  @ParameterizedTest
  @EnumSource
  void kernelsInClassesOfTheirOwnAnswerAsTheWalk(Formats format) {
    for (CacheOptions options : KERNELS) {
      runMachines(
          new CachedWalks(format, options, CachedWalks.FEW_TAGS, KernelFactory::atOnce), FEW);
    }
  }

  @ParameterizedTest
  @EnumSource
  void whereNoClassCanBeDefinedKernelsAnswerAsTheWalk(Formats format) {
    for (CacheOptions options : KERNELS) {
      runMachines(
          new CachedWalks(format, options, CachedWalks.FEW_TAGS, KernelFactory::withoutClasses),
          FEW);
    }
  }

  private static void runMachines(CachedWalks walks) {
    runMachines(walks, MACHINES);
  }

  private static void runMachines(CachedWalks walks, int machines) {
    for (long seed = 0; seed < machines; seed++) {
      walks.machine(seed);
    }
    assertTrue(walks.early < walks.checked / 1000, "early answers " + walks.early);
  }

  private static void run(CachedWalks walks) {
    runMachines(walks);
    assertTrue(walks.hits > walks.checked / 20, "hits " + walks.hits);
    assertTrue(walks.shortened > walks.checked / 200, "shortened " + walks.shortened);
  }
}
