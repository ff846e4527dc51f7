package dev.nestwalk;

import dev.nestwalk.explain.Reference;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Requesters, their tables and configuration, and the invalidations that name just what changed.
 */
interface PreciseScene {
  /** What an invalidation is for. */
  enum Kind {
    FIRST_STAGE,
    SECOND_STAGE,
    /** An edit of a first stage's flags alone. */
    FLAGS,
    /** A PASID's entry, a CD. */
    PROCESS,
    /** A context entry, an STE. */
    DEVICE,
    /** A register that leads to other tables, changed while caches are kept. */
    REGISTERS
  }

  /** Invalidations that are to come; those of a kind may be forgotten, to see who notices. */
  final class Pending {
    private final List<Runnable> all = new ArrayList<>();
    private @Nullable Kind forgotten;

    void forget(Kind kind) {
      forgotten = kind;
    }

    void add(Kind kind, Runnable invalidation) {
      if (kind != forgotten) {
        all.add(invalidation);
      }
    }

    /** Whether everything may be invalidated instead, which would hide what is forgotten. */
    boolean mayTakeAll() {
      return forgotten == null;
    }

    void run() {
      all.forEach(Runnable::run);
      all.clear();
    }

    void clear() {
      all.clear();
    }
  }

  /**
   * Memory for tables: two runs, two windows of one segment, four runs, or runs of which two are
   * windows. Second stages map all of it to itself.
   */
  static TableMemory memory(Arena arena, Chance chance) {
    long low = 0x10_0000;
    long high = 0x2000_0000;
    int first = 8 + chance.below(120);
    TableMemory memory = new TableMemory(arena);
    return switch (chance.below(4)) {
      case 0 -> memory.run(low, first).run(high, 640 - first);
      case 1 -> memory.windows(low, first, high, 640 - first, chance.below(2) == 0);
      case 2 -> memory.run(low, first).run(0x80_0000, 99).run(high, 150).run(0x2100_0000, 500);
      default -> memory.windows(low, 250, high, 250, chance.below(2) == 0).run(0x2100_0000, first);
    };
  }

  /** The invalidations that {@link #invalidate} will make. */
  Pending pending();

  /** The unit. */
  Iommu iommu();

  /** A reference walker over the same tables and registers, which knows no restrictions. */
  Reference reference();

  /** Source ids; each is used with each of {@link #pasids}. */
  int[] sources();

  /** PASIDs or SubstreamIDs, -1 for none. */
  int[] pasids();

  /** An address that leads to a page of {@link PreciseTables#PAGES}, by one of its names. */
  long name(long page, Chance chance);

  /** Whether requests of a source and PASID are translated by two stages. */
  boolean isNested(int source, int pasid);

  /** Changes something and remembers what. */
  void change(Chance chance);

  /** Changes an entry of a page table, by one store, and remembers it. */
  void changeEntry(Chance chance);

  /**
   * Changes registers, as far as a unit lets a guest do so, and remembers what that asks to
   * invalidate. Translation that is off goes on again.
   */
  void reconfigure(Chance chance);

  /** Whether translation is on. */
  boolean isOn();

  /** Invalidates what was changed since the last call, and hardly more. */
  void invalidate(Chance chance);
}
