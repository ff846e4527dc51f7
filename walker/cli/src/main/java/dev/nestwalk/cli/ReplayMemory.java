package dev.nestwalk.cli;

import dev.nestwalk.fixtures.EmptyRam;
import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.memory.ElfCore;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.ImageException;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.teach.InputException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;

/** A machine's memory, initially zero. */
final class ReplayMemory {
  /** A limit above the memory of any machine and below the address space of a process. */
  private static final long MAX_BYTES = 1L << 42;

  private static final int CHUNK = 1 << 16;

  private final GuestMemory memory;
  private final Arena arena;

  private ReplayMemory(GuestMemory memory, Arena arena) {
    this.memory = memory;
    this.arena = arena;
  }

  /** The memory that a machine's description declares. */
  static ReplayMemory of(Machine machine, Arena arena) throws IOException {
    List<Machine.Range> ram = machine.ram();
    long total = 0;
    for (Machine.Range range : ram) {
      long size = range.last() - range.first() + 1;
      total += size <= 0 || size > MAX_BYTES ? MAX_BYTES : size;
      if (total > MAX_BYTES) {
        throw new InputException(machine.file() + ": ram: expected at most 4 TiB");
      }
    }
    if (ram.isEmpty()) {
      throw new InputException(machine.file() + ": ram: expected a list of [base, size]");
    }
    List<MemorySegment> segments = EmptyRam.map(ram, arena);
    GuestMemory.Builder builder = GuestMemory.builder();
    try {
      for (int i = 0; i < ram.size(); i++) {
        builder.ram(ram.get(i).first(), segments.get(i));
      }
      return new ReplayMemory(builder.build(), arena);
    } catch (IllegalArgumentException e) {
      throw new InputException(machine.file() + ": ram: " + e.getMessage());
    }
  }

  GuestMemory guest() {
    return memory;
  }

  /** Copies the segments of an ELF file into memory. */
  void load(Path file) throws ImageException {
    GuestMemory image = ElfCore.open(file, List.of(), Opening.READ_ONLY, arena);
    MemorySegment chunk = arena.allocate(CHUNK);
    for (int run = 0; run < image.runCount(); run++) {
      long size = image.last(run) - image.first(run) + 1;
      if (size <= 0 || !holds(image.first(run), image.last(run))) {
        throw new InputException(
            "%s: segment at 0x%x: expected it within the ram of the machine"
                .formatted(file, image.first(run)));
      }
      for (long done = 0; done < size; ) {
        long at = image.first(run) + done;
        long read = image.read(at, chunk, 0, Math.min(CHUNK, size - done));
        long written = memory.write(at, chunk, 0, read);
        done += Math.max(1, written);
      }
    }
  }

  /** Whether all addresses from {@code first} to {@code last} are in memory. */
  private boolean holds(long first, long last) {
    for (long at = first; ; ) {
      int run = memory.find(at & -8L);
      if (run < 0) {
        return false;
      }
      if (Long.compareUnsigned(memory.last(run), last) >= 0) {
        return true;
      }
      at = memory.last(run) + 1;
    }
  }

  /**
   * Writes bytes given as hexadecimal digits.
   *
   * @return false if they are not all in memory
   */
  boolean write(long address, String bytes) {
    MemorySegment from = MemorySegment.ofArray(HexFormat.of().parseHex(bytes));
    long last = address + from.byteSize() - 1;
    if (Long.compareUnsigned(last, address) < 0 || !holds(address, last)) {
      return false;
    }
    for (long done = 0; done < from.byteSize(); ) {
      done += Math.max(1, memory.write(address + done, from, done, from.byteSize() - done));
    }
    return true;
  }

  /** The bytes at an address as hexadecimal digits, or a word if there is no memory. */
  String read(long address, int count) {
    byte[] bytes = new byte[count];
    MemorySegment into = MemorySegment.ofArray(bytes);
    for (long done = 0; done < count; ) {
      long read = memory.read(address + done, into, done, count - done);
      if (read == 0) {
        return "no memory";
      }
      done += read;
    }
    return HexFormat.of().formatHex(bytes);
  }
}
