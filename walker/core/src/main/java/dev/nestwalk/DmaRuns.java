package dev.nestwalk;

import dev.nestwalk.dma.Translation;

/**
 * The contiguous runs of output addresses that a range of input addresses translates to. Each
 * translation of a range refills it. Nothing is allocated after construction.
 *
 * <p>Threads: belongs to one thread.
 */
public final class DmaRuns {
  private final long[] addresses;
  private final long[] lengths;
  private int count;
  private long refusal;

  /**
   * Makes room for {@code capacity} runs.
   *
   * @throws IllegalArgumentException if {@code capacity} is less than 1
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

  /** The packed refusal that ended the range, or 0 if there was none. */
  public long refusal() {
    return refusal;
  }

  /**
   * Notes why a range ends here: for a caller that had to translate the runs before a refused byte
   * again, without that byte.
   *
   * @param why a packed refusal
   * @throws IllegalArgumentException if it is none
   */
  public void endWith(long why) {
    if (!Translation.isFault(why)) {
      throw new IllegalArgumentException("0x%x: expected a refusal".formatted(why));
    }
    refusal = why;
  }

  private int checked(int index) {
    return java.util.Objects.checkIndex(index, count);
  }

  /**
   * Fills this with the runs behind a range of an endpoint's addresses.
   *
   * @return how many bytes the runs cover
   */
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

  /**
   * Adds a piece; one that continues the last run extends it.
   *
   * @return false if there is no room
   */
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
