package dev.nestwalk.cache;

import org.jspecify.annotations.Nullable;

/** What an invalidation can name at once: remembers the last one that did. */
final class Scope {
  /** Under which number its map has it. */
  final long number;

  /** Address spaces and configurations in it; without any it is forgotten. */
  int users;

  /** Number of the last invalidation of all configurations in this scope, plus 1; 0 for none. */
  long configurationStamp;

  /** Number of the last invalidation of all translations in this scope, plus 1; 0 for none. */
  long stamp;

  /** The same for what a first stage translates. */
  long firstStamp;

  /** The same for partial walks; of a domain. */
  long structureStamp;

  /** A first stage has given translations that hold for every process; of a domain. */
  boolean global;

  /** First of the chained address spaces that a first stage translates. */
  @Nullable AddressSpace firsts;

  /** First of the chained address spaces that the second stage alone translates; of a domain. */
  @Nullable AddressSpace seconds;

  Scope(long number) {
    this.number = number;
  }
}
