package dev.nestwalk.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Guest-physical memory: runs of RAM with holes between them, read as 64-bit little-endian entries.
 *
 * <p>A reader first asks {@link #find} which run holds an address, then {@link #load}s from that
 * run. An address outside memory thus is a value (-1) and never an exception. Every load is one
 * opaque read. Addresses are unsigned; a run is described by its first and last address.
 *
 * <p>The only subclasses are {@link OverlayMemory}, {@link FailingMemory} and one in this package's
 * tests, which counts the reads. If only this class is loaded, the JIT inlines every call.
 *
 * <p>Threads: any, as far as the segments allow; loads are opaque, updates are compare-and-set. In
 * segments of the heap, and at addresses that are not aligned, the JVM has no such operations: one
 * thread at a time may update those.
 */
public class GuestMemory {
  /** Result of {@link #update}: the entry now has the new value. */
  public static final int UPDATED = 0;

  /** Result of {@link #update}: another thread has changed the entry; read it again. */
  public static final int LOST = 1;

  /**
   * Result of {@link #update}: the run refuses writes (ROM), for which the architecture has a
   * fault.
   */
  public static final int REFUSED = 2;

  /** Result of {@link #update}: the whole memory was opened read-only; nothing was written. */
  public static final int SKIPPED = 3;

  private final MemorySegment bytes0;
  private final long first0;
  private final long lastEntry0;
  private final boolean aligned0;

  /** Offsets below this one hold a whole entry of run 0; it is 0 if reads take the slow path. */
  private final long smooth0;

  private final Run[] runs;
  private final long[] firsts;
  private final long[] lastEntries;

  /** Indices of the runs that have bytes, the largest first. */
  private final int[] bySize;

  /** Whether updates of entries are skipped. */
  private final boolean readOnly;

  /** Whether no run accepts bytes. */
  private final boolean frozen;

  private volatile @Nullable WriteListener writeListener;

  GuestMemory(Builder builder) {
    List<Run> sorted = new ArrayList<>(builder.runs);
    sorted.sort((a, b) -> Long.compareUnsigned(a.first(), b.first()));
    Run largest =
        sorted.stream()
            .max(Comparator.comparingLong(run -> run.bytes().byteSize()))
            .orElseThrow(() -> new IllegalArgumentException("guest memory needs at least one run"));
    for (int i = 1; i < sorted.size(); i++) {
      if (Long.compareUnsigned(sorted.get(i).first(), sorted.get(i - 1).last()) <= 0) {
        throw new IllegalArgumentException(
            "runs overlap: 0x%x..0x%x and 0x%x.."
                .formatted(
                    sorted.get(i - 1).first(), sorted.get(i - 1).last(), sorted.get(i).first()));
      }
    }
    // Index 0 is the largest run, which find() tries first; the others are ordered by address.
    sorted.remove(largest);
    sorted.addFirst(largest);
    runs = sorted.toArray(Run[]::new);
    firsts = sorted.stream().mapToLong(Run::first).toArray();
    lastEntries = sorted.stream().mapToLong(run -> run.last() - 7).toArray();
    bySize =
        IntStream.range(0, runs.length)
            .filter(run -> !runs[run].isZero())
            .boxed()
            .sorted(Comparator.comparingLong(run -> -runs[run].bytes().byteSize()))
            .mapToInt(run -> run)
            .toArray();
    readOnly = builder.readOnly;
    frozen = readOnly;
    bytes0 = largest.bytes();
    first0 = largest.first();
    lastEntry0 = largest.isZero() ? -1 : largest.last() - 7 - largest.first();
    aligned0 = largest.isAligned();
    smooth0 = aligned0 ? largest.bytes().byteSize() - 7 : 0;
  }

  /** Memory with the runs of another one, which accepts bytes where that one does. */
  GuestMemory(GuestMemory other) {
    this(other, other.readOnly, other.frozen);
  }

  /**
   * Memory with the runs of another one.
   *
   * @param readOnly whether updates of entries are skipped, unless a subclass keeps them
   * @param frozen whether no run accepts bytes
   */
  GuestMemory(GuestMemory other, boolean readOnly, boolean frozen) {
    this.readOnly = readOnly;
    this.frozen = frozen;
    runs = other.runs;
    firsts = other.firsts;
    lastEntries = other.lastEntries;
    bySize = other.bySize;
    bytes0 = other.bytes0;
    first0 = other.first0;
    lastEntry0 = other.lastEntry0;
    aligned0 = other.aligned0;
    smooth0 = other.smooth0;
  }

  /** One run of RAM at {@code first}, writable if the segment is. */
  public static GuestMemory of(MemorySegment bytes, long first) {
    return builder().ram(first, bytes).build();
  }

  /** Starts a memory of several runs. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * The run that holds the whole 8-byte entry at {@code address}.
   *
   * @param address guest-physical, a multiple of 8
   * @return an index for {@link #load}, or -1 outside memory
   */
  public int find(long address) {
    long offset = address - first0;
    // For all-zero memory lastEntry0 is -1, which as an unsigned bound admits every offset.
    if (lastEntry0 >= 0 && Long.compareUnsigned(offset, lastEntry0) <= 0) {
      return 0;
    }
    return findAmongAll(address);
  }

  private int findAmongAll(long address) {
    int low = 1;
    int high = firsts.length - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (Long.compareUnsigned(address, firsts[middle]) < 0) {
        high = middle - 1;
      } else if (Long.compareUnsigned(address, lastEntries[middle]) > 0) {
        low = middle + 1;
      } else {
        return middle;
      }
    }
    boolean inFirst =
        Long.compareUnsigned(address, firsts[0]) >= 0
            && Long.compareUnsigned(address, lastEntries[0]) <= 0;
    return inFirst ? 0 : -1;
  }

  /**
   * Reads a 64-bit little-endian entry with one opaque read.
   *
   * @param run the result of {@link #find} for this address
   * @param address guest-physical, a multiple of 8
   */
  public long load(int run, long address) {
    if (run == 0 && aligned0) {
      return (long) Run.ENTRY.getOpaque(bytes0, address - first0);
    }
    return runs[run].load(address);
  }

  /**
   * An entry of a table, or 0 outside memory. In no format is 0 a present entry, so a reader that
   * gets 0 asks {@link #find} whether the address is memory.
   *
   * <p>A walk is a chain of such reads, each at an address from the previous one. The address is
   * therefore computed with as few steps as possible between two reads.
   *
   * @param table guest-physical, a multiple of 8
   * @param index offset in the table in bytes, a multiple of 8
   */
  public long entryOrZero(long table, long index) {
    long offset = table + (index - first0);
    if (Long.compareUnsigned(offset, smooth0) >= 0) {
      int run = find(table + index);
      return run < 0 ? 0 : load(run, table + index);
    }
    return bytes0.get(Run.UNALIGNED_ENTRY, offset);
  }

  /**
   * The number of runs whose bytes may be read directly. A subclass that has to see each read
   * returns 0.
   */
  public int directRuns() {
    return bySize.length;
  }

  /**
   * Index of the {@code nth} largest run that has bytes; {@code nth} is 0 to {@link #directRuns} -
   * 1.
   */
  public final int directRun(int nth) {
    return bySize[nth];
  }

  /** The bytes of run {@code run}; empty if the run {@link #readsAsZero}. */
  public final MemorySegment bytes(int run) {
    return runs[run].bytes();
  }

  /**
   * The segment that run {@code run} is a window of, from {@link #start} on; its {@link #bytes} if
   * it was not made as one.
   */
  public final MemorySegment whole(int run) {
    return runs[run].whole();
  }

  /** Where in {@link #whole} run {@code run} begins, in bytes. */
  public final long start(int run) {
    return runs[run].start();
  }

  /** Whether the 8 bytes at {@code address} are in memory. */
  public final boolean holds(long address) {
    return find(address) >= 0;
  }

  /**
   * Atomically replaces the entry at {@code address} if it still equals {@code expected}.
   *
   * @return {@link #UPDATED}, {@link #LOST}, {@link #REFUSED} or {@link #SKIPPED}
   */
  public int update(int run, long address, long expected, long replacement) {
    if (readOnly) {
      return SKIPPED;
    }
    Run target = runs[run];
    if (target.rom()) {
      return REFUSED;
    }
    long offset = address - target.first();
    if (target.isAligned()) {
      if (!Run.ENTRY.compareAndSet(target.bytes(), offset, expected, replacement)) {
        return LOST;
      }
    } else if (target.bytes().get(Run.UNALIGNED_ENTRY, offset) == expected) {
      target.bytes().set(Run.UNALIGNED_ENTRY, offset, replacement);
    } else {
      return LOST;
    }
    tell(address, Long.BYTES);
    return UPDATED;
  }

  /**
   * Sets the listener that is told what is written from now on. There is at most one; null removes
   * it.
   */
  public final void setWriteListener(@Nullable WriteListener listener) {
    writeListener = listener;
  }

  private void tell(long address, long length) {
    WriteListener listener = writeListener;
    if (listener != null) {
      listener.written(address, length);
    }
  }

  /** A read-only view of this memory: walks of it set no flags. */
  public GuestMemory asReadOnly() {
    return new GuestMemory(this, true, true);
  }

  /** Whether updates of accessed and dirty flags are skipped for the whole memory. */
  public final boolean isReadOnly() {
    return readOnly;
  }

  /** Number of runs. */
  public final int runCount() {
    return runs.length;
  }

  /** First address of run {@code run}. Run 0 is the largest; the others are ordered by address. */
  public final long first(int run) {
    return runs[run].first();
  }

  /** Last address of run {@code run}, inclusive. */
  public final long last(int run) {
    return runs[run].last();
  }

  /** Whether run {@code run} has no bytes and reads as zero. */
  public final boolean readsAsZero(int run) {
    return runs[run].isZero();
  }

  /**
   * Copies bytes out of memory, up to the end of the run that holds the first one.
   *
   * @param into receives the bytes from offset {@code at} on
   * @return number of bytes copied; 0 outside memory
   * @throws IndexOutOfBoundsException if {@code into} has no room for {@code length} bytes
   */
  public final long read(long address, MemorySegment into, long at, long length) {
    Objects.checkFromIndexSize(at, length, into.byteSize());
    int index = runOf(address);
    if (index < 0 || length == 0) {
      return 0;
    }
    Run run = runs[index];
    long count = run.within(address, length);
    if (run.isZero()) {
      for (long i = at; i < at + count; i++) {
        into.set(ValueLayout.JAVA_BYTE, i, (byte) 0);
      }
    } else {
      MemorySegment.copy(run.bytes(), address - run.first(), into, at, count);
    }
    return count;
  }

  /**
   * Copies bytes into memory, up to the end of the run that holds the first one.
   *
   * @param from holds the bytes from offset {@code at} on
   * @return number of bytes copied; 0 outside memory and in memory that refuses writes
   * @throws IndexOutOfBoundsException if {@code from} has fewer than {@code length} bytes
   */
  public final long write(long address, MemorySegment from, long at, long length) {
    Objects.checkFromIndexSize(at, length, from.byteSize());
    int index = runOf(address);
    if (index < 0 || frozen || runs[index].rom() || length == 0) {
      return 0;
    }
    Run run = runs[index];
    long count = run.within(address, length);
    MemorySegment.copy(from, at, run.bytes(), address - run.first(), count);
    tell(address, count);
    return count;
  }

  /** Whether the byte at {@code address} is in memory that accepts writes. */
  public final boolean isWritable(long address) {
    int index = runOf(address);
    return index >= 0 && !frozen && !runs[index].rom();
  }

  /**
   * Atomically adds to a little-endian word.
   *
   * @param address in memory that {@link #isWritable}, a multiple of {@code size}
   * @param size 4 or 8 bytes
   * @return the previous value, zero-extended
   * @throws IndexOutOfBoundsException if there is no such memory
   */
  public final long fetchAdd(long address, int size, long addend) {
    return atomic(AtomicWords.ADD, address, size, addend, 0);
  }

  /** Atomically replaces a little-endian word; arguments and result as for {@link #fetchAdd}. */
  public final long swap(long address, int size, long replacement) {
    return atomic(AtomicWords.SWAP, address, size, replacement, 0);
  }

  /** {@link #swap}, but only if the word equals {@code expected}. */
  public final long compareAndSwap(long address, int size, long expected, long replacement) {
    return atomic(AtomicWords.COMPARE_AND_SWAP, address, size, replacement, expected);
  }

  private long atomic(int operation, long address, int size, long operand, long expected) {
    Run run = runs[Objects.checkIndex(isWritable(address) ? runOf(address) : -1, runs.length)];
    long before =
        AtomicWords.apply(run.bytes(), address - run.first(), operation, size, operand, expected);
    tell(address, size);
    return before;
  }

  /** The run that holds a byte, or -1: runs are whole words, so its word tells. */
  private int runOf(long address) {
    return find(address & -8);
  }

  /**
   * The bytes of {@code [address, address + length)} without a copy.
   *
   * @throws IndexOutOfBoundsException if they are not all in one run that has bytes
   */
  public final MemorySegment slice(long address, long length) {
    MemorySegment slice = sliceOrNull(address, length);
    if (slice == null) {
      throw new IndexOutOfBoundsException(
          "0x%x, %d bytes: not within one run of guest memory".formatted(address, length));
    }
    return slice;
  }

  /** The bytes of a range without a copy, or null if they are not all in one run that has bytes. */
  public final @Nullable MemorySegment sliceOrNull(long address, long length) {
    for (Run run : runs) {
      long offset = address - run.first();
      if (Long.compareUnsigned(offset, run.bytes().byteSize()) < 0
          && length >= 0
          && length <= run.bytes().byteSize() - offset) {
        return run.bytes().asSlice(offset, length);
      }
    }
    return null;
  }

  /** Collects runs; {@link #build} checks that they do not overlap. */
  public static final class Builder {
    private final List<Run> runs = new ArrayList<>();
    private boolean readOnly;

    private Builder() {}

    /**
     * Adds RAM.
     *
     * @param first address of the first byte, a multiple of 8
     * @param bytes the memory, a multiple of 8 bytes; a read-only segment makes the run read-only
     * @throws IllegalArgumentException if size or address are out of range or not multiples of 8
     */
    public Builder ram(long first, MemorySegment bytes) {
      return add(first, bytes, 0, bytes, Objects.requireNonNull(bytes, "bytes").isReadOnly());
    }

    /**
     * Adds RAM that is a part of a larger segment, such as one file mapped below and above a PC's
     * hole. Where two runs are windows of one segment, translations whose last tables lie in either
     * at random do not have to foresee in which.
     *
     * @param first address of the first byte, a multiple of 8
     * @param whole the segment; a read-only one makes the run read-only
     * @param start where in it the run begins, in bytes
     * @param size of the run, a multiple of 8 bytes
     * @throws IllegalArgumentException if size or address do not fit
     * @throws IndexOutOfBoundsException if the segment does not hold the window
     */
    public Builder window(long first, MemorySegment whole, long start, long size) {
      Objects.requireNonNull(whole, "whole");
      return add(first, whole, start, whole.asSlice(start, size), whole.isReadOnly());
    }

    /** Adds memory that refuses writes, even if the rest accepts them. */
    public Builder rom(long first, MemorySegment bytes) {
      return add(first, bytes, 0, Objects.requireNonNull(bytes, "bytes"), true);
    }

    /** Adds memory {@code [first, last]} without bytes, which reads as zero. */
    public Builder zeros(long first, long last) {
      if ((first & 7) != 0 || (last & 7) != 7 || Long.compareUnsigned(first, last) > 0) {
        throw new IllegalArgumentException(
            "zeros 0x%x..0x%x: expected whole 8-byte words".formatted(first, last));
      }
      runs.add(Run.zeros(first, last));
      return this;
    }

    /**
     * Makes the whole memory read-only: translations work, but accessed and dirty flags are not
     * written.
     */
    public Builder readOnly() {
      readOnly = true;
      return this;
    }

    private Builder add(
        long first, MemorySegment whole, long start, MemorySegment bytes, boolean rom) {
      long size = bytes.byteSize();
      long last = first + size - 1;
      boolean fits = size >= 8 && (size & 7) == 0 && (first & 7) == 0;
      if (!fits || Long.compareUnsigned(last, first) < 0) {
        throw new IllegalArgumentException(
            "RAM of %d bytes at 0x%x: expected whole 8-byte words below 2^64"
                .formatted(size, first));
      }
      runs.add(new Run(first, last, whole, start, bytes, rom));
      return this;
    }

    /**
     * Builds the memory.
     *
     * @throws IllegalArgumentException if there is no run or if two overlap
     */
    public GuestMemory build() {
      return new GuestMemory(this);
    }
  }
}
