package dev.nestwalk.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Guest memory from an ELF core file, as QEMU's {@code dump-guest-memory} and kernels' crash dumps
 * write it: ELF64 or ELF32, little-endian, ET_CORE, where each PT_LOAD is a run of guest-physical
 * memory.
 *
 * <p>A plain file is mapped without a copy; a gzip file is inflated off the heap. Bytes between
 * {@code p_filesz} and {@code p_memsz} read as zero. A kernel maps some memory twice and some
 * without a physical address ({@code p_paddr} -1): repeated memory has to be equal, and memory
 * without an address is skipped. Every malformed file gives an {@link ImageException} of one line.
 */
public final class ElfCore {
  private static final ValueLayout.OfShort HALF =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt WORD =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong XWORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int HEADER_BYTES = 64;
  private static final int PROGRAM_HEADER_BYTES = 56;
  private static final int PROGRAM_HEADER_BYTES_32 = 32;
  private static final int SECTION_HEADER_BYTES = 64;

  /**
   * The physical address that a kernel writes for memory that it maps page by page, such as its
   * modules.
   */
  private static final long NO_ADDRESS = -1;

  private static final int MAGIC = 0x464c457f;
  private static final int ET_CORE = 4;
  private static final int PT_LOAD = 1;
  private static final int PN_XNUM = 0xffff;

  private final Path file;
  private final MemorySegment bytes;
  private final Arena arena;
  private boolean narrow;

  private ElfCore(Path file, MemorySegment bytes, Arena arena) {
    this.file = file;
    this.bytes = bytes;
    this.arena = arena;
  }

  /**
   * Opens an image.
   *
   * @param file an ELF core file, or a gzip file that holds one
   * @param ram the memory of the machine. What no PT_LOAD covers reads as zero; addresses outside
   *     do not exist. If empty, the PT_LOADs are all of the memory
   * @param arena determines how long the memory lives, and which threads may use it
   * @throws ImageException if the file cannot be read or is not such an image
   */
  public static GuestMemory open(Path file, List<MemoryRange> ram, Opening opening, Arena arena)
      throws ImageException {
    return read(file, ImageFile.open(file, opening, arena), ram, opening, arena);
  }

  /** Reads an image whose bytes are already in memory. */
  static GuestMemory read(
      Path file, MemorySegment bytes, List<MemoryRange> ram, Opening opening, Arena arena)
      throws ImageException {
    return new ElfCore(file, bytes, arena).read(ram, opening);
  }

  private GuestMemory read(List<MemoryRange> ram, Opening opening) throws ImageException {
    checkHeader();
    Runs runs = new Runs(file);
    long at = narrow ? unsigned(28) : bytes.get(XWORD, 32);
    int sizeAt = narrow ? 42 : 54;
    int least = narrow ? PROGRAM_HEADER_BYTES_32 : PROGRAM_HEADER_BYTES;
    long entrySize = Short.toUnsignedLong(bytes.get(HALF, sizeAt));
    long count = programHeaderCount();
    if (count > 0 && entrySize < least) {
      throw new ImageException(
          file, sizeAt, "e_phentsize is %d, expected %d or more".formatted(entrySize, least));
    }
    if (!inFile(at, count * entrySize)) {
      throw new ImageException(
          file,
          narrow ? 28 : 32,
          "%d program headers at 0x%x, expected them within the file's 0x%x bytes"
              .formatted(count, at, bytes.byteSize()));
    }
    for (long i = 0; i < count; i++, at += entrySize) {
      if (bytes.get(WORD, at) == PT_LOAD) {
        addLoad(runs, at);
      }
    }
    runs.dropRepeated();
    return runs.build(ram, opening);
  }

  private void checkHeader() throws ImageException {
    if (bytes.byteSize() < HEADER_BYTES) {
      throw new ImageException(
          file,
          bytes.byteSize(),
          "the file ends within the ELF header, expected %d bytes".formatted(HEADER_BYTES));
    }
    expect(0, "magic", bytes.get(WORD, 0), MAGIC, "an ELF file (7f 45 4c 46)");
    int bits = bytes.get(ValueLayout.JAVA_BYTE, 4);
    narrow = bits == 1;
    if (!narrow) {
      expect(4, "EI_CLASS", bits, 2, "2 (64-bit) or 1 (32-bit)");
    }
    expect(5, "EI_DATA", bytes.get(ValueLayout.JAVA_BYTE, 5), 1, "1 (little-endian)");
    expect(16, "e_type", Short.toUnsignedInt(bytes.get(HALF, 16)), ET_CORE, "4 (ET_CORE)");
  }

  private void expect(long offset, String name, int found, int wanted, String text)
      throws ImageException {
    if (found != wanted) {
      throw new ImageException(
          file, offset, "%s is 0x%x, expected %s".formatted(name, found, text));
    }
  }

  /** {@code e_phnum}, or {@code sh_info} of section 0 if the number does not fit there. */
  private long programHeaderCount() throws ImageException {
    int count = Short.toUnsignedInt(bytes.get(HALF, narrow ? 44 : 56));
    if (count != PN_XNUM || narrow) {
      return count;
    }
    long section = bytes.get(XWORD, 40);
    if (section == 0 || !inFile(section, SECTION_HEADER_BYTES)) {
      throw new ImageException(
          file,
          40,
          "e_phnum is 0xffff and e_shoff 0x%x, expected section header 0 there within the file"
              .formatted(section));
    }
    return Integer.toUnsignedLong(bytes.get(WORD, section + 44));
  }

  private void addLoad(Runs runs, long header) throws ImageException {
    long offset = narrow ? unsigned(header + 4) : bytes.get(XWORD, header + 8);
    long address = narrow ? bytes.get(WORD, header + 12) : bytes.get(XWORD, header + 24);
    long inFile = narrow ? unsigned(header + 16) : bytes.get(XWORD, header + 32);
    long inMemory = narrow ? unsigned(header + 20) : bytes.get(XWORD, header + 40);
    if (address == NO_ADDRESS) {
      return;
    }
    address = narrow ? address & 0xffff_ffffL : address;
    if (Long.compareUnsigned(inFile, inMemory) > 0) {
      throw new ImageException(
          file,
          header + (narrow ? 16 : 32),
          "p_filesz 0x%x, expected at most p_memsz 0x%x".formatted(inFile, inMemory));
    }
    if (!inFile(offset, inFile)) {
      throw new ImageException(
          file,
          header + (narrow ? 4 : 8),
          "PT_LOAD of 0x%x bytes at file offset 0x%x, expected it within the file's 0x%x bytes"
              .formatted(inFile, offset, bytes.byteSize()));
    }
    if (((address | inMemory) & 7) != 0) {
      throw new ImageException(
          file,
          header + (narrow ? 12 : 24),
          "PT_LOAD of 0x%x bytes at address 0x%x, expected multiples of 8"
              .formatted(inMemory, address));
    }
    if (inMemory == 0) {
      return;
    }
    if (Long.compareUnsigned(address + inMemory - 1, address) < 0) {
      throw new ImageException(
          file,
          header + (narrow ? 12 : 24),
          "PT_LOAD of 0x%x bytes at address 0x%x, expected its end below 2^64"
              .formatted(inMemory, address));
    }
    runs.add(header, new MemoryRange(address, address + inMemory - 1), pieces(offset, inFile));
  }

  private long unsigned(long at) {
    return Integer.toUnsignedLong(bytes.get(WORD, at));
  }

  /** The file's bytes as whole words; a partial word at the end is padded with zeros. */
  private List<Runs.Piece> pieces(long offset, long size) {
    long whole = size & -8L;
    List<Runs.Piece> pieces = new ArrayList<>(2);
    if (whole > 0) {
      pieces.add(new Runs.Piece(bytes, offset, whole));
    }
    if (whole < size) {
      MemorySegment word = arena.allocate(8, 8);
      MemorySegment.copy(bytes, offset + whole, word, 0, size - whole);
      pieces.add(Runs.Piece.all(bytes.isReadOnly() ? word.asReadOnly() : word));
    }
    return pieces;
  }

  private boolean inFile(long offset, long size) {
    return offset >= 0 && size >= 0 && offset <= bytes.byteSize() - size;
  }
}
