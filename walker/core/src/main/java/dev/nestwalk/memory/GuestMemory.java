package dev.nestwalk.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Guest-physical memory: runs of RAM with holes between them, read as 64-bit little-endian entries.
 *
 * <p>A reader first asks {@link #find} which run holds an address, then {@link #load}s from it, so
 * that an address outside memory is a value (-1) and never an exception. Every load is one opaque
 * read. Addresses are unsigned; a run is given by its first and last address.
 *
 * <p>The class is open to {@link OverlayMemory}, {@link FailingMemory} and to one subclass in this
 * package's tests, which counts the reads; with only this class loaded the JIT sees through every
 * call.
 *
 * <p>Threads: any, as far as the segments allow; loads are opaque, updates are compare-and-set.
 */
public class GuestMemory {
  private static final ValueLayout.OfLong ENTRY =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong UNALIGNED_ENTRY =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle OPAQUE = ENTRY.varHandle();

  /** Result of {@link #update}: the entry now holds the new value. */
  public static final int UPDATED = 0;

  /** Result of {@link #update}: somebody else changed the entry; read it again. */
  public static final int LOST = 1;

  /** Result of {@link #update}: the run refuses writes (ROM); the architecture has a fault. */
  public static final int REFUSED = 2;

  /** Result of {@link #update}: the whole memory was opened read-only; nothing was written. */
  public static final int SKIPPED = 3;

  private final MemorySegment bytes0;
  private final long first0;
  private final long lastEntry0;
  private final boolean aligned0;

  /** Offsets below this hold a whole entry of run 0; 0 if it takes the longer way. */
  private final long smooth0;

  private final Run[] runs;
  private final long[] firsts;
  private final long[] lastEntries;

  /** Numbers of the runs that have bytes, the largest first. */
  private final int[] bySize;

  private final boolean readOnly;
  private volatile @Nullable WriteListener writeListener;

  /** One run: {@code bytes} empty (size 0) means memory that reads as zero. */
  private record Run(long first, long last, MemorySegment bytes, boolean rom) {
    boolean isZero() {
      return bytes.byteSize() == 0;
    }
  }

  GuestMemory(Builder builder) {
    List<Run> sorted = new ArrayList<>(builder.runs);
    sorted.sort((a, b) -> Long.compareUnsigned(a.first, b.first));
    Run largest =
        sorted.stream()
            .max(Comparator.comparingLong(run -> run.bytes.byteSize()))
            .orElseThrow(() -> new IllegalArgumentException("guest memory needs at least one run"));
    for (int i = 1; i < sorted.size(); i++) {
      if (Long.compareUnsigned(sorted.get(i).first, sorted.get(i - 1).last) <= 0) {
        throw new IllegalArgumentException(
            "runs overlap: 0x%x..0x%x and 0x%x.."
                .formatted(sorted.get(i - 1).first, sorted.get(i - 1).last, sorted.get(i).first));
      }
    }
    // Index 0 is the largest run, which find() tries first; the others follow by address.
    sorted.remove(largest);
    sorted.addFirst(largest);
    runs = sorted.toArray(Run[]::new);
    firsts = sorted.stream().mapToLong(Run::first).toArray();
    lastEntries = sorted.stream().mapToLong(run -> run.last - 7).toArray();
    bySize =
        IntStream.range(0, runs.length)
            .filter(run -> !runs[run].isZero())
            .boxed()
            .sorted(Comparator.comparingLong(run -> -runs[run].bytes.byteSize()))
            .mapToInt(run -> run)
            .toArray();
    readOnly = builder.readOnly;
    bytes0 = largest.bytes;
    first0 = largest.first;
    lastEntry0 = largest.isZero() ? -1 : largest.last - 7 - largest.first;
    aligned0 = !largest.isZero() && isAligned(largest.bytes);
    smooth0 = aligned0 ? largest.bytes.byteSize() - 7 : 0;
  }

  /** Memory with the runs of another, which take updates where a subclass keeps them. */
  GuestMemory(GuestMemory other) {
    this(other, false);
  }

  private GuestMemory(GuestMemory other, boolean readOnly) {
    this.readOnly = readOnly;
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

  private static boolean isAligned(MemorySegment segment) {
    return segment.isNative() && (segment.address() & 7) == 0;
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
   * @return a number for {@link #load}, or -1 outside memory
   */
  public int find(long address) {
    long offset = address - first0;
    // lastEntry0 is -1, which as an unsigned bound holds everything, only for all-zero memory.
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
   * One opaque read of a 64-bit little-endian entry.
   *
   * @param run what {@link #find} gave for this address
   * @param address guest-physical, a multiple of 8
   */
  public long load(int run, long address) {
    if (run == 0 && aligned0) {
      return (long) OPAQUE.getOpaque(bytes0, address - first0);
    }
    return loadFrom(runs[run], address);
  }

  /**
   * An entry of a table, or 0 outside memory. No format takes 0 for a present entry, so a reader
   * that meets one asks {@link #find} what it was.
   *
   * <p>A walk is a chain of such reads, each at the address that the last one gave: the sum is made
   * so that the fewest steps lie between one and the next.
   *
   * @param table guest-physical, a multiple of 8
   * @param index offset in the table, in bytes, a multiple of 8
   */
  public long entryOrZero(long table, long index) {
    long offset = table + (index - first0);
    if (Long.compareUnsigned(offset, smooth0) >= 0) {
      int run = find(table + index);
      return run < 0 ? 0 : load(run, table + index);
    }
    return bytes0.get(UNALIGNED_ENTRY, offset);
  }

  /**
   * How many runs may be read from their bytes directly. A subclass that wants to see each read
   * says 0.
   */
  public int directRuns() {
    return bySize.length;
  }

  /** Number of the {@code nth} largest run that has bytes, from 0 to {@link #directRuns} - 1. */
  public final int directRun(int nth) {
    return bySize[nth];
  }

  /** The bytes of run {@code run}; empty if it {@link #readsAsZero}. */
  public final MemorySegment bytes(int run) {
    return runs[run].bytes;
  }

  private static long loadFrom(Run run, long address) {
    if (run.isZero()) {
      return 0;
    }
    long offset = address - run.first;
    // Files may place memory at odd offsets; nobody else writes those, so a plain read will do.
    return isAligned(run.bytes)
        ? (long) OPAQUE.getOpaque(run.bytes, offset)
        : run.bytes.get(UNALIGNED_ENTRY, offset);
  }

  /** Whether the 8 bytes at {@code address} are memory. */
  public final boolean holds(long address) {
    return find(address) >= 0;
  }

  /**
   * Replaces the entry at {@code address}, atomically, if it still holds {@code expected}.
   *
   * @return {@link #UPDATED}, {@link #LOST}, {@link #REFUSED} or {@link #SKIPPED}
   */
  public int update(int run, long address, long expected, long replacement) {
    if (readOnly) {
      return SKIPPED;
    }
    Run target = runs[run];
    if (target.rom || target.isZero()) {
      return REFUSED;
    }
    long offset = address - target.first;
    if (isAligned(target.bytes)) {
      if (!OPAQUE.compareAndSet(target.bytes, offset, expected, replacement)) {
        return LOST;
      }
    } else if (target.bytes.get(UNALIGNED_ENTRY, offset) == expected) {
      target.bytes.set(UNALIGNED_ENTRY, offset, replacement);
    } else {
      return LOST;
    }
    tell(address, Long.BYTES);
    return UPDATED;
  }

  /** From now on a listener hears what is written; null for none. One at a time. */
  public final void setWriteListener(@Nullable WriteListener listener) {
    writeListener = listener;
  }

  private void tell(long address, long length) {
    WriteListener listener = writeListener;
    if (listener != null) {
      listener.written(address, length);
    }
  }

  /** This memory for whoever only looks: walks of it set no flag. */
  public GuestMemory asReadOnly() {
    return new GuestMemory(this, true);
  }

  /** Whether updates of accessed and dirty flags are left out for the whole memory. */
  public final boolean isReadOnly() {
    return readOnly;
  }

  /** Number of runs. */
  public final int runCount() {
    return runs.length;
  }

  /** First address of run {@code run}; run 0 is the largest, the others follow by address. */
  public final long first(int run) {
    return runs[run].first;
  }

  /** Last address of run {@code run}, inclusive. */
  public final long last(int run) {
    return runs[run].last;
  }

  /** Whether run {@code run} has no bytes behind it and reads as zero. */
  public final boolean readsAsZero(int run) {
    return runs[run].isZero();
  }

  /**
   * Copies bytes out of memory, up to the end of the run that holds the first.
   *
   * @param into receives them from {@code at} on
   * @return how many, 0 outside memory
   * @throws IndexOutOfBoundsException if {@code into} has no room for {@code length} bytes
   */
  public final long read(long address, MemorySegment into, long at, long length) {
    Objects.checkFromIndexSize(at, length, into.byteSize());
    int index = runOf(address);
    if (index < 0 || length == 0) {
      return 0;
    }
    Run run = runs[index];
    long count = within(run, address, length);
    if (run.isZero()) {
      for (long i = at; i < at + count; i++) {
        into.set(ValueLayout.JAVA_BYTE, i, (byte) 0);
      }
    } else {
      MemorySegment.copy(run.bytes, address - run.first, into, at, count);
    }
    return count;
  }

  /**
   * Copies bytes into memory, up to the end of the run that takes the first.
   *
   * @param from has them from {@code at} on
   * @return how many, 0 outside memory and where it refuses writes
   * @throws IndexOutOfBoundsException if {@code from} has fewer than {@code length} bytes
   */
  public final long write(long address, MemorySegment from, long at, long length) {
    Objects.checkFromIndexSize(at, length, from.byteSize());
    int index = runOf(address);
    if (index < 0 || readOnly || runs[index].rom || length == 0) {
      return 0;
    }
    Run run = runs[index];
    long count = within(run, address, length);
    MemorySegment.copy(from, at, run.bytes, address - run.first, count);
    tell(address, count);
    return count;
  }

  /** Whether the byte at {@code address} is memory that takes writes. */
  public final boolean isWritable(long address) {
    int index = runOf(address);
    return index >= 0 && !readOnly && !runs[index].rom;
  }

  /**
   * Adds to a little-endian word, atomically.
   *
   * @param address of memory that {@link #isWritable}, a multiple of {@code size}
   * @param size 4 or 8 bytes
   * @return what it held before, zero-extended
   * @throws IndexOutOfBoundsException if there is no such memory
   */
  public final long fetchAdd(long address, int size, long addend) {
    return atomic(AtomicWords.ADD, address, size, addend, 0);
  }

  /** Exchanges a little-endian word atomically; arguments and result as of {@link #fetchAdd}. */
  public final long swap(long address, int size, long replacement) {
    return atomic(AtomicWords.SWAP, address, size, replacement, 0);
  }

  /**
   * Exchanges a little-endian word atomically if it holds what is expected; arguments and result as
   * of {@link #fetchAdd}.
   */
  public final long compareAndSwap(long address, int size, long expected, long replacement) {
    return atomic(AtomicWords.COMPARE_AND_SWAP, address, size, replacement, expected);
  }

  private long atomic(int operation, long address, int size, long operand, long expected) {
    Run run = runs[Objects.checkIndex(runOf(address), runs.length)];
    long before =
        AtomicWords.apply(run.bytes, address - run.first, operation, size, operand, expected);
    tell(address, size);
    return before;
  }

  /** The run that holds a byte, or -1: runs are whole words, so its word tells. */
  private int runOf(long address) {
    return find(address & -8);
  }

  private static long within(Run run, long address, long length) {
    long rest = run.last - address;
    return Long.compareUnsigned(length - 1, rest) <= 0 ? length : rest + 1;
  }

  /**
   * The bytes of {@code [address, address + length)} without a copy.
   *
   * @throws IndexOutOfBoundsException if they do not all lie in one run that has bytes
   */
  public final MemorySegment slice(long address, long length) {
    MemorySegment slice = sliceOrNull(address, length);
    if (slice == null) {
      throw new IndexOutOfBoundsException(
          "0x%x, %d bytes: not within one run of guest memory".formatted(address, length));
    }
    return slice;
  }

  /** The bytes of a range in place; null if they do not all lie in one run that has bytes. */
  public final @Nullable MemorySegment sliceOrNull(long address, long length) {
    for (Run run : runs) {
      long offset = address - run.first;
      if (Long.compareUnsigned(offset, run.bytes.byteSize()) < 0
          && length >= 0
          && length <= run.bytes.byteSize() - offset) {
        return run.bytes.asSlice(offset, length);
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
     * @throws IllegalArgumentException if size or address do not fit
     */
    public Builder ram(long first, MemorySegment bytes) {
      return add(first, bytes, Objects.requireNonNull(bytes, "bytes").isReadOnly());
    }

    /** Adds memory that refuses writes although the rest may accept them. */
    public Builder rom(long first, MemorySegment bytes) {
      return add(first, bytes, true);
    }

    /** Adds memory without bytes behind it, which reads as zero: {@code [first, last]}. */
    public Builder zeros(long first, long last) {
      if ((first & 7) != 0 || (last & 7) != 7 || Long.compareUnsigned(first, last) > 0) {
        throw new IllegalArgumentException(
            "zeros 0x%x..0x%x: expected whole 8-byte words".formatted(first, last));
      }
      runs.add(new Run(first, last, MemorySegment.NULL, true));
      return this;
    }

    /** Opens everything read-only: translations work, accessed and dirty flags are not written. */
    public Builder readOnly() {
      readOnly = true;
      return this;
    }

    private Builder add(long first, MemorySegment bytes, boolean rom) {
      long size = Objects.requireNonNull(bytes, "bytes").byteSize();
      long last = first + size - 1;
      boolean fits = size >= 8 && (size & 7) == 0 && (first & 7) == 0;
      if (!fits || Long.compareUnsigned(last, first) < 0) {
        throw new IllegalArgumentException(
            "RAM of %d bytes at 0x%x: expected whole 8-byte words below 2^64"
                .formatted(size, first));
      }
      runs.add(new Run(first, last, bytes, rom));
      return this;
    }

    /**
     * Builds the memory.
     *
     * @throws IllegalArgumentException if there is no run or two overlap
     */
    public GuestMemory build() {
      return new GuestMemory(this);
    }
  }
}
