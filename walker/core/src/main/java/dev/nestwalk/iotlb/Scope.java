package dev.nestwalk.iotlb;

import org.jspecify.annotations.Nullable;

/**
 * A set of translations or configurations that one invalidation can name; it records the last one
 * that did.
 */
final class Scope {
  /** The scope's key in its map. */
  final long number;

  /** Number of address spaces and configurations in it; without any it is forgotten. */
  int users;

  /** Number of the last invalidation of all configurations in this scope, plus 1; 0 for none. */
  long configurationStamp;

  /** Number of the last invalidation of all translations in this scope, plus 1; 0 for none. */
  long stamp;

  /** Number of the last invalidation of all that a first stage translates, plus 1; 0 for none. */
  long firstStamp;

  /** For a domain: number of the last invalidation of its partial walks, plus 1; 0 for none. */
  long structureStamp;

  /** For a domain: whether a first stage has given translations that hold for every process. */
  boolean global;

  /** First of the chained address spaces that a first stage translates. */
  @Nullable AddressSpace firsts;

  /** For a domain: first of the chained address spaces that the second stage alone translates. */
  @Nullable AddressSpace seconds;

  Scope(long number) {
    this.number = number;
  }
}
