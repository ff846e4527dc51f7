package dev.nestwalk.acpi;

import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The part of the ACPI IORT table (Arm DEN 0049) that reserved regions need: the SMMU and StreamID
 * of a PCI requester, and the reserved memory ranges (RMR) of streams. Other nodes are skipped.
 *
 * @param smmus SMMUs of all versions
 * @param roots PCI root complexes
 * @param rmrs RMR nodes; none before table revision 5
 * @param warnings errors of the firmware that leave the table readable
 */
public record IortTable(List<Smmu> smmus, List<Root> roots, List<Rmr> rmrs, List<String> warnings) {
  /**
   * Maps the ids {@code input..input + extent} to the ids from {@code output} on, at the node at
   * offset {@code to}.
   *
   * @param single whether every input id is mapped to {@code output}, whatever the range says
   */
  public record Mapping(long input, long extent, long output, int to, boolean single) {
    /** A mapping of a range. */
    public Mapping(long input, long extent, long output, int to) {
      this(input, extent, output, to, false);
    }

    private boolean has(long id) {
      return single || id >= input && id - input <= extent;
    }

    private long map(long id) {
      return single ? output : output + (id - input);
    }

    /**
     * Whether {@code id} is the last one of the range. In many tables it does not belong there,
     * since their ranges are one too long.
     */
    private boolean endsAt(long id) {
      return !single && extent > 0 && id - input == extent;
    }
  }

  /**
   * An SMMU.
   *
   * @param node offset of its node in the table, by which mappings refer to it
   * @param version 2 (which includes version 1) or 3
   * @param base address of its registers
   */
  public record Smmu(int node, int version, long base) {}

  /** A PCI root complex with its mappings from requester ids to StreamIDs. */
  public record Root(int segment, List<Mapping> mappings) {
    /** Copies the mappings. */
    public Root {
      mappings = List.copyOf(mappings);
    }
  }

  /** Reserved ranges of the streams that the mappings name. */
  public record Rmr(List<Mapping> mappings, List<Region> regions) {
    /** Copies the lists. */
    public Rmr {
      mappings = List.copyOf(mappings);
      regions = List.copyOf(regions);
    }
  }

  /** A stream: the SMMU's node offset and the StreamID. */
  public record Stream(int smmu, long id) {}

  private static final Stream NO_STREAM = new Stream(-1, -1);

  /** Copies the lists. */
  public IortTable {
    smmus = List.copyOf(smmus);
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
    return new Parser(table, false).parse();
  }

  /**
   * Reads a table whose checksum, length or nodes may be wrong. The readable part is read, and
   * {@link #warnings} describes the rest. Reading ends at a node whose length is wrong.
   *
   * @throws FirmwareException if the signature is wrong or the fixed part is cut off
   */
  public static IortTable parseLeniently(byte[] table) {
    return new Parser(table, true).parse();
  }

  /**
   * The stream of a PCI requester; SMMU and id are -1 if no SMMU translates for it.
   *
   * <p>The format wants counts minus one, but many tables hold counts, so that the last id of a
   * range is also the first of the next. Such an id belongs to the range that begins with it, as in
   * Linux.
   */
  public Stream streamOf(int segment, int requesterId) {
    Mapping found = null;
    for (Root root : roots) {
      if (root.segment != segment) {
        continue;
      }
      for (Mapping mapping : root.mappings) {
        boolean begins = mapping.single || mapping.input == requesterId;
        if (!mapping.has(requesterId) || found != null && !begins) {
          continue;
        }
        found = mapping;
        if (!mapping.endsAt(requesterId)) {
          return stream(mapping, requesterId);
        }
      }
    }
    return found == null ? NO_STREAM : stream(found, requesterId);
  }

  private Stream stream(Mapping mapping, long id) {
    return smmuAt(mapping.to) == null ? NO_STREAM : new Stream(mapping.to, mapping.map(id));
  }

  /** The SMMU whose node is at an offset of the table. */
  public @Nullable Smmu smmuAt(int node) {
    for (Smmu smmu : smmus) {
      if (smmu.node == node) {
        return smmu;
      }
    }
    return null;
  }

  /**
   * Regions of a PCI device: behind an SMMU the software MSI window and its RMRs, otherwise none.
   *
   * @param numberingPreserved whether firmware asks to preserve the PCI bus numbers; otherwise the
   *     StreamIDs in RMRs may be stale, and RMRs are ignored
   */
  public List<Region> regionsOf(Stream stream, boolean numberingPreserved) {
    List<Region> found = new ArrayList<>();
    if (stream.smmu < 0) {
      return found;
    }
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
    private static final int HEADER = 48;
    private static final int NODE = 16;
    private static final int MAPPING = 20;
    private static final int DESCRIPTOR = 20;
    private static final int ROOT_COMPLEX = 2;
    private static final int SMMU_V2 = 3;
    private static final int SMMU_V3 = 4;
    private static final int RMR = 6;
    private static final int RMR_SINCE = 5;
    private static final int HISILICON_HI161X = 1;
    private static final long PAGE = 4096;
    private static final long FIRMWARE_GRANULE = 0x1_0000;

    private final List<Smmu> smmus = new ArrayList<>();
    private final List<Root> roots = new ArrayList<>();
    private final List<Rmr> rmrs = new ArrayList<>();
    private final List<String> warnings = new ArrayList<>();
    private final AcpiHeader.Lenience lenience;
    private final ByteBuffer bytes;

    Parser(byte[] table, boolean lenient) {
      lenience = new AcpiHeader.Lenience(lenient, warnings);
      bytes = AcpiHeader.check(table, "IORT", HEADER, lenience);
    }

    IortTable parse() {
      lenience.structure(this::nodes);
      return new IortTable(smmus, roots, rmrs, warnings);
    }

    private void nodes() {
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
        lenience.structure(() -> node(offset, length, revision));
        at += length;
      }
    }

    private long unsigned(int at) {
      return Integer.toUnsignedLong(bytes.getInt(at));
    }

    private void node(int at, int length, int revision) {
      switch (bytes.get(at) & 0xff) {
        case ROOT_COMPLEX -> {
          require(at, length, 32, "root complex");
          roots.add(new Root(bytes.getInt(at + 28), mappings(at, length)));
        }
        case SMMU_V2 -> {
          require(at, length, 24, "SMMU");
          smmus.add(new Smmu(at, 2, bytes.getLong(at + 16)));
        }
        case SMMU_V3 -> smmu(at, length);
        case RMR -> {
          require(at, length, 28, "RMR");
          if (revision < RMR_SINCE) {
            warnings.add(
                "offset %d: RMR in a table of revision %d, ignored: they count from revision 5 on"
                    .formatted(at, revision));
          } else {
            rmr(at, length);
          }
        }
        default -> {
          // ITS groups, named components and PMCGs have no regions of their own.
        }
      }
    }

    private void smmu(int at, int length) {
      require(at, length, 24, "SMMUv3");
      smmus.add(new Smmu(at, 3, bytes.getLong(at + 16)));
      if (length >= 44 && bytes.getInt(at + 40) == HISILICON_HI161X) {
        warnings.add(
            "offset %d: SMMUv3 model 1 (HiSilicon Hi161x) does not translate interrupt writes:"
                    .formatted(at)
                + " the pages of its ITSs are regions msi, whose addresses the MADT has");
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
        boolean single = (bytes.getInt(entry + 16) & 1) != 0;
        mappings.add(
            new Mapping(
                unsigned(entry), unsigned(entry + 4), unsigned(entry + 8), (int) target, single));
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
      long end = base + size - 1;
      long first = base & -PAGE;
      long last = end | PAGE - 1;
      if (size == 0 || Long.compareUnsigned(end, base) < 0) {
        warnings.add("offset %d: RMR range 0x%x, 0x%x bytes, dropped".formatted(at, base, size));
        return;
      }
      if (((base | size) & FIRMWARE_GRANULE - 1) != 0) {
        warnings.add(
            "offset %d: RMR range 0x%x, 0x%x bytes, not 64 KiB aligned".formatted(at, base, size));
      }
      Region region = new Region(first, last, kind);
      if (regions.stream().anyMatch(other -> overlap(other, region))) {
        warnings.add("offset %d: RMR ranges of one node overlap".formatted(node));
      }
      regions.add(region);
    }

    private static boolean overlap(Region one, Region other) {
      return Long.compareUnsigned(one.last(), other.first()) >= 0
          && Long.compareUnsigned(other.last(), one.first()) >= 0;
    }
  }
}
