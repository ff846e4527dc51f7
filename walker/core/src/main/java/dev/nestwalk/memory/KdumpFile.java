package dev.nestwalk.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;

/**
 * Guest memory from a kdump-compressed dump of a 64-bit little-endian machine, as makedumpfile and
 * QEMU write it: a header block, sub-headers, two bitmaps with a bit per page (pages that exist,
 * pages that are in the file), a descriptor of 24 bytes for each page in the file, and the pages,
 * each compressed separately. Pages that were left out are not memory here, since their content is
 * unknown.
 */
final class KdumpFile {
  private static final ValueLayout.OfInt WORD =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong XWORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int HEADER = 464;
  private static final int VERSION = 8;
  private static final int BLOCK_SIZE = 428;
  private static final int SUB_HEADER_BLOCKS = 432;
  private static final int BITMAP_BLOCKS = 436;
  private static final int PAGES = 440;
  private static final int PAGES_64 = 96;
  private static final int DESCRIPTOR = 24;
  private static final int COMPRESSED =
      Unpacking.ZLIB | Unpacking.LZO | Unpacking.SNAPPY | Unpacking.ZSTD;
  private static final int LARGEST_PAGE = 1 << 16;

  private final Path file;
  private final MemorySegment bytes;
  private final Unpacking unpacking;
  private final Arena arena;
  private long block;
  private long bitmap;
  private long pages;
  private long descriptors;

  KdumpFile(Path file, MemorySegment bytes, Unpacking unpacking, Arena arena) {
    this.file = file;
    this.bytes = bytes;
    this.unpacking = unpacking;
    this.arena = arena;
  }

  GuestMemory read(List<MemoryRange> ram, Opening opening) throws ImageException {
    header();
    Runs runs = new Runs(file);
    long descriptor = descriptors;
    for (long first = next(0, true); first < pages; ) {
      long end = next(first, false);
      long size = (end - first) * block;
      long need = (end - first) * DESCRIPTOR;
      if (need > bytes.byteSize() - descriptor) {
        throw new ImageException(
            file,
            descriptor,
            "the file ends within the page descriptors, expected %d more bytes".formatted(need));
      }
      MemorySegment run = allocate(size);
      for (long page = first; page < end; page++, descriptor += DESCRIPTOR) {
        page(descriptor, run, (page - first) * block);
      }
      MemorySegment kept = opening == Opening.READ_ONLY ? run.asReadOnly() : run;
      runs.add(descriptor, MemoryRange.ofSize(first * block, size), List.of(Runs.Piece.all(kept)));
      first = next(end, true);
    }
    return runs.build(ram, opening);
  }

  private void header() throws ImageException {
    if (bytes.byteSize() < HEADER) {
      throw new ImageException(
          file, bytes.byteSize(), "the file ends within the kdump header of 464 bytes");
    }
    int version = bytes.get(WORD, VERSION);
    block = bytes.get(WORD, BLOCK_SIZE);
    if (block < 4096 || block > LARGEST_PAGE || Long.bitCount(block) != 1) {
      throw new ImageException(
          file, BLOCK_SIZE, "block size %d, expected 4096 to 65536".formatted(block));
    }
    long subHeaders = Integer.toUnsignedLong(bytes.get(WORD, SUB_HEADER_BLOCKS)) * block;
    long bitmaps = Integer.toUnsignedLong(bytes.get(WORD, BITMAP_BLOCKS)) * block;
    pages = Integer.toUnsignedLong(bytes.get(WORD, PAGES));
    if (version >= 6 && block + PAGES_64 + 8 <= bytes.byteSize() && subHeaders > 0) {
      long wide = bytes.get(XWORD, block + PAGES_64);
      pages = wide == 0 ? pages : wide;
    }
    bitmap = block + subHeaders + bitmaps / 2;
    descriptors = block + subHeaders + bitmaps;
    boolean fits = descriptors <= bytes.byteSize() && pages >= 0 && pages / 8 <= bitmaps / 2;
    if (!fits || pages > bitmaps / 2 * 8 || pages > 1L << 40) {
      throw new ImageException(
          file,
          PAGES,
          "%d pages with bitmaps of 0x%x bytes, expected a bit for each within the file"
              .formatted(pages, bitmaps));
    }
  }

  /**
   * The first page at or after {@code page} that is in the file, or that is not; one past the last
   * page if there is none.
   */
  private long next(long page, boolean there) {
    long at = page;
    while (at < pages) {
      byte bits = bytes.get(ValueLayout.JAVA_BYTE, bitmap + at / 8);
      if ((at & 7) == 0 && bits == (there ? 0 : -1)) {
        at += 8;
      } else if ((bits >> (at & 7) & 1) == 1 == there) {
        return at;
      } else {
        at++;
      }
    }
    return pages;
  }

  private MemorySegment allocate(long size) throws ImageException {
    try {
      return arena.allocate(size, 4096);
    } catch (OutOfMemoryError e) {
      throw new ImageException(
          file, "needs %d bytes of memory off the heap, which are not free".formatted(size));
    }
  }

  private void page(long descriptor, MemorySegment run, long to) throws ImageException {
    long offset = bytes.get(XWORD, descriptor);
    int size = bytes.get(WORD, descriptor + 8);
    int compression = bytes.get(WORD, descriptor + 12) & COMPRESSED;
    boolean plain = compression == 0;
    if (offset < 0
        || size <= 0
        || size > block
        || offset > bytes.byteSize() - size
        || plain && size != block) {
      throw new ImageException(
          file,
          descriptor,
          "page of %d bytes at offset 0x%x, expected at most %d bytes within the file"
              .formatted(size, offset, block));
    }
    if (plain) {
      MemorySegment.copy(bytes, offset, run, to, size);
      return;
    }
    byte[] packed = bytes.asSlice(offset, size).toArray(ValueLayout.JAVA_BYTE);
    byte[] page = new byte[(int) block];
    int found = unpacking.unpack(compression, packed, size, page);
    if (found < 0) {
      throw new ImageException(
          file,
          descriptor,
          "page packed with %s, expected zlib; makedumpfile -c or -E, or dump-guest-memory -z,"
                  .formatted(name(compression))
              + " writes one that opens");
    }
    if (found != block) {
      throw new ImageException(
          file,
          descriptor,
          "page at offset 0x%x does not unpack, expected %d bytes of %s"
              .formatted(offset, block, name(compression)));
    }
    MemorySegment.copy(MemorySegment.ofArray(page), 0, run, to, block);
  }

  private static String name(int compression) {
    return switch (compression) {
      case Unpacking.ZLIB -> "zlib";
      case Unpacking.LZO -> "LZO";
      case Unpacking.SNAPPY -> "snappy";
      case Unpacking.ZSTD -> "zstd";
      default -> "several compressions";
    };
  }
}
