package dev.nestwalk.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The kinds of files that hold memory behind a header of their own, recognised by their first
 * bytes.
 */
enum DumpKind {
  ELF("\u007fELF", "an ELF file", ""),
  LIME("EMiL", "a LiME dump", ""),
  KDUMP("KDUMP   ", "a kdump-compressed dump", ""),
  DISKDUMP("DISKDUMP", "a diskdump, the forerunner of kdump-compressed", ""),
  FLATTENED("makedumpfile\0\0\0\0", "a flattened kdump-compressed dump", ""),
  GZIP("\u001f\u008b", "a gzip file", "gzip -d"),
  ZSTD("(\u00b5/\u00fd", "a zstd file", "zstd -d unpacks it"),
  XZ("\u00fd7zXZ\0", "an xz file", "xz -d unpacks it"),
  BZIP2("BZh", "a bzip2 file", "bzip2 -d unpacks it"),
  LZ4("\u0004\"M\u0018", "an lz4 file", "lz4 -d unpacks it"),
  ZIP("PK\u0003\u0004", "a zip file", "unzip unpacks it"),
  AVML("AVML", "a compressed AVML dump", "avml-convert writes it as LiME"),
  WINDOWS("PAGEDU", "a Windows crash dump", "volatility3's layerwriter writes it raw, for --ram"),
  LIBVIRT(
      "LibvirtQemud",
      "a state that virsh save wrote",
      "virsh dump --memory-only --format=elf writes one that opens"),
  QEMU(
      "QEVM",
      "a migration stream of QEMU",
      "dump-guest-memory of QEMU's monitor writes one that opens"),
  VMWARE(
      "\u00d2\u00be\u00d2\u00be",
      "a VMware snapshot",
      "the .vmem file beside it is raw memory, for --ram; vmss2core -N6 writes an ELF core"),
  VMWARE_STATE(
      "\u00d0\u00be\u00d2\u00be",
      "a VMware suspend state",
      "the .vmem file beside it is raw memory, for --ram; vmss2core -N6 writes an ELF core"),
  VMWARE_PARTIAL(
      "\u00d1\u00be\u00d2\u00be",
      "a VMware snapshot",
      "the .vmem file beside it is raw memory, for --ram; vmss2core -N6 writes an ELF core"),
  VMWARE_NEW(
      "\u00d3\u00be\u00d2\u00be",
      "a VMware snapshot",
      "the .vmem file beside it is raw memory, for --ram; vmss2core -N6 writes an ELF core"),
  QCOW("QFI\u00fb", "a qcow2 disk image", "savevm keeps memory there; use dump-guest-memory"),
  HIBERNATION("HIBR", "a Windows hibernation file", "volatility3's layerwriter writes it raw");

  private static final int LONGEST = 16;

  private final String magic;
  private final String description;
  private final String wayOut;

  DumpKind(String magic, String description, String wayOut) {
    this.magic = magic;
    this.description = description;
    this.wayOut = wayOut;
  }

  /** The kind of a file that begins with these bytes, or null if they are no known header. */
  static @Nullable DumpKind of(MemorySegment bytes) {
    byte[] head =
        bytes.asSlice(0, Math.min(LONGEST, bytes.byteSize())).toArray(ValueLayout.JAVA_BYTE);
    String text = new String(head, StandardCharsets.ISO_8859_1);
    for (DumpKind kind : values()) {
      if (text.startsWith(kind.magic)) {
        return kind;
      }
    }
    return null;
  }

  /** Why a file of this kind is not opened, and what to do instead. */
  String closed() {
    return "is "
        + description
        + ", which is not read here"
        + (wayOut.isEmpty() ? "" : "; " + wayOut);
  }

  /** The kind in words, with an article. */
  String description() {
    return description;
  }
}
