package dev.nestwalk.memory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ElfCoreTest {
  @TempDir private Path folder = Path.of("");
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  private Path write(String name, byte[] bytes) throws IOException {
    return Files.write(folder.resolve(name), bytes);
  }

  private GuestMemory open(byte[] bytes, MemoryRange... ram) throws IOException {
    return ElfCore.open(write("a.elf", bytes), List.of(ram), Opening.PRIVATE_COPY, arena);
  }

  private static long read(GuestMemory memory, long address) {
    int run = memory.find(address);
    assertTrue(run >= 0, () -> "no memory at 0x" + Long.toHexString(address));
    return memory.load(run, address);
  }

  private void assertRefused(byte[] bytes, String... parts) throws IOException {
    Path file = write("bad.elf", bytes);
    ImageException e =
        assertThrows(
            ImageException.class, () -> ElfCore.open(file, List.of(), Opening.READ_ONLY, arena));
    String message = String.valueOf(e.getMessage());
    assertFalse(message.contains("\n"), message);
    assertTrue(message.startsWith(file.toString()), message);
    for (String part : parts) {
      assertTrue(message.contains(part), () -> message + " should contain " + part);
    }
  }

  @Test
  void loadsAreMemoryAndNothingElseIs() throws IOException {
    byte[] image =
        new ElfBytes()
            .load(0x1_0000_0000L, ElfBytes.words(512, 7), 8192)
            .load(0x2000, ElfBytes.words(4, 9))
            .bytes();
    GuestMemory memory = open(image);
    assertEquals(7L << 32 | 511, read(memory, 0x1_0000_0ff8L));
    assertEquals(0, read(memory, 0x1_0000_1000L));
    assertEquals(0, read(memory, 0x1_0000_1ff8L));
    assertFalse(memory.holds(0x1_0000_2000L));
    assertEquals(9L << 32 | 3, read(memory, 0x2018));
    assertFalse(memory.holds(0x2020));
    assertFalse(memory.holds(0));
  }

  @Test
  void declaredRamFillsTheGapsAndCutsTheRest() throws IOException {
    byte[] image =
        new ElfBytes()
            .load(0x1000, ElfBytes.words(512, 1))
            .load(0x4000, ElfBytes.words(1024, 2))
            .bytes();
    GuestMemory memory = open(image, MemoryRange.ofSize(0, 0x5000), MemoryRange.ofSize(0x8000, 8));
    assertEquals(0, read(memory, 0));
    assertEquals(1L << 32, read(memory, 0x1000));
    assertEquals(0, read(memory, 0x2000));
    assertEquals(2L << 32, read(memory, 0x4000));
    assertEquals(2L << 32 | 511, read(memory, 0x4ff8));
    assertFalse(memory.holds(0x5000));
    assertEquals(0, read(memory, 0x8000));
    assertFalse(memory.holds(0x8008));
  }

  @Test
  void loadsAreWindowsOfTheFile() throws IOException {
    byte[] below = ElfBytes.words(512, 1);
    byte[] above = ElfBytes.words(1024, 2);
    GuestMemory memory = open(new ElfBytes().load(0, below).load(0x1_0000_0000L, above).bytes());
    int low = memory.find(0);
    int high = memory.find(0x1_0000_0000L);
    assertEquals(memory.whole(low), memory.whole(high));
    assertEquals(below.length, memory.start(high) - memory.start(low));
    assertEquals(-1, memory.bytes(high).mismatch(MemorySegment.ofArray(above)));
  }

  @Test
  void memoryUpToTheLastAddress() throws IOException {
    byte[] image = new ElfBytes().load(-4096, ElfBytes.words(512, 3)).bytes();
    GuestMemory memory = open(image, new MemoryRange(-8192, -1));
    assertEquals(0, read(memory, -8192));
    assertEquals(3L << 32 | 511, read(memory, -8));
  }

  @Test
  void memoryToldTwiceInARangeLargerThanHalfOfAllAddresses() throws IOException {
    long last = 0xffff_ffff_ffff_fff7L;
    for (long address : new long[] {0x10, 0x7fff_ffff_ffff_fff0L, 0xc000_0000_0000_0000L}) {
      byte[] same = address == 0x10 ? ElfBytes.words(4, 7) : new byte[32];
      byte[] first = address == 0x10 ? ElfBytes.copy(ByteBuffer.allocate(48)) : new byte[32];
      System.arraycopy(same, 0, first, first.length - 32, 32);
      byte[] image = new ElfBytes().load(0, first, last + 1).load(address, same).bytes();
      GuestMemory memory = open(image);
      assertEquals(address == 0x10 ? 7L << 32 | 1 : 0, read(memory, address + 8));
      assertTrue(memory.holds(last - 7));
      assertFalse(memory.holds(last + 1));
      byte[] other = ElfBytes.words(4, 9);
      assertRefused(
          new ElfBytes().load(0, first, last + 1).load(address, other).bytes(),
          "with other contents");
    }
    byte[] beyond = ElfBytes.words(2, 0);
    GuestMemory memory =
        open(new ElfBytes().load(0, new byte[8], last + 1).load(last - 7, beyond).bytes());
    assertEquals(1, read(memory, last + 1));
  }

  @Test
  void memoryToldTwiceInSeveralPieces() throws IOException {
    byte[] bytes = new byte[13];
    Arrays.fill(bytes, (byte) 5);
    GuestMemory memory =
        open(new ElfBytes().load(0x1000, bytes, 4096).load(0x1000, bytes, 4096).bytes());
    assertEquals(0x05_0505_0505L, read(memory, 0x1008));
    assertEquals(0, read(memory, 0x1ff8));
  }

  @Test
  void aPartWordAtTheEndOfTheFilePartIsCompletedWithZeros() throws IOException {
    byte[] bytes = new byte[13];
    Arrays.fill(bytes, (byte) 0xff);
    GuestMemory memory = open(new ElfBytes().load(0x1000, bytes, 4096).bytes());
    assertEquals(-1, read(memory, 0x1000));
    assertEquals(0xff_ffff_ffffL, read(memory, 0x1008));
    assertEquals(0, read(memory, 0x1010));
  }

  @Test
  void writesStayPrivate() throws IOException {
    byte[] image = new ElfBytes().load(0x1000, ElfBytes.words(512, 1)).bytes();
    Path file = write("w.elf", image);
    GuestMemory memory = ElfCore.open(file, List.of(), Opening.PRIVATE_COPY, arena);
    assertEquals(GuestMemory.UPDATED, memory.update(memory.find(0x1000), 0x1000, 1L << 32, 5));
    assertEquals(5, read(memory, 0x1000));
    assertArrayEquals(image, Files.readAllBytes(file));
    GuestMemory again = ElfCore.open(file, List.of(), Opening.READ_ONLY, arena);
    assertEquals(1L << 32, read(again, 0x1000));
    assertEquals(GuestMemory.SKIPPED, again.update(again.find(0x1000), 0x1000, 1L << 32, 5));
  }

  @Test
  void packedImagesAlsoOfSeveralMembers() throws IOException {
    byte[] image = new ElfBytes().load(0x1000, ElfBytes.words(100_000, 1)).bytes();
    Path one = write("one.elf.gz", ElfBytes.gzip(image));
    assertEquals(
        1L << 32 | 99_999,
        read(ElfCore.open(one, List.of(), Opening.READ_ONLY, arena), 0x1000 + 99_999 * 8));
    byte[] head = ElfBytes.gzip(Arrays.copyOf(image, 300_000));
    byte[] tail = ElfBytes.gzip(Arrays.copyOfRange(image, 300_000, image.length));
    byte[] both = Arrays.copyOf(head, head.length + tail.length);
    System.arraycopy(tail, 0, both, head.length, tail.length);
    Path two = write("two.elf.gz", both);
    assertEquals(
        1L << 32 | 99_999,
        read(ElfCore.open(two, List.of(), Opening.PRIVATE_COPY, arena), 0x1000 + 99_999 * 8));
  }

  @Test
  void brokenPackingIsOneLine() throws IOException {
    byte[] packed = ElfBytes.gzip(new ElfBytes().load(0, ElfBytes.words(999, 1)).bytes());
    for (byte[] bad :
        List.of(
            Arrays.copyOf(packed, packed.length - 9),
            Arrays.copyOf(packed, 5),
            new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})) {
      Path file = write("bad.elf.gz", bad);
      ImageException e =
          assertThrows(
              ImageException.class, () -> ElfCore.open(file, List.of(), Opening.READ_ONLY, arena));
      assertTrue(String.valueOf(e.getMessage()).contains("gzip"), e.getMessage());
    }
  }

  @Test
  void aLargePhnumIsInSectionHeaderZero() throws IOException {
    ByteBuffer image = new ElfBytes().load(0x1000, ElfBytes.words(8, 1)).buffer();
    image.putShort(56, (short) 0xffff).putLong(40, 0x400).putInt(0x400 + 44, 1);
    assertEquals(1L << 32, read(open(ElfBytes.copy(image)), 0x1000));
    image.putLong(40, 0);
    assertRefused(ElfBytes.copy(image), "offset 0x28", "e_phnum is 0xffff", "section header 0");
    image.putLong(40, 0x400).putInt(0x400 + 44, -1);
    assertRefused(ElfBytes.copy(image), "offset 0x20", "4294967295 program headers");
  }

  @Test
  void wrongKindsOfFiles() throws IOException {
    ByteBuffer good = new ElfBytes().load(0x1000, ElfBytes.words(8, 1)).buffer();
    assertRefused(new byte[0], "offset 0x0", "empty");
    assertRefused(new byte[63], "offset 0x3f", "64 bytes");
    assertRefused(spoil(good, 0, 'X'), "offset 0x0", "magic", "7f 45 4c 46");
    assertRefused(spoil(good, 4, 3), "offset 0x4", "EI_CLASS", "64-bit");
    assertRefused(spoil(good, 4, 1), "holds no memory");
    assertRefused(spoil(good, 5, 2), "offset 0x5", "EI_DATA", "little-endian");
    assertRefused(spoil(good, 16, 2), "offset 0x10", "e_type is 0x2", "ET_CORE");
    assertRefused(spoil(good, 54, 8), "offset 0x36", "e_phentsize");
    assertRefused(spoil(good, 39, 0x80), "offset 0x20", "program headers");
    assertRefused(spoil(good, 64, 4), "holds no memory");
  }

  private static byte[] spoil(ByteBuffer good, int at, int value) {
    byte[] bytes = ElfBytes.copy(good);
    bytes[at] = (byte) value;
    return bytes;
  }

  @Test
  void impossibleLoads() throws IOException {
    assertRefused(
        new ElfBytes().header(0, 0x1000, 16, 16).bytes(), "offset 0x48", "within the file");
    assertRefused(new ElfBytes().header(0, -16, 16, 16).bytes(), "offset 0x48");
    assertRefused(new ElfBytes().header(0, 16, -1, -1).bytes(), "offset 0x48");
    assertRefused(new ElfBytes().header(0, 0, 16, 8).bytes(), "offset 0x60", "p_memsz");
    assertRefused(new ElfBytes().header(4, 0, 16, 16).bytes(), "offset 0x58", "multiples of 8");
    assertRefused(new ElfBytes().header(8, 0, 12, 12).bytes(), "offset 0x58", "multiples of 8");
    assertRefused(new ElfBytes().header(-8, 0, 16, 16).bytes(), "offset 0x58", "2^64");
    assertRefused(
        new ElfBytes().header(0x2000, 0, 64, 64).header(0x1ff8, 0, 16, 16).bytes(),
        "overlaps",
        "0x1ff8..0x2007");
    byte[] whole = new ElfBytes().load(0x1000, ElfBytes.words(64, 1)).bytes();
    assertRefused(Arrays.copyOf(whole, whole.length - 1), "offset 0x48", "within the file");
  }

  /** A 32-bit file has its fields elsewhere: the offset is that of the field that is wrong. */
  @Test
  void impossibleLoadsOf32BitFilesAreNamedByTheirOwnOffsets() throws IOException {
    int header = 52;
    assertRefused(narrow(0x1000, 0x8000, 16, 16), offset(header + 4), "within the file");
    assertRefused(narrow(0x1000, 0, 32, 16), offset(header + 16), "p_filesz 0x20");
    assertRefused(narrow(0x1004, 0, 16, 16), offset(header + 12), "multiples of 8");
    assertRefused(narrow(0x1000, 0, 12, 12), offset(header + 12), "multiples of 8");
  }

  private static String offset(int at) {
    return "offset 0x%x: ".formatted(at);
  }

  /** An ELF32 core of one PT_LOAD. */
  private static byte[] narrow(int address, int offset, int inFile, int inMemory) {
    ByteBuffer file = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
    file.put(new byte[] {0x7f, 'E', 'L', 'F', 1, 1, 1}).putShort(16, (short) 4);
    file.putInt(28, 52).putShort(42, (short) 32).putShort(44, (short) 1);
    file.position(52).putInt(1).putInt(offset).putInt(0).putInt(address);
    file.putInt(inFile).putInt(inMemory);
    return file.array();
  }

  @Test
  void noFileOrAFolder() {
    for (String name : List.of("", "absent.elf")) {
      Path file = folder.resolve(name);
      assertThrows(
          ImageException.class, () -> ElfCore.open(file, List.of(), Opening.READ_ONLY, arena));
    }
  }

  /** Whatever the header says: an image or an ImageException. */
  @Test
  void randomHeadersNeverEscape() throws IOException {
    ByteBuffer good =
        new ElfBytes()
            .load(0x1000, ElfBytes.words(8, 1))
            .load(0x9000, ElfBytes.words(8, 1))
            .buffer();
    Random random = new Random(4);
    int refused = 0;
    for (int i = 0; i < 3000; i++) {
      byte[] bytes = ElfBytes.copy(good);
      for (int n = random.nextInt(3); n >= 0; n--) {
        bytes[random.nextInt(64 + 2 * 56)] = (byte) random.nextInt();
      }
      try {
        open(bytes);
      } catch (ImageException e) {
        refused++;
      }
    }
    assertTrue(refused > 500, "only " + refused + " refused");
  }

  @Test
  void onePieceAgainstABruteForceTwin() throws IOException {
    Random random = new Random(11);
    for (int round = 0; round < 200; round++) {
      byte[] model = new byte[0x200];
      boolean[] exists = new boolean[0x200];
      ElfBytes elf = new ElfBytes();
      int at = 0;
      while ((at += 8 * random.nextInt(6)) < 0x180) {
        byte[] bytes = new byte[1 + random.nextInt(40)];
        random.nextBytes(bytes);
        int size = (bytes.length + 7 & -8) + 8 * random.nextInt(3);
        elf.load(at, bytes, size);
        System.arraycopy(bytes, 0, model, at, bytes.length);
        at += size;
      }
      int first = 8 * random.nextInt(20);
      int last = first + 8 * (1 + random.nextInt(43)) - 1;
      Arrays.fill(exists, first, Math.min(last + 1, exists.length), true);
      GuestMemory memory = open(elf.bytes(), new MemoryRange(first, last));
      ByteBuffer words = ByteBuffer.wrap(model).order(ByteOrder.LITTLE_ENDIAN);
      for (int word = 0; word < 0x200; word += 8) {
        assertEquals(exists[word], memory.holds(word));
        if (exists[word]) {
          assertEquals(words.getLong(word), read(memory, word));
        }
      }
    }
  }
}
