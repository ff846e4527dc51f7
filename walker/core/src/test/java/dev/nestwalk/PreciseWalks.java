package dev.nestwalk;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.Shrinker;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Random interleavings of changes, translations and invalidations that name hardly more than what
 * changed: translators with caches of several geometries beside one without any, over the same
 * tables. Between a change and its invalidation the caches may fill themselves with old and new;
 * from the invalidation on every answer and fault record has to be that of the walk. The long run:
 * {@code PreciseWalks FORMAT OPERATIONS [FIRST-SEED]}, see CONTRIBUTING.
 */
final class PreciseWalks {
  private static final int ROUNDS = 40;
  private static final int ASKED = 24;
  private static final int BATCH = 40;

  /** How often a machine that fails runs again, to make the failure small. */
  private static final int TRIES = 1500;

  /** All compared answers. */
  long checked;

  /** Compared answers that are translations, not refusals. */
  long translated;

  /** Hits in the IOTLBs of translators that count. */
  long hits;

  private final Formats format;

  PreciseWalks(Formats format) {
    this.format = format;
  }

  private static List<Translator> translators(Iommu iommu) {
    CacheOptions small = new CacheOptions(16, 4, 4, 4, 8, false, 5);
    List<Translator> all = new ArrayList<>();
    all.add(iommu.newTranslator());
    all.add(iommu.newTranslator(CacheOptions.DEFAULT.withStructures(64, 64, 64).withCounters()));
    all.add(iommu.newTranslator(small.withCounters(), 40));
    all.add(iommu.newTranslator(small.withIotlb(32, 1)));
    all.add(iommu.newTranslator(CacheOptions.DEFAULT.withStructures(0, 0, 0).withIotlb(64, 16)));
    all.add(iommu.newTranslator(CacheOptions.NONE));
    return all;
  }

  /** Runs a machine; a failure is made small before it is told. */
  void machine(long seed) {
    Shrinker.run(seed * 37 + 5, TRIES, chance -> machine(seed, chance));
  }

  private void machine(long seed, Chance chance) {
    try (Arena arena = Arena.ofConfined()) {
      // Tables lie in two runs of memory.
      int first = 8 + chance.below(120);
      TableMemory memory =
          new TableMemory(arena).run(0x10_0000, first).run(0x2000_0000, 1600 - first);
      PreciseScene scene =
          format == Formats.VTD ? new PreciseVtd(memory, chance) : new PreciseSmmu(memory, chance);
      List<Translator> cached = translators(scene.iommu());
      Translator walking = scene.iommu().newUncachedTranslator();
      for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < ASKED; i++) {
          if (chance.below(6) == 0) {
            checkBatch(
                scene, cached.get(chance.below(cached.size())), walking, chance, seed, round);
          } else {
            check(scene, cached, walking, chance, seed, round);
          }
        }
        for (int i = chance.below(4); i >= 0; i--) {
          int what = chance.below(20);
          if (what < 2) {
            restrict(scene, chance);
          } else if (what == 2) {
            // Nothing changes; what was cached before may stay, or is dropped.
            scene.iommu().reconfigure(Map.of(), chance.below(4) != 0);
          } else {
            scene.change(chance);
          }
          for (int j = chance.below(6); j > 0; j--) {
            Translator one = cached.get(chance.below(cached.size()));
            one.translate(source(scene, chance), pasid(scene, chance), address(scene, chance), 1);
          }
        }
        scene.invalidate(chance);
      }
      for (Translator translator : cached) {
        hits += translator.counters().hits();
      }
    }
  }

  static int source(PreciseScene scene, Chance chance) {
    return scene.sources()[chance.below(scene.sources().length)];
  }

  static int pasid(PreciseScene scene, Chance chance) {
    return scene.pasids()[chance.below(scene.pasids().length)];
  }

  static long address(PreciseScene scene, Chance chance) {
    long page = PreciseTables.PAGES[chance.below(PreciseTables.PAGES.length)];
    long beside = chance.below(4) == 0 ? (long) chance.below(4) << 12 : 0;
    return scene.name(page ^ beside, chance) | chance.below(512) * 8L;
  }

  static void restrict(PreciseScene scene, Chance chance) {
    List<Region> regions = new ArrayList<>();
    for (int i = chance.below(3); i > 0; i--) {
      long at = PreciseTables.PAGES[chance.below(PreciseTables.PAGES.length)];
      long size = 1L << 8 + chance.below(16);
      regions.add(new Region(at & -size, at | size - 1, RegionKind.RESERVED));
    }
    RegionSet set = RegionSet.of(regions);
    boolean below = chance.below(3) == 0;
    scene
        .iommu()
        .restrict(
            source(scene, chance),
            pasid(scene, chance),
            below ? RegionSet.EMPTY : set,
            below ? set : RegionSet.EMPTY);
  }

  private void check(
      PreciseScene scene,
      List<Translator> cached,
      Translator walking,
      Chance chance,
      long seed,
      int round) {
    int source = source(scene, chance);
    int pasid = pasid(scene, chance);
    long address = address(scene, chance);
    int access = 1 + chance.below(3);
    long expected = walking.translate(source, pasid, address, access);
    for (int i = 0; i < cached.size(); i++) {
      long answer = cached.get(i).translate(source, pasid, address, access);
      String difference = answer == expected ? "" : Translation.describe(answer);
      if (difference.isEmpty() && Translation.isFault(answer)) {
        difference = Comparison.difference(cached.get(i).lastFault(), walking.lastFault());
      }
      if (!difference.isEmpty()) {
        throw wrong(seed, round, i, source, pasid, address, access, difference, expected);
      }
      count(answer);
    }
  }

  private void checkBatch(
      PreciseScene scene,
      Translator cached,
      Translator walking,
      Chance chance,
      long seed,
      int round) {
    int source = source(scene, chance);
    int pasid = pasid(scene, chance);
    int access = 1 + chance.below(3);
    long[] iovas = new long[1 + chance.below(BATCH)];
    for (int i = 0; i < iovas.length; i++) {
      iovas[i] = address(scene, chance);
    }
    long[] answers = chance.below(3) == 0 ? iovas.clone() : new long[iovas.length];
    long[] asked = iovas.clone();
    cached.endpoint(source, pasid).translate(iovas, answers, 0, iovas.length, access);
    for (int i = 0; i < asked.length; i++) {
      long expected = walking.translate(source, pasid, asked[i], access);
      if (answers[i] != expected) {
        String answer = "in a batch " + Translation.describe(answers[i]);
        throw wrong(seed, round, -1, source, pasid, asked[i], access, answer, expected);
      }
      count(answers[i]);
    }
  }

  private void count(long answer) {
    checked++;
    translated += Translation.isFault(answer) ? 0 : 1;
  }

  private AssertionError wrong(
      long seed,
      int round,
      int translator,
      int source,
      int pasid,
      long address,
      int access,
      String answer,
      long expected) {
    return new AssertionError(
        "%s, seed %d, round %d, translator %d, source %x pasid %x address %x access %x: %s, expected %s"
            .formatted(
                format,
                seed,
                round,
                translator,
                source,
                pasid,
                address,
                access,
                answer,
                Translation.describe(expected)));
  }

  public static void main(String[] args) {
    PreciseWalks walks = new PreciseWalks(Formats.valueOf(args[0]));
    long operations = args.length > 1 ? Long.parseLong(args[1]) : 50_000_000;
    long seed = args.length > 2 ? Long.parseLong(args[2]) : 1_000_000;
    for (; walks.checked < operations; seed++) {
      walks.machine(seed);
      if (seed % 200 == 0) {
        System.err.printf("%d answers%n", walks.checked);
      }
    }
    System.out.printf(
        "%s: %d answers equal the walk's, %d of them translations; %d hits; next seed %d%n",
        walks.format, walks.checked, walks.translated, walks.hits, seed);
  }
}
