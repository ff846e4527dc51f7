package dev.nestwalk.acpi;

import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The ACPI IORT table, as far as reserved regions need it: which SMMU and StreamID a PCI requester
 * has, and the reserved memory ranges (RMR) of streams. Nodes of other types are skipped.
 *
 * @param roots PCI root complexes
 * @param rmrs RMR nodes; none before table revision 5
 * @param warnings what firmware got wrong without making the table unreadable
 */
public record IortTable(List<Root> roots, List<Rmr> rmrs, List<String> warnings) {
  private static final int HEADER = 48;
  private static final int NODE = 16;
  private static final int MAPPING = 20;
  private static final int DESCRIPTOR = 20;
  private static final int ROOT_COMPLEX = 2;
  private static final int RMR = 6;
  private static final long PAGE = 4096;
  private static final long FIRMWARE_GRANULE = 0x1_0000;

  /**
   * Ids {@code input..input + extent} become {@code output..}, at the node at offset {@code to}.
   */
  public record Mapping(long input, long extent, long output, int to) {}

  /** A PCI root complex with its mappings from requester id to StreamID. */
  public record Root(int segment, List<Mapping> mappings) {
    /** Copies the mappings. */
    public Root {
      mappings = List.copyOf(mappings);
    }
  }

  /** Reserved ranges of the streams that its mappings name. */
  public record Rmr(List<Mapping> mappings, List<Region> regions) {
    /** Copies the lists. */
    public Rmr {
      mappings = List.copyOf(mappings);
      regions = List.copyOf(regions);
    }
  }

  /** A stream: the SMMU's node offset and the StreamID. */
  public record Stream(int smmu, long id) {}

  /** Copies the lists. */
  public IortTable {
    roots = List.copyOf(roots);
    rmrs = List.copyOf(rmrs);
    warnings = List.copyOf(warnings);
  }

  /**
   * Reads a table.
   *
   * @throws FirmwareException if it is malformed, with the offset
   */
  public static IortTable parse(byte[] table) {
    return new Parser(AcpiHeader.check(table, "IORT", HEADER)).parse();
  }

  /** The stream of a PCI requester; SMMU and id are -1 if no mapping has it. */
  public Stream streamOf(int segment, int requesterId) {
    for (Root root : roots) {
      for (Mapping mapping : root.mappings) {
        long offset = requesterId - mapping.input;
        if (root.segment == segment && offset >= 0 && offset <= mapping.extent) {
          return new Stream(mapping.to, mapping.output + offset);
        }
      }
    }
    return new Stream(-1, -1);
  }

  /**
   * Regions of a PCI device behind an SMMU: the software MSI window, and its RMRs.
   *
   * @param numberingPreserved whether firmware asked to keep PCI numbers; without that, StreamIDs
   *     in RMRs may be stale and count for nothing
   */
  public List<Region> regionsOf(Stream stream, boolean numberingPreserved) {
    List<Region> found = new ArrayList<>();
    found.add(Region.ARM_SW_MSI);
    for (Rmr rmr : rmrs) {
      boolean named =
          rmr.mappings.stream()
              .anyMatch(
                  mapping ->
                      mapping.to == stream.smmu
                          && stream.id >= mapping.output
                          && stream.id <= mapping.output + mapping.extent);
      if (numberingPreserved && named) {
        found.addAll(rmr.regions);
      }
    }
    return found;
  }

  private static final class Parser {
    private final ByteBuffer bytes;
    private final List<Root> roots = new ArrayList<>();
    private final List<Rmr> rmrs = new ArrayList<>();
    private final List<String> warnings = new ArrayList<>();

    Parser(ByteBuffer bytes) {
      this.bytes = bytes;
    }

    IortTable parse() {
      long count = unsigned(36);
      long at = unsigned(40);
      int revision = bytes.get(AcpiHeader.REVISION) & 0xff;
      for (long node = 0; node < count; node++) {
        if (at < HEADER || at + NODE > bytes.capacity()) {
          throw FirmwareException.at(
              (int) Math.min(at, Integer.MAX_VALUE),
              "node %d of %d lies outside the table".formatted(node + 1, count));
        }
        int offset = (int) at;
        int length = bytes.getShort(offset + 1) & 0xffff;
        if (length < NODE || offset + length > bytes.capacity()) {
          throw FirmwareException.at(
              offset, "node of %d bytes, %d are left".formatted(length, bytes.capacity() - offset));
        }
        node(offset, length, revision);
        at += length;
      }
      return new IortTable(roots, rmrs, warnings);
    }

    private long unsigned(int at) {
      return Integer.toUnsignedLong(bytes.getInt(at));
    }

    private void node(int at, int length, int revision) {
      int type = bytes.get(at) & 0xff;
      if (type == ROOT_COMPLEX) {
        require(at, length, 32, "root complex");
        roots.add(new Root(bytes.getInt(at + 28), mappings(at, length)));
      } else if (type == RMR && revision >= 5) {
        require(at, length, 28, "RMR");
        rmr(at, length);
      }
    }

    private static void require(int at, int length, int least, String what) {
      if (length < least) {
        throw FirmwareException.at(
            at, "%s of %d bytes, expected %d or more".formatted(what, length, least));
      }
    }

    /** Checks that {@code count} entries of {@code size} bytes lie in a node. */
    private static int array(int at, int length, long count, long offset, int size, String what) {
      if (offset < NODE || offset + count * size > length) {
        throw FirmwareException.at(
            at, "%d %s from byte %d on do not lie in the node".formatted(count, what, offset));
      }
      return at + (int) offset;
    }

    private List<Mapping> mappings(int at, int length) {
      long count = unsigned(at + 8);
      List<Mapping> mappings = new ArrayList<>();
      if (count == 0) {
        return mappings;
      }
      int first = array(at, length, count, unsigned(at + 12), MAPPING, "mappings");
      for (int i = 0; i < count; i++) {
        int entry = first + i * MAPPING;
        long target = unsigned(entry + 12);
        if (target > bytes.capacity()) {
          throw FirmwareException.at(entry, "mapping to offset %d".formatted(target));
        }
        mappings.add(
            new Mapping(unsigned(entry), unsigned(entry + 4), unsigned(entry + 8), (int) target));
      }
      return mappings;
    }

    private void rmr(int at, int length) {
      if (bytes.getInt(at + 8) == 0 || bytes.getInt(at + 12) == 0) {
        warnings.add("offset %d: RMR without mapping, ignored".formatted(at));
        return;
      }
      List<Mapping> mappings = mappings(at, length);
      long count = unsigned(at + 20);
      long offset = unsigned(at + 24);
      if (count == 0 || offset == 0) {
        return;
      }
      boolean remapping = (bytes.getInt(at + 16) & 1) != 0;
      RegionKind kind = remapping ? RegionKind.DIRECT_RELAXABLE : RegionKind.DIRECT;
      List<Region> regions = new ArrayList<>();
      int first = array(at, length, count, offset, DESCRIPTOR, "descriptors");
      for (int i = 0; i < count; i++) {
        descriptor(at, first + i * DESCRIPTOR, kind, regions);
      }
      rmrs.add(new Rmr(mappings, regions));
    }

    private void descriptor(int node, int at, RegionKind kind, List<Region> regions) {
      long base = bytes.getLong(at);
      long size = bytes.getLong(at + 8);
      long first = base & -PAGE;
      long last = (base + size + PAGE - 1 & -PAGE) - 1;
      if (size == 0 || Long.compareUnsigned(last, first) < 0) {
        warnings.add("offset %d: RMR range 0x%x, 0x%x bytes, dropped".formatted(at, base, size));
        return;
      }
      if (((base | size) & FIRMWARE_GRANULE - 1) != 0) {
        warnings.add(
            "offset %d: RMR range 0x%x, 0x%x bytes, not 64 KiB aligned".formatted(at, base, size));
      }
      Region region = new Region(first, last, kind);
      for (Region other : regions) {
        boolean apart =
            Long.compareUnsigned(other.last(), first) < 0
                || Long.compareUnsigned(last, other.first()) < 0;
        if (!apart) {
          warnings.add("offset %d: RMR ranges of one node overlap".formatted(node));
        }
      }
      regions.add(region);
    }
  }
}
