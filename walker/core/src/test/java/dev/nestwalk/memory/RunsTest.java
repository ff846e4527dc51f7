package dev.nestwalk.memory;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Memory that a file holds several times: dropped if it is equal, refused if it is not. */
class RunsTest {
  /** A part of memory: its first address, the bytes that the file has, and its size. */
  private static final class Part {
    private final long first;
    private final byte[] bytes;
    private final int size;

    Part(long first, byte[] bytes, int size) {
      this.first = first;
      this.bytes = bytes;
      this.size = size;
    }

    byte at(long address) {
      int offset = (int) (address - first);
      return offset < bytes.length ? bytes[offset] : 0;
    }

    boolean holds(long address) {
      return address >= first && address < first + size;
    }
  }

  private static Runs runs(List<Part> parts) {
    Runs runs = new Runs(Path.of("x"));
    for (Part part : parts) {
      List<Runs.Piece> pieces = new ArrayList<>();
      if (part.bytes.length > 0) {
        pieces.add(Runs.Piece.all(MemorySegment.ofArray(part.bytes)));
      }
      runs.add(0, new MemoryRange(part.first, part.first + part.size - 1), pieces);
    }
    return runs;
  }

  private static byte[] filled(int size, int with) {
    byte[] bytes = new byte[size];
    Arrays.fill(bytes, (byte) with);
    return bytes;
  }

  /** Of B only the second half is kept; C lies within the first half, which A has. */
  private static List<Part> three(int ofC, boolean withBytes) {
    return List.of(
        new Part(0, filled(0x1000, 7), 0x1000),
        new Part(0x800, filled(0x1800, 7), 0x1800),
        new Part(0x900, withBytes ? filled(0x100, ofC) : new byte[0], 0x100));
  }

  @Test
  void aThirdCopyIsComparedWithThePartThatHasIt() throws ImageException {
    runs(three(7, true)).dropRepeated();
    ImageException other =
        assertThrows(ImageException.class, () -> runs(three(8, true)).dropRepeated());
    assertTrue(String.valueOf(other.getMessage()).contains("with other contents"));
    assertThrows(ImageException.class, () -> runs(three(0, true)).dropRepeated());
    assertThrows(ImageException.class, () -> runs(three(0, false)).dropRepeated());
  }

  @Test
  void partsThatEndAtTheLastAddressAreCompared() {
    List<Part> parts =
        List.of(
            new Part(-0x1000, filled(0x1000, 1), 0x1000),
            new Part(-0x800, filled(0x800, 1), 0x800),
            new Part(-0x400, filled(0x400, 1), 0x400));
    assertDoesNotThrow(() -> runs(parts).dropRepeated());
  }

  /** Any number of parts over each other, with one byte of one of them changed or not. */
  @Test
  void partsAreConsistentIfAndOnlyIfEveryByteThatTwoHaveIsEqual() throws ImageException {
    SplittableRandom random = new SplittableRandom(21);
    int refused = 0;
    for (int round = 0; round < 20_000; round++) {
      byte[] truth = new byte[256];
      for (int i = 0; i < 16; i++) {
        Arrays.fill(truth, 16 * i, 16 * i + 16, (byte) random.nextInt(3));
      }
      List<Part> parts = new ArrayList<>();
      for (int i = 2 + random.nextInt(5); i > 0; i--) {
        int first = 8 * random.nextInt(28);
        int size = 8 * (1 + random.nextInt((256 - first) / 8));
        int inFile = random.nextBoolean() ? size : 8 * random.nextInt(size / 8 + 1);
        byte[] bytes = Arrays.copyOfRange(truth, first, first + inFile);
        if (inFile > 0 && random.nextInt(6) == 0) {
          bytes[random.nextInt(inFile)] ^= 1;
        }
        parts.add(new Part(first, bytes, size));
      }
      boolean consistent = true;
      for (int address = 0; address < 256; address++) {
        int at = address;
        consistent &=
            parts.stream().filter(p -> p.holds(at)).map(p -> p.at(at)).distinct().count() <= 1;
      }
      Runs runs = runs(parts);
      if (!consistent) {
        assertThrows(ImageException.class, runs::dropRepeated, "round " + round);
        refused++;
        continue;
      }
      runs.dropRepeated();
      GuestMemory memory = runs.build(List.of(new MemoryRange(0, 255)), Opening.READ_ONLY);
      for (int address = 0; address < 256; address += 8) {
        long expected = 0;
        for (int i = 7; i >= 0; i--) {
          int at = address + i;
          byte one =
              parts.stream().filter(p -> p.holds(at)).map(p -> p.at(at)).findAny().orElse((byte) 0);
          expected = expected << 8 | one & 0xff;
        }
        long found = memory.load(memory.find(address), address);
        assertEquals(expected, found, "round " + round + ", address " + address);
      }
    }
    assertTrue(refused > 2000 && refused < 18_000, refused + " refused");
  }
}
