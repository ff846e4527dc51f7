package dev.nestwalk.smmu;

import dev.nestwalk.memory.GuestMemory;

/** Reads structures of several words, either completely or not at all. */
final class Words {
  /**
   * Reads a structure. It is unreadable if any of its words is outside memory.
   *
   * @param at address of the first word, a multiple of 8
   * @param count number of words of the structure
   * @param into receives its first words
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
