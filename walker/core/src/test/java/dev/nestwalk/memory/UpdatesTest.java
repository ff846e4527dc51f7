package dev.nestwalk.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A compare-and-set of an entry, for every kind of bytes behind a run, in the largest run and in
 * another: it writes if and only if the entry is what was expected, and only then is it told.
 */
class UpdatesTest {
  private static final ValueLayout.OfLong WORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final long LARGEST = 0x10_0000;
  private static final long OTHER = 0x20_0000;
  private static final long BEFORE = 0x1122_3344_5566_7788L;
  private static final long AFTER = 0x1122_3344_5566_77ffL;

  /** What a run's bytes are. */
  enum Bytes {
    ALIGNED(0),
    /** Files may place memory at odd offsets. */
    AT_AN_ODD_OFFSET(3),
    IN_THE_HEAP(-1);

    private final long offset;

    Bytes(long offset) {
      this.offset = offset;
    }

    MemorySegment allocate(Arena arena, long bytes) {
      return offset < 0
          ? MemorySegment.ofArray(new byte[(int) bytes])
          : arena.allocate(bytes + 8, 8).asSlice(offset, bytes);
    }
  }

  private final Arena arena = Arena.ofAuto();
  private final List<String> told = new ArrayList<>();

  private GuestMemory memory(GuestMemory.Builder builder) {
    GuestMemory memory = builder.build();
    memory.setWriteListener((address, length) -> told.add("%x %d".formatted(address, length)));
    return memory;
  }

  @ParameterizedTest
  @EnumSource
  void itWritesOnlyWhatIsAsExpected(Bytes kind) {
    for (long base : new long[] {LARGEST, OTHER}) {
      MemorySegment bytes = kind.allocate(arena, base == LARGEST ? 8192 : 4096);
      MemorySegment beside = arena.allocate(base == LARGEST ? 4096 : 8192, 8);
      long other = base == LARGEST ? OTHER : LARGEST;
      GuestMemory memory = memory(GuestMemory.builder().ram(base, bytes).ram(other, beside));
      bytes.set(WORD, 0x128, BEFORE);
      int run = memory.find(base + 0x128);
      told.clear();

      assertEquals(GuestMemory.LOST, memory.update(run, base + 0x128, BEFORE ^ 1, AFTER));
      assertEquals(BEFORE, bytes.get(WORD, 0x128), "a lost update writes nothing");
      assertEquals(List.of(), told, "nor is it told");

      assertEquals(GuestMemory.UPDATED, memory.update(run, base + 0x128, BEFORE, AFTER));
      assertEquals(AFTER, bytes.get(WORD, 0x128));
      assertEquals(AFTER, memory.load(run, base + 0x128));
      assertEquals(List.of("%x 8".formatted(base + 0x128)), told);
      assertEquals(0, bytes.get(WORD, 0x120), "the words beside are as they were");
      assertEquals(0, bytes.get(WORD, 0x130));
    }
  }

  @ParameterizedTest
  @EnumSource
  void romRefusesAndReadOnlyMemorySkips(Bytes kind) {
    MemorySegment bytes = kind.allocate(arena, 4096);
    bytes.set(WORD, 8, BEFORE);
    GuestMemory rom = memory(GuestMemory.builder().rom(LARGEST, bytes));
    assertEquals(GuestMemory.REFUSED, rom.update(0, LARGEST + 8, BEFORE, AFTER));
    GuestMemory closed = memory(GuestMemory.builder().ram(LARGEST, bytes).readOnly());
    assertEquals(GuestMemory.SKIPPED, closed.update(0, LARGEST + 8, BEFORE, AFTER));
    GuestMemory zeros = memory(GuestMemory.builder().zeros(LARGEST, LARGEST + 4095));
    assertEquals(GuestMemory.REFUSED, zeros.update(0, LARGEST + 8, 0, AFTER));
    assertEquals(BEFORE, bytes.get(WORD, 8));
    assertEquals(List.of(), told);
  }

  /** Devices' writes, as opposed to flags: nothing that is read-only takes any. */
  @ParameterizedTest
  @EnumSource
  void whatIsReadOnlyTakesNoWrites(Bytes kind) {
    MemorySegment bytes = kind.allocate(arena, 4096);
    bytes.set(WORD, 8, BEFORE);
    MemorySegment from = MemorySegment.ofArray(new byte[8]);
    GuestMemory open = memory(GuestMemory.builder().ram(LARGEST, bytes));
    for (GuestMemory closed :
        List.of(
            memory(GuestMemory.builder().rom(LARGEST, bytes)),
            memory(GuestMemory.builder().ram(LARGEST, bytes).readOnly()),
            memory(GuestMemory.builder().zeros(LARGEST, LARGEST + 4095)),
            open.asReadOnly())) {
      assertFalse(closed.isWritable(LARGEST + 8));
      assertEquals(0, closed.write(LARGEST + 8, from, 0, 8));
    }
    assertEquals(BEFORE, bytes.get(WORD, 8));
    assertEquals(List.of(), told);
    assertEquals(8, open.write(LARGEST + 8, from, 0, 8));
    assertEquals(List.of("%x 8".formatted(LARGEST + 8)), told);
  }

  /** Who listens hears of the bytes that were written: no more than the run has, nor fewer. */
  @Test
  void whatIsWrittenIsTold() {
    MemorySegment bytes = arena.allocate(4096, 8);
    GuestMemory memory = memory(GuestMemory.builder().ram(LARGEST, bytes));
    MemorySegment from = MemorySegment.ofArray(new byte[64]);
    assertEquals(16, memory.write(LARGEST + 4080, from, 0, 64));
    memory.write(LARGEST + 3, from, 1, 5);
    memory.fetchAdd(LARGEST + 8, 8, 1);
    memory.swap(LARGEST + 20, 4, 1);
    memory.compareAndSwap(LARGEST + 24, 8, 0, 1);
    assertEquals(GuestMemory.UPDATED, memory.update(0, LARGEST + 24, 1, 3));
    assertEquals(
        List.of("100ff0 16", "100003 5", "100008 8", "100014 4", "100018 8", "100018 8"), told);
  }

  @ParameterizedTest
  @CsvSource({"0, 3", "0, 6", "0, 8", "4, 15", "1, 15", "8, 7"})
  void zerosAreWholeWords(long first, long last) {
    GuestMemory.Builder builder = GuestMemory.builder();
    assertThrows(IllegalArgumentException.class, () -> builder.zeros(first, last));
    builder.zeros(first & -8, first & -8 | 7);
  }

  @Test
  void aSliceMayReachTheLastByte() {
    MemorySegment bytes = arena.allocate(4096, 8);
    GuestMemory memory = GuestMemory.of(bytes, LARGEST);
    assertEquals(4096, memory.slice(LARGEST, 4096).byteSize());
    assertEquals(1, memory.slice(LARGEST + 4095, 1).byteSize());
    assertNull(memory.sliceOrNull(LARGEST, 4097));
    assertNull(memory.sliceOrNull(LARGEST + 4095, 2));
    assertNull(memory.sliceOrNull(LARGEST - 1, 2));
  }
}
