package dev.nestwalk;

import dev.nestwalk.dma.Translation;

/**
 * Contiguous runs of output addresses that a range of input addresses comes to. Filled again by
 * each translation of a range; allocates nothing after construction.
 *
 * <p>Threads: belongs to one thread.
 */
public final class DmaRuns {
  private final long[] addresses;
  private final long[] lengths;
  private int count;
  private long refusal;

  /**
   * Room for {@code capacity} runs.
   *
   * @throws IllegalArgumentException for less than one
   */
  public DmaRuns(int capacity) {
    if (capacity < 1) {
      throw new IllegalArgumentException(
          "room for %d runs: expected at least 1".formatted(capacity));
    }
    addresses = new long[capacity];
    lengths = new long[capacity];
  }

  /** Number of runs. */
  public int count() {
    return count;
  }

  /** Output address of the first byte of run {@code index}. */
  public long address(int index) {
    return addresses[checked(index)];
  }

  /** Bytes in run {@code index}. */
  public long length(int index) {
    return lengths[checked(index)];
  }

  /** The packed refusal that ended the range, 0 if none did. */
  public long refusal() {
    return refusal;
  }

  private int checked(int index) {
    return java.util.Objects.checkIndex(index, count);
  }

  /** Takes the runs behind a range of an endpoint's addresses; how many bytes they cover. */
  long fill(Endpoint of, long iova, long length, int access) {
    long done = 0;
    while (done < length) {
      long at = iova + done;
      long answer = of.translate(at, access);
      if (Translation.isFault(answer)) {
        refusal = answer;
        return done;
      }
      long piece = DmaCopy.inBlock(at, answer, length - done);
      if (!add(Translation.address(answer), piece)) {
        return done;
      }
      done += piece;
    }
    return done;
  }

  void clear() {
    count = 0;
    refusal = 0;
  }

  /** Adds a piece, to the last run where it continues that; false if there is no room. */
  private boolean add(long address, long length) {
    if (count > 0 && addresses[count - 1] + lengths[count - 1] == address) {
      lengths[count - 1] += length;
      return true;
    }
    if (count == addresses.length) {
      return false;
    }
    addresses[count] = address;
    lengths[count++] = length;
    return true;
  }
}
