package dev.nestwalk.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Guest memory from a dump of any supported kind: ELF core, LiME, or kdump-compressed, each
 * optionally compressed as a whole. The kind is recognised by the file's first bytes, never by its
 * name. A kind that is known but not supported is refused with its name and a way to convert it.
 */
public final class MemoryDump {
  /**
   * Opens a dump.
   *
   * @param file a dump, plain or compressed with gzip or a format that {@code unpacking} supports
   * @param ram the memory of the machine. What the file does not hold reads as zero; addresses
   *     outside do not exist. If empty, the file's content is all of the memory
   * @param unpacking compressions beside gzip and zlib
   * @param arena determines how long the memory lives, and which threads may use it
   * @throws ImageException if the file cannot be read or is not such a dump
   */
  public static GuestMemory open(
      Path file, List<MemoryRange> ram, Opening opening, Unpacking unpacking, Arena arena)
      throws ImageException {
    return read(
        file, ImageFile.open(file, opening, unpacking, arena), ram, opening, unpacking, arena);
  }

  /**
   * The kind of a file that begins with these bytes, in words with an article ({@code "a gzip
   * file"}): a dump of memory, or a file that may contain one.
   *
   * @param head the first 16 bytes
   * @return null if the bytes are no known header
   */
  public static @Nullable String kindOf(byte[] head) {
    DumpKind kind = DumpKind.of(MemorySegment.ofArray(head));
    return kind == null ? null : kind.description();
  }

  /** Reads a dump whose bytes are already in memory, and not packed as a whole. */
  static GuestMemory read(
      Path file,
      MemorySegment bytes,
      List<MemoryRange> ram,
      Opening opening,
      Unpacking unpacking,
      Arena arena)
      throws ImageException {
    DumpKind kind = DumpKind.of(bytes);
    if (kind == null) {
      throw new ImageException(
          file,
          0,
          "no header of a dump (ELF core, LiME, kdump-compressed); raw memory needs --ram"
              + " BASE,SIZE");
    }
    return switch (kind) {
      case ELF -> ElfCore.read(file, bytes, ram, opening, arena);
      case LIME -> LimeDump.read(file, bytes, ram, opening, arena);
      case KDUMP, DISKDUMP -> new KdumpFile(file, bytes, unpacking, arena).read(ram, opening);
      case FLATTENED -> {
        MemorySegment flat = new FlattenedDump(file, bytes, arena).rearrange();
        if (DumpKind.of(flat) == DumpKind.FLATTENED) {
          throw new ImageException(file, "is flattened twice, expected a dump inside");
        }
        yield read(file, flat, ram, opening, unpacking, arena);
      }
      default -> throw new ImageException(file, kind.closed());
    };
  }

  private MemoryDump() {}
}
