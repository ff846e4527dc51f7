package dev.nestwalk;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.Shrinker;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import dev.nestwalk.walk.KernelFactory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Random interleavings of changes, translations and invalidations that name hardly more than what
 * changed: translators with caches of several geometries beside one without any, over the same
 * tables. Between a change and its invalidation the caches may fill themselves with old and new;
 * from the invalidation on every answer and fault record has to be that of the walk, which finds
 * each flag set that it would set; now and then the reference walker is asked too. The long run:
 * {@code PreciseWalks FORMAT OPERATIONS [FIRST-SEED]}, see CONTRIBUTING.
 */
final class PreciseWalks {
  private static final int ROUNDS = 40;
  private static final int ASKED = 64;
  private static final int BATCH = 40;
  private static final int REFERRED = 8;

  /**
   * One machine in so many over windows has walks with classes of their own, which take time to be
   * defined; of the others a quarter of that. Only such walks read windows as one segment.
   */
  private static final int OWN_CLASSES = 10;

  /** How often a machine that fails runs again, to make the failure small. */
  private static final int TRIES = 1500;

  /** All compared answers. */
  long checked;

  /** Compared answers that are translations, not refusals. */
  long translated;

  /** Answers compared with the reference walker's as well. */
  long referred;

  /** Flags that units have set. */
  long flagged;

  /** Machines whose walks have classes of their own, over two windows of one segment. */
  long windows;

  /** Hits in the IOTLBs of translators that count. */
  long hits;

  private final Formats format;
  private final PreciseScene.@Nullable Kind forgotten;

  PreciseWalks(Formats format) {
    this(format, null);
  }

  /** A control: invalidations of a kind are left out. */
  PreciseWalks(Formats format, PreciseScene.@Nullable Kind forgotten) {
    this.format = format;
    this.forgotten = forgotten;
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

  /** Whether one of the first machines notices what is left out. */
  boolean isNoticed(int machines) {
    for (long seed = 0; seed < machines; seed++) {
      try {
        machine(seed, new Chance(seed));
      } catch (AssertionError e) {
        return true;
      }
    }
    return false;
  }

  private void machine(long seed, Chance chance) {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = PreciseScene.memory(arena, chance);
      PreciseScene scene =
          format == Formats.VTD ? new PreciseVtd(memory, chance) : new PreciseSmmu(memory, chance);
      if (forgotten != null) {
        scene.pending().forget(forgotten);
      }
      List<Translator> cached = translators(scene.iommu());
      boolean inWindows = inWindows(scene.iommu().memory());
      int seldom = inWindows ? OWN_CLASSES : 4 * OWN_CLASSES;
      if (chance.below(seldom) == seldom - 1) {
        KernelFactory own = KernelFactory.atOnce(scene.iommu().memory());
        cached.add(scene.iommu().newTranslator(CacheOptions.DEFAULT, 1000, own));
        windows += inWindows ? 1 : 0;
      }
      Walk walk = new Walk(scene);
      for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < ASKED; i++) {
          if (chance.below(6) == 0) {
            checkBatch(walk, cached.get(chance.below(cached.size())), chance, seed, round);
          } else {
            check(walk, cached, chance, seed, round);
          }
        }
        for (int i = chance.below(4); i >= 0; i--) {
          int what = chance.below(20);
          if (what < 2) {
            walk.restrict(chance);
          } else if (what == 2 || !scene.isOn()) {
            walk.reconfigure(chance);
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
      flagged += walk.writes;
      for (Translator translator : cached) {
        hits += translator.counters().hits();
      }
    }
  }

  private static boolean inWindows(GuestMemory memory) {
    return memory.whole(memory.directRun(0)).equals(memory.whole(memory.directRun(1)));
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

  /** A requester; whether it is restricted now. */
  record Restricted(int source, int pasid, boolean isRestricted) {}

  /** What the translators are compared with. */
  private static final class Walk {
    final PreciseScene scene;
    final Translator walking;
    Reference reference;
    private final Set<Long> restricted = new HashSet<>();

    /** Writes by walks: flags. */
    long writes;

    Walk(PreciseScene scene) {
      this.scene = scene;
      walking = scene.iommu().newUncachedTranslator();
      reference = scene.reference();
      scene.iommu().memory().setWriteListener((address, length) -> writes++);
    }

    private static long key(int source, int pasid) {
      return (long) source << 32 | pasid & 0xffff_ffffL;
    }

    void restrict(Chance chance) {
      Restricted now = PreciseWalks.restrict(scene, chance);
      long key = key(now.source, now.pasid);
      if (now.isRestricted) {
        restricted.add(key);
      } else {
        restricted.remove(key);
      }
    }

    void reconfigure(Chance chance) {
      scene.reconfigure(chance);
      reference = scene.reference();
    }

    boolean isRestricted(int source, int pasid) {
      return restricted.contains(key(source, pasid));
    }
  }

  static Restricted restrict(PreciseScene scene, Chance chance) {
    List<Region> regions = new ArrayList<>();
    for (int i = chance.below(3); i > 0; i--) {
      long at = PreciseTables.PAGES[chance.below(PreciseTables.PAGES.length)];
      long size = 1L << 8 + chance.below(16);
      regions.add(new Region(at & -size, at | size - 1, RegionKind.RESERVED));
    }
    RegionSet set = RegionSet.of(regions);
    boolean below = chance.below(3) == 0;
    int source = source(scene, chance);
    int pasid = pasid(scene, chance);
    RegionSet input = below ? RegionSet.EMPTY : set;
    RegionSet intermediate = below ? set : RegionSet.EMPTY;
    scene.iommu().restrict(source, pasid, input, intermediate);
    return new Restricted(source, pasid, !regions.isEmpty());
  }

  private void check(Walk walk, List<Translator> cached, Chance chance, long seed, int round) {
    PreciseScene scene = walk.scene;
    int source = source(scene, chance);
    int pasid = pasid(scene, chance);
    long address = address(scene, chance);
    int access = 1 + chance.below(3);
    // One is asked before the walk, which finds every flag set then.
    int first = chance.below(cached.size());
    cached.get(first).translate(source, pasid, address, access);
    long writes = walk.writes;
    long expected = walk.walking.translate(source, pasid, address, access);
    if (walk.writes != writes) {
      throw wrong(
          seed, round, first, source, pasid, address, access, "a flag left unset", expected);
    }
    for (int i = 0; i < cached.size(); i++) {
      long answer = cached.get(i).translate(source, pasid, address, access);
      String difference = answer == expected ? "" : Translation.describe(answer);
      if (difference.isEmpty() && Translation.isFault(answer)) {
        difference = Comparison.difference(cached.get(i).lastFault(), walk.walking.lastFault());
      }
      if (!difference.isEmpty()) {
        throw wrong(seed, round, i, source, pasid, address, access, difference, expected);
      }
      count(answer);
    }
    if (chance.below(REFERRED) == 0 && !walk.isRestricted(source, pasid)) {
      Trace trace = walk.reference.translate(source, pasid, address, access);
      String difference =
          Comparison.difference(expected, walk.walking.lastFault(), trace)
              + (walk.writes == writes ? "" : "the reference sets a flag");
      if (!difference.isEmpty()) {
        throw wrong(seed, round, -1, source, pasid, address, access, difference, expected);
      }
      referred++;
    }
  }

  private void checkBatch(Walk walk, Translator cached, Chance chance, long seed, int round) {
    PreciseScene scene = walk.scene;
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
    long writes = walk.writes;
    for (int i = 0; i < asked.length; i++) {
      long expected = walk.walking.translate(source, pasid, asked[i], access);
      if (answers[i] != expected || walk.writes != writes) {
        String answer =
            "in a batch "
                + Translation.describe(answers[i])
                + (walk.writes == writes ? "" : ", a flag left unset");
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

  private String summary(long next) {
    return "%s: %d answers equal the walk's, %d of them translations, %d equal the reference's too;"
            .formatted(format, checked, translated, referred)
        + " %d hits; %d flags set; %d machines in windows of one segment; next seed %d"
            .formatted(hits, flagged, windows, next);
  }

  public static void main(String[] args) {
    PreciseWalks walks = new PreciseWalks(Formats.valueOf(args[0]));
    long operations = args.length > 1 ? Long.parseLong(args[1]) : 50_000_000;
    long seed = args.length > 2 ? Long.parseLong(args[2]) : 1_000_000;
    for (; walks.checked < operations; seed++) {
      walks.machine(seed);
      if (seed % 200 == 0) {
        System.err.println(walks.summary(seed + 1));
      }
    }
    System.out.println(walks.summary(seed));
  }
}
