package dev.nestwalk.bench.cost.model;

import dev.nestwalk.bench.cost.Tally;
import java.util.List;

/**
 * Repeats a walk on modelled hardware: counts each read that no cache saves, and fills the caches
 * with what was read.
 *
 * <p>A first-stage table is cached with its machine address, as in VT-d 6.2.5 and Arm's walk
 * caches: a walk that begins there needs neither the entries above it nor the second-stage walks
 * that find them.
 */
final class Walker {
  /** SMMUv3 counts from -1 to 3, VT-d from 1 to 5. */
  private static final int LOWEST_LEVEL = -1;

  private static final int LEVELS = 7;

  private final Shapes shapes;
  private final TenantTables tables;
  private final Hardware hardware;
  private final Tally.Counter refs;
  private final Tally.Counter refs1;
  private final Tally.Counter refs2;
  private final Tally.Counter refsConfig;
  private final Tally.Counter refsAhead;
  private final Tally.Counter walks;
  private final Tally.Counter contextHits;
  private final Tally.Counter contextMisses;
  private final Tally.Counter processHits;
  private final Tally.Counter processMisses;
  private final Tally.Counter nestedHits;
  private final Tally.Counter nestedMisses;
  private final Tally.Counter tables1Hits;
  private final Tally.Counter tables1Misses;
  private final Tally.Counter tables2Hits;
  private final Tally.Counter tables2Misses;
  private final Tally.Counter[] level1 = new Tally.Counter[LEVELS];
  private final Tally.Counter[] level2 = new Tally.Counter[LEVELS];
  private boolean ahead;

  Walker(TenantTables tables, Hardware hardware, Tally tally) {
    this.tables = tables;
    this.hardware = hardware;
    shapes = tables.shapes;
    refs = tally.counter("ref");
    refs1 = tally.counter("ref.s1");
    refs2 = tally.counter("ref.s2");
    refsConfig = tally.counter("ref.config");
    refsAhead = tally.counter("prefetch.ref");
    walks = tally.counter("walk");
    contextHits = tally.counter("context.hit");
    contextMisses = tally.counter("context.miss");
    processHits = tally.counter("pasidcache.hit");
    processMisses = tally.counter("pasidcache.miss");
    nestedHits = tally.counter("ntlb.hit");
    nestedMisses = tally.counter("ntlb.miss");
    tables1Hits = tally.counter("pwc1.hit");
    tables1Misses = tally.counter("pwc1.miss");
    tables2Hits = tally.counter("pwc2.hit");
    tables2Misses = tally.counter("pwc2.miss");
    for (int i = 0; i < LEVELS; i++) {
      level1[i] = tally.counter("ref.s1.L" + (i + LOWEST_LEVEL));
      level2[i] = tally.counter("ref.s2.L" + (i + LOWEST_LEVEL));
    }
  }

  /** Finds the requester's configuration, before anything else can be looked up. */
  void configuration(int space, Walk walk) {
    int tenant = tables.tenant(space);
    if (hardware.context.use(tenant, tenant, 0)) {
      contextHits.up();
    } else {
      contextMisses.up();
      refsConfig.add(walk.context());
      hardware.context.fill(tenant, tenant, 0);
    }
    if (walk.process() == 0) {
      return;
    }
    if (hardware.process.use(space, space, 0)) {
      processHits.up();
    } else {
      processMisses.up();
      refsConfig.add(walk.process());
      hardware.process.fill(space, space, 0);
    }
  }

  /**
   * Walks the page tables.
   *
   * @param early whether nobody waits for the answer: reads then count as {@code prefetch.ref}
   *     alone, look-ups of caches not at all
   */
  void pages(int space, long address, Walk walk, boolean early) {
    ahead = early;
    if (!early) {
      walks.up();
    }
    int begin = firstBegin(space, address, walk);
    for (int i = begin; i < walk.parts().size(); i++) {
      Walk.Part part = walk.parts().get(i);
      // The table that the walk begins at is known by its machine address.
      if (part.guest() != -1 && (i > begin || begin == 0)) {
        second(space, part);
      }
      if (part.first() != Walk.NO_LEVEL) {
        read(refs1, level1, part.first());
        keepTable1(space, address, walk, i);
      }
    }
  }

  /** Number of the part that a first-stage walk begins with, by what is cached. */
  private int firstBegin(int space, long address, Walk walk) {
    boolean caches = hardware.tables(1, 0).exists();
    if (!caches || walk.parts().get(0).first() == Walk.NO_LEVEL) {
      return 0;
    }
    for (int i = walk.parts().size() - 1; i > 0; i--) {
      int level = walk.parts().get(i).first();
      if (level != Walk.NO_LEVEL
          && hardware.tables(1, level).use(space, address >>> above(level), level)) {
        count(tables1Hits);
        return i;
      }
    }
    count(tables1Misses);
    return 0;
  }

  /** The first-stage entry of part {@code i} leads to the table of the next. */
  private void keepTable1(int space, long address, Walk walk, int i) {
    if (i + 1 < walk.parts().size()) {
      int next = walk.parts().get(i + 1).first();
      if (next != Walk.NO_LEVEL) {
        hardware.tables(1, next).fill(space, address >>> above(next), next);
      }
    }
  }

  private void second(int space, Walk.Part part) {
    boolean outer = part.first() == Walk.NO_LEVEL && shapes.levels1 == 0;
    int tag = outer ? space : tables.tenant(space);
    long guest = part.guest();
    if (!outer && hardware.nested.exists()) {
      if (hardware.use(hardware.nested, tag, guest)) {
        count(nestedHits);
        return;
      }
      count(nestedMisses);
    }
    List<Integer> levels = part.second();
    int begin = secondBegin(tag, guest, levels);
    for (int i = begin; i < levels.size(); i++) {
      read(refs2, level2, levels.get(i));
      if (i + 1 < levels.size()) {
        int next = levels.get(i + 1);
        hardware.tables(2, next).fill(tag, guest >>> above(next), next);
      }
    }
    if (!outer && !levels.isEmpty()) {
      hardware.fill(hardware.nested, tag, guest, part.secondSpanLog2());
    }
  }

  private int secondBegin(int tag, long guest, List<Integer> levels) {
    if (!hardware.tables(2, 0).exists()) {
      return 0;
    }
    for (int i = levels.size() - 1; i > 0; i--) {
      int level = levels.get(i);
      if (hardware.tables(2, level).use(tag, guest >>> above(level), level)) {
        count(tables2Hits);
        return i;
      }
    }
    count(tables2Misses);
    return 0;
  }

  /** Lowest address bit that tells tables of a level apart. */
  private int above(int level) {
    return shapes.shift(level) + shapes.tables.stride();
  }

  /** Nobody waits for a look-up of a walk in advance: it counts as none. */
  private void count(Tally.Counter lookup) {
    if (!ahead) {
      lookup.up();
    }
  }

  private void read(Tally.Counter stage, Tally.Counter[] levels, int level) {
    if (ahead) {
      refsAhead.up();
      return;
    }
    refs.up();
    stage.up();
    levels[level - LOWEST_LEVEL].up();
  }
}
