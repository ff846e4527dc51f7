package dev.nestwalk.memory;

/**
 * Guest memory in which one word is missing, for every kind of walk, the fast one included.
 *
 * <p>Threads: belongs to one thread.
 */
public final class GappedMemory extends LayeredMemory {
  private long gap = -1;

  /** Nothing is missing yet. */
  public GappedMemory(GuestMemory below) {
    super(below);
  }

  /** From now on the word at an address is missing; -1 for none. */
  public void gap(long address) {
    gap = address;
  }

  @Override
  public int find(long address) {
    return address == gap ? -1 : super.find(address);
  }
}
