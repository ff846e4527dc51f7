package dev.nestwalk.device;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The registers of a page as words of 32 bits: what they hold, which bits software changes, and
 * how.
 *
 * <p>Threads: guarded by the unit's lock.
 */
final class RegisterBlock {
  /**
   * A register.
   *
   * @param name its architectural name
   * @param offset bytes from the beginning of the block, a multiple of its size
   * @param bytes 4 or 8
   * @param writable bits that hold what software writes
   * @param clearedByOne bits that a written 1 clears
   * @param hidden bits that read as zero whatever they hold
   * @param reset value after reset
   */
  record Register(
      String name,
      int offset,
      int bytes,
      long writable,
      long clearedByOne,
      long hidden,
      long reset) {
    /** Whether software can change nothing in it. */
    boolean isReadOnly() {
      return (writable | clearedByOne) == 0;
    }
  }

  private final @Nullable Register[] byWord;
  private final int[] words;
  private final List<Register> all;

  /**
   * Registers of a block.
   *
   * @param bytes size of the block
   * @throws IllegalArgumentException if two overlap or one lies outside
   */
  RegisterBlock(int bytes, List<Register> registers) {
    words = new int[bytes / 4];
    byWord = new Register[words.length];
    all = List.copyOf(registers);
    for (Register one : all) {
      for (int at = one.offset; at < one.offset + one.bytes; at += 4) {
        Register other = at < bytes ? byWord[at >>> 2] : one;
        if (other != null) {
          throw new IllegalArgumentException(
              "%s at 0x%x: expected a place of its own within 0x%x bytes, not over %s"
                  .formatted(one.name, one.offset, bytes, other.name));
        }
        byWord[at >>> 2] = one;
      }
    }
    reset();
  }

  /** Size in bytes. */
  int bytes() {
    return words.length * 4;
  }

  /** Every register, in the order declared. */
  List<Register> registers() {
    return all;
  }

  /** The register that has the word at {@code offset}, or null. */
  @Nullable Register at(int offset) {
    return byWord[offset >>> 2];
  }

  /** Gives every register its value after reset. */
  void reset() {
    for (Register one : all) {
      set(one, one.reset);
    }
  }

  /** What software reads: 4 or 8 bytes. */
  long read(int offset, int size) {
    long low = visible(offset);
    return size == 4 ? low : low | visible(offset + 4) << 32;
  }

  private long visible(int offset) {
    Register one = byWord[offset >>> 2];
    if (one == null) {
      return 0;
    }
    int hidden = (int) (one.hidden >>> shift(one, offset));
    return Integer.toUnsignedLong(words[offset >>> 2] & ~hidden);
  }

  /** What a write of 4 bytes by software leaves in the register there; nothing where none is. */
  void store(int offset, int value) {
    Register one = byWord[offset >>> 2];
    if (one != null) {
      int writable = (int) (one.writable >>> shift(one, offset));
      int clears = (int) (one.clearedByOne >>> shift(one, offset));
      int old = words[offset >>> 2];
      words[offset >>> 2] = (old & ~writable | value & writable) & ~(value & clears);
    }
  }

  private static int shift(Register one, int offset) {
    return (offset - one.offset) * 8;
  }

  /** The whole value of a register, hidden bits too. */
  long get(Register one) {
    return one.bytes == 4 ? get32(one.offset) : get64(one.offset);
  }

  /** Sets the whole value of a register. */
  void set(Register one, long value) {
    words[one.offset >>> 2] = (int) value;
    if (one.bytes == 8) {
      words[(one.offset >>> 2) + 1] = (int) (value >>> 32);
    }
  }

  /** A word as it is, zero-extended. */
  long get32(int offset) {
    return Integer.toUnsignedLong(words[offset >>> 2]);
  }

  /** Two words as they are. */
  long get64(int offset) {
    return get32(offset) | get32(offset + 4) << 32;
  }

  void set32(int offset, long value) {
    words[offset >>> 2] = (int) value;
  }

  void set64(int offset, long value) {
    words[offset >>> 2] = (int) value;
    words[(offset >>> 2) + 1] = (int) (value >>> 32);
  }

  /** Whether any of the bits is set in the word. */
  boolean has(int offset, long bits) {
    return (words[offset >>> 2] & bits) != 0;
  }

  /** Sets bits of a word. */
  void raise(int offset, long bits) {
    words[offset >>> 2] |= (int) bits;
  }

  /** Clears bits of a word. */
  void clear(int offset, long bits) {
    words[offset >>> 2] &= (int) ~bits;
  }
}
