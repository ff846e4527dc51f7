package dev.nestwalk.smmu;

import dev.nestwalk.memory.GuestMemory;

/** Reads structures of several words, whole or not at all. */
final class Words {
  /**
   * Reads a structure. A word that is no memory makes all of it unreadable, wherever it is.
   *
   * @param at address of the first word, a multiple of 8
   * @param count words of the structure
   * @param into takes the first of them
   */
  static boolean read(GuestMemory memory, long at, int count, long[] into) {
    for (int i = 0; i < count; i++) {
      int run = memory.find(at + 8L * i);
      if (run < 0) {
        return false;
      }
      if (i < into.length) {
        into[i] = memory.load(run, at + 8L * i);
      }
    }
    return true;
  }

  private Words() {}
}
