package dev.nestwalk.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Guest memory out of a dump file of any kind that is read: ELF cores, LiME, kdump-compressed, each
 * also packed with gzip or what {@link Unpacking} knows. The kind is told by the file's first
 * bytes, never by its name; a kind that is known and not read is refused by name, with the way out.
 */
public final class MemoryDump {
  /**
   * Opens a dump.
   *
   * @param file a dump, or one packed with gzip or what {@code unpacking} knows
   * @param ram the memory of the machine: what of it the file does not hold reads as zero, what
   *     lies outside does not exist; empty if what the file holds is all there is
   * @param unpacking compressions beside gzip and zlib
   * @param arena how long the memory lives, and which threads may use it
   * @throws ImageException if the file cannot be read or is no such dump
   */
  public static GuestMemory open(
      Path file, List<MemoryRange> ram, Opening opening, Unpacking unpacking, Arena arena)
      throws ImageException {
    return read(
        file, ImageFile.open(file, opening, unpacking, arena), ram, opening, unpacking, arena);
  }

  /**
   * What a file is by its first 16 bytes, in words with an article ({@code "a gzip file"}): a dump
   * of memory, or something that may hold one; null if none is known by these bytes.
   */
  public static @Nullable String kindOf(byte[] head) {
    DumpKind kind = DumpKind.of(MemorySegment.ofArray(head));
    return kind == null ? null : kind.description();
  }

  private static GuestMemory read(
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
