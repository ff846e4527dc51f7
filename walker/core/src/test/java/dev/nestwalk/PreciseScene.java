package dev.nestwalk;

import dev.nestwalk.fixtures.Chance;

/**
 * Requesters, their tables and configuration, and the invalidations that name just what changed.
 */
interface PreciseScene {
  /** The unit. */
  Iommu iommu();

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
