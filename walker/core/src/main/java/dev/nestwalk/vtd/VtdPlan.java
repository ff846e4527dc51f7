package dev.nestwalk.vtd;

/**
 * A device's configuration, resolved: root, context and PASID entries decoded and checked into
 * primitives, so that a walk meets only legal geometry. Filled by {@link VtdResolver}.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class VtdPlan {
  /** Kind: translated by no table. */
  static final int IDENTITY = 0;

  /** Kind: second stage only. */
  static final int SECOND = 1;

  /** Kind: first stage only. */
  static final int FIRST = 2;

  /** Kind: first stage over second stage. */
  static final int NESTED = 3;

  int kind;

  /** Legacy mode: its fault reasons, no flags, no execute. */
  boolean legacy;

  /** Domain id. */
  int domain;

  /** Identity: first address that is beyond, as a power of two (exponent). */
  int identityWidth;

  /** The request's rights after privilege and execute were settled ({@code Access} bits). */
  boolean privileged;

  /** Host address of the second-stage root table. */
  long secondRoot;

  /** Level of the second-stage root table, 3 to 5. */
  int secondLevels;

  /** Second-stage input width in bits. */
  int secondWidth;

  /** SSADE: second-stage flags are updated. */
  boolean secondFlags;

  /** SSEE: the second stage's X counts. */
  boolean secondExecute;

  /** First-stage root table: host address, or guest-physical if nested. */
  long firstRoot;

  /** Level of the first-stage root table, 4 or 5. */
  int firstLevels;

  /** Reserved bits of first-stage table entries by level. */
  long[] firstTable = {};

  /** Reserved bits of first-stage pages by level. */
  long[] firstLeaf = {};

  /** A, and EA with EAFE: what a used first-stage entry carries. */
  long firstUsed;

  boolean writeProtect;
  boolean noExecute;
  boolean smep;

  /** Flags may be updated: PWSNP, or a unit without that field. */
  boolean updates;
}
