package dev.nestwalk;

import dev.nestwalk.explain.Reference;
import dev.nestwalk.fixtures.Chance;
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
    DEVICE
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

  /** The invalidations that {@link #invalidate} will make. */
  Pending pending();

  /** The unit. */
  Iommu iommu();

  /** A reference walker over the same tables, which knows no restrictions. */
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

  /** Invalidates what was changed since the last call, and hardly more. */
  void invalidate(Chance chance);
}
