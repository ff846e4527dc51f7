package dev.nestwalk.memory;

import java.util.ArrayList;
import java.util.List;

/**
 * Guest memory with somebody else who writes: one compare-and-set of a walk, or every one from then
 * on, loses against a rival, whose word is there when the walk looks again.
 *
 * <p>Threads: belongs to one thread.
 */
public final class RivalMemory extends GuestMemory {
  /** Ignored by the walks of every format, and left to software. */
  private static final long SOFTWARE = 1L << 55;

  /** What the rival writes. */
  public enum Rival {
    /** The very flags that the walk was about to set. */
    SAME_FLAGS,
    /** A bit that only software knows. */
    SOFTWARE_BIT,
    /** An entry that is not valid. */
    CLEARED,
    /** The entry as it was, and so again each time that the walk comes back. */
    ALWAYS
  }

  private final GuestMemory below;
  private final List<long[]> undo = new ArrayList<>();
  private Rival rival = Rival.SAME_FLAGS;
  private long nth = Long.MAX_VALUE;
  private long updates;
  private long rivalsAt = -1;
  private long rivalsBits;

  /** No rival yet. */
  public RivalMemory(GuestMemory below) {
    super(below);
    this.below = below;
  }

  /**
   * From now on updates are counted anew.
   *
   * @param lost which one is lost, 1 for the next; {@link Long#MAX_VALUE} for none
   */
  public void arm(Rival who, long lost) {
    rival = who;
    nth = lost;
    updates = 0;
    rivalsAt = -1;
  }

  /** Updates since {@link #arm}, lost ones included. */
  public long updates() {
    return updates;
  }

  /** Address of the entry that the rival wrote, -1 if it did not come to that. */
  public long rivalsAt() {
    return rivalsAt;
  }

  /** All words as they were before the first update since the last call. */
  public void undo() {
    for (int i = undo.size() - 1; i >= 0; i--) {
      put(undo.get(i)[0], undo.get(i)[1]);
    }
    undo.clear();
  }

  /** The word at an address. */
  public long word(long address) {
    return load(find(address), address);
  }

  /** Addresses of the words that were written since the last {@link #undo}. */
  public List<Long> written() {
    return undo.stream().map(one -> one[0]).distinct().sorted().toList();
  }

  /** Bits of the entry that the rival changed. */
  public long rivalsBits() {
    return rivalsBits;
  }

  /** What the rival makes of a word; the bytes of a big-endian one are the other way round. */
  private static long softwareBit(long before, long replacement) {
    boolean bigEndian = (before ^ replacement) >>> 12 != 0;
    return before ^ (bigEndian ? Long.reverseBytes(SOFTWARE) : SOFTWARE);
  }

  private void put(long address, long word) {
    int run = find(address);
    below.update(run, address, below.load(run, address), word);
  }

  @Override
  public int update(int run, long address, long expected, long replacement) {
    int outcome = below.update(run, address, expected, replacement);
    if (outcome != UPDATED) {
      return outcome;
    }
    undo.add(new long[] {address, expected});
    updates++;
    if (updates != nth && (updates < nth || rival != Rival.ALWAYS)) {
      return UPDATED;
    }
    long word =
        switch (rival) {
          case SAME_FLAGS -> replacement;
          case SOFTWARE_BIT -> softwareBit(expected, replacement);
          case CLEARED -> 0;
          case ALWAYS -> expected;
        };
    rivalsAt = address;
    rivalsBits = word ^ expected;
    put(address, word);
    return LOST;
  }
}
