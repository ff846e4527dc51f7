package dev.nestwalk.cache;

import org.jspecify.annotations.Nullable;

/** What an invalidation can name at once: remembers the last one that did. */
final class Scope {
  /** Number of the last invalidation of all in this scope, plus 1; 0 for none. */
  long stamp;

  /** The same for what a first stage translates. */
  long firstStamp;

  /** First address space in this scope; they are chained. */
  @Nullable AddressSpace spaces;

  void add(AddressSpace space) {
    space.nextInMajor = spaces;
    if (spaces != null) {
      spaces.previousInMajor = space;
    }
    spaces = space;
  }

  void remove(AddressSpace space) {
    if (space.nextInMajor != null) {
      space.nextInMajor.previousInMajor = space.previousInMajor;
    }
    if (space.previousInMajor == null) {
      spaces = space.nextInMajor;
    } else {
      space.previousInMajor.nextInMajor = space.nextInMajor;
    }
  }
}
