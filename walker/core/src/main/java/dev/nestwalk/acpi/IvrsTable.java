package dev.nestwalk.acpi;

import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The part of the ACPI IVRS table (AMD publication 48882, section 5.2) that reserved regions need:
 * memory definition blocks (IVMD), and whether the units let DMA into the HyperTransport window.
 *
 * @param memories memory definitions that reserve something, in table order
 * @param hyperTransport whether the HyperTransport window is closed to DMA; it is open only if
 *     every unit reports that it ignores the window
 * @param warnings errors of the firmware that leave the table readable
 */
public record IvrsTable(List<Memory> memories, boolean hyperTransport, List<String> warnings) {
  /** The address window that HyperTransport reserves. */
  public static final Region HYPER_TRANSPORT =
      new Region(0xfd_0000_0000L, 0xff_ffff_ffffL, RegionKind.RESERVED);

  /**
   * A memory definition: requesters {@code firstDevice..lastDevice} of a segment use a range of
   * memory that has to stay mapped one to one.
   *
   * @param exclusion whether the block is an exclusion range, which the unit passes untranslated;
   *     Linux treats it as a unity map for reads and writes
   * @param all whether the block applies to all devices of the segment
   */
  public record Memory(
      int segment, int firstDevice, int lastDevice, boolean all, boolean exclusion, Region region) {
    /** Whether the range applies to a requester. */
    public boolean appliesTo(int requesterSegment, int requesterId) {
      return requesterSegment == segment && requesterId >= firstDevice && requesterId <= lastDevice;
    }
  }

  /** Copies the lists. */
  public IvrsTable {
    memories = List.copyOf(memories);
    warnings = List.copyOf(warnings);
  }

  /**
   * Reads a table.
   *
   * @throws FirmwareException if it is malformed, with the offset
   */
  public static IvrsTable parse(byte[] table) {
    return new Parser(table, false).parse();
  }

  /**
   * Reads a table whose checksum, length or blocks may be wrong. The readable part is read, and
   * {@link #warnings} describes the rest. Reading ends at a block whose length is wrong.
   *
   * @throws FirmwareException if the signature is wrong or the fixed part is cut off
   */
  public static IvrsTable parseLeniently(byte[] table) {
    return new Parser(table, true).parse();
  }

  /**
   * Regions of a device behind AMD's IOMMU, in Linux's order: unity maps, interrupt window,
   * HyperTransport window.
   */
  public List<Region> regionsOf(int segment, int requesterId) {
    List<Region> found = new ArrayList<>();
    for (Memory memory : memories) {
      if (memory.appliesTo(segment, requesterId)) {
        found.add(memory.region);
      }
    }
    found.add(Region.X86_MSI);
    if (hyperTransport) {
      found.add(HYPER_TRANSPORT);
    }
    return found;
  }

  private static final class Parser {
    private static final int HEADER = 48;
    private static final int HARDWARE_10 = 0x10;
    private static final int HARDWARE_11 = 0x11;
    private static final int HARDWARE_40 = 0x40;
    private static final int MEMORY_ALL = 0x20;
    private static final int MEMORY_SELECT = 0x21;
    private static final int MEMORY_RANGE = 0x22;
    private static final int MEMORY_BYTES = 32;
    private static final int UNITY = 1;
    private static final int EXCLUSION = 8;
    private static final int LAST_DEVICE = 0xffff;
    private static final long EFR_SUPPORTED = 1;

    /** HtRangeIgnore of the second extended feature register. */
    private static final long IGNORES_HYPER_TRANSPORT = 1L << 11;

    private static final long PAGE = 4096;

    private final List<String> warnings = new ArrayList<>();
    private final List<Memory> memories = new ArrayList<>();
    private final AcpiHeader.Lenience lenience;
    private final ByteBuffer bytes;
    private int units;
    private int ignoring;

    Parser(byte[] table, boolean lenient) {
      lenience = new AcpiHeader.Lenience(lenient, warnings);
      bytes = AcpiHeader.check(table, "IVRS", HEADER, lenience);
    }

    IvrsTable parse() {
      lenience.structure(this::blocks);
      return new IvrsTable(memories, units == 0 || ignoring < units, warnings);
    }

    private void blocks() {
      int length = bytes.capacity();
      for (int at = HEADER; at < length; ) {
        int size = at + 4 <= length ? bytes.getShort(at + 2) & 0xffff : 0;
        if (size < 4 || at + size > length) {
          throw FirmwareException.at(
              at, "block of %d bytes, %d are left".formatted(size, length - at));
        }
        int offset = at;
        lenience.structure(() -> block(offset, size));
        at += size;
      }
    }

    private void block(int at, int size) {
      int type = bytes.get(at) & 0xff;
      switch (type) {
        case HARDWARE_11, HARDWARE_40 -> hardware(at, size);
        case MEMORY_ALL, MEMORY_SELECT, MEMORY_RANGE -> memory(at, size, type);
        case HARDWARE_10 -> {
          // The old form of a unit; an 11h or 40h block repeats it with the unit's features.
        }
        default ->
            warnings.add("offset %d: block of unknown type 0x%x, skipped".formatted(at, type));
      }
    }

    private void hardware(int at, int size) {
      if (size < 40) {
        throw FirmwareException.at(at, "IVHD of %d bytes, expected 40 or more".formatted(size));
      }
      units++;
      boolean told = (bytes.getInt(36) & EFR_SUPPORTED) != 0;
      if (told && (bytes.getLong(at + 32) & IGNORES_HYPER_TRANSPORT) != 0) {
        ignoring++;
      }
    }

    private void memory(int at, int size, int type) {
      if (size < MEMORY_BYTES) {
        throw FirmwareException.at(at, "IVMD of %d bytes, expected 32 or more".formatted(size));
      }
      int flags = bytes.get(at + 1) & 0xff;
      int device = bytes.getShort(at + 4) & 0xffff;
      int until = bytes.getShort(at + 6) & 0xffff;
      int segment = bytes.getShort(at + 8) & 0xffff;
      long base = bytes.getLong(at + 16);
      long length = bytes.getLong(at + 24);
      if ((flags & (UNITY | EXCLUSION)) == 0) {
        warnings.add(
            "offset %d: IVMD 0x%x, 0x%x bytes, is neither unity map nor exclusion range, ignored"
                .formatted(at, base, length));
        return;
      }
      long first = base + PAGE - 1 & -PAGE;
      long last = first + (length + PAGE - 1 & -PAGE) - 1;
      boolean wraps = Long.compareUnsigned(first, base) < 0;
      if (length == 0 || wraps || Long.compareUnsigned(last, first) < 0) {
        warnings.add("offset %d: IVMD 0x%x, 0x%x bytes, dropped".formatted(at, base, length));
        return;
      }
      if (((base | length) & PAGE - 1) != 0) {
        warnings.add(
            "offset %d: IVMD 0x%x, 0x%x bytes, is not made of whole pages, taken as 0x%x-0x%x"
                .formatted(at, base, length, first, last));
      }
      int firstDevice = type == MEMORY_ALL ? 0 : device;
      int lastDevice = type == MEMORY_ALL ? LAST_DEVICE : type == MEMORY_RANGE ? until : device;
      if (lastDevice < firstDevice) {
        warnings.add(
            "offset %d: IVMD for devices 0x%x to 0x%x, which are none"
                .formatted(at, firstDevice, lastDevice));
        return;
      }
      memories.add(
          new Memory(
              segment,
              firstDevice,
              lastDevice,
              type == MEMORY_ALL,
              (flags & EXCLUSION) != 0,
              new Region(first, last, RegionKind.DIRECT)));
    }
  }
}
