package dev.nestwalk.memory;

/** Guest memory that refuses every update of one word, as if that alone were read-only. */
public final class RefusingMemory extends LayeredMemory {
  private final long word;

  /** Refuses updates of the word at an address. */
  public RefusingMemory(GuestMemory below, long word) {
    super(below);
    this.word = word;
  }

  @Override
  public int update(int run, long address, long expected, long replacement) {
    return address == word ? REFUSED : super.update(run, address, expected, replacement);
  }
}
