package dev.nestwalk.acpi;

import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Writes the tables by which a virtual machine monitor tells a guest of reserved regions: a DMAR
 * with RMRRs, or an IORT with RMRs. They hold no more than a guest needs for that: one unit and one
 * PCI segment.
 *
 * <p>Threads: any.
 */
public final class FirmwareWriter {
  private static final int DMAR_HEADER = 48;
  private static final int IORT_HEADER = 48;
  private static final int DRHD = 16;
  private static final int RMRR = 24;
  private static final int SMMU = 68;
  private static final int ROOT = 36;
  private static final int RMR = 28;
  private static final int MAPPING = 20;
  private static final int DESCRIPTOR = 20;
  private static final int ALL_REQUESTERS = 0xffff;

  /** Offset of the SMMUv3 node in a written IORT; the mappings refer to it. */
  public static final int SMMU_NODE = IORT_HEADER;

  /**
   * A DMAR with one unit that covers all devices of a segment.
   *
   * @param hostAddressWidth number of bits, 1 to 256
   * @param segment of the unit, 16 bits
   * @param registers address of the unit's registers
   * @param regions regions, each with the segment of its devices; they name PCI devices alone
   * @throws IllegalArgumentException for a width, a segment, a scope or a number of scopes that the
   *     table cannot hold
   */
  public static byte[] dmar(
      int hostAddressWidth, int segment, long registers, List<DmarTable.Rmrr> regions) {
    if (hostAddressWidth < 1 || hostAddressWidth > 256) {
      throw new IllegalArgumentException(
          "host address width %d: expected 1 to 256".formatted(hostAddressWidth));
    }
    segment(segment);
    int length = DMAR_HEADER + DRHD;
    for (DmarTable.Rmrr region : regions) {
      length += rmrrLength(region);
    }
    ByteBuffer bytes = begin("DMAR", 1, length);
    bytes.put(36, (byte) (hostAddressWidth - 1));
    bytes.position(DMAR_HEADER);
    bytes.putShort((short) 0).putShort((short) DRHD).put((byte) 1).put((byte) 0);
    bytes.putShort((short) segment).putLong(registers);
    for (DmarTable.Rmrr region : regions) {
      bytes.putShort((short) 1).putShort((short) rmrrLength(region)).putShort((short) 0);
      bytes.putShort((short) region.segment()).putLong(region.first()).putLong(region.last());
      for (DmarTable.Scope scope : region.scopes()) {
        bytes.put((byte) (scope.bridge() ? 2 : 1)).put((byte) scopeLength(scope));
        bytes.putShort((short) 0).put((byte) 0).put((byte) scope.startBus());
        scope.path().forEach(step -> bytes.put(step.byteValue()));
      }
    }
    return end(bytes);
  }

  private static int segment(int segment) {
    if (segment >>> 16 != 0) {
      throw new IllegalArgumentException(
          "segment 0x%x: expected one of 16 bits".formatted(segment));
    }
    return segment;
  }

  private static int rmrrLength(DmarTable.Rmrr region) {
    segment(region.segment());
    if (!region.others().isEmpty()) {
      throw new IllegalArgumentException(
          "RMRR for %s: expected PCI devices alone".formatted(region.others()));
    }
    return length("RMRR", RMRR + region.scopes().stream().mapToLong(s -> scopeLength(s)).sum());
  }

  /** The length of a structure or node, which has 16 bits. */
  private static int length(String what, long length) {
    if (length > 0xffff) {
      throw new IllegalArgumentException(
          "%s of %d bytes: expected 65535 or less".formatted(what, length));
    }
    return (int) length;
  }

  private static int scopeLength(DmarTable.Scope scope) {
    int length = 6 + scope.path().size();
    if (scope.path().isEmpty() || length % 2 != 0 || length > 255) {
      throw new IllegalArgumentException(
          "scope with path %s: expected pairs of device and function".formatted(scope.path()));
    }
    if (scope.startBus() >>> 8 != 0) {
      throw new IllegalArgumentException(
          "scope from bus 0x%x: expected one of 8 bits".formatted(scope.startBus()));
    }
    for (int step : scope.path()) {
      if (step >>> 8 != 0) {
        throw new IllegalArgumentException(
            "scope with path %s: expected steps of 8 bits".formatted(scope.path()));
      }
    }
    return length;
  }

  /**
   * An IORT of revision 6 with one SMMUv3, RMRs, and one root complex whose requester ids are its
   * StreamIDs.
   *
   * @param segment of the root complex, 16 bits
   * @param registers address of the SMMU's registers
   * @param rmrs the targets of their mappings are replaced by {@link #SMMU_NODE}; the regions of
   *     one node have to be all direct or all relaxable
   * @throws IllegalArgumentException for a segment, and for regions and mappings that an RMR cannot
   *     hold: all of 2^64 bytes, ids of more than 32 bits, too many for 65535 bytes
   */
  public static byte[] iort(int segment, long registers, List<IortTable.Rmr> rmrs) {
    segment(segment);
    int length = IORT_HEADER + SMMU + ROOT + MAPPING;
    for (IortTable.Rmr rmr : rmrs) {
      length += rmrLength(rmr);
    }
    ByteBuffer bytes = begin("IORT", 6, length);
    bytes.putInt(36, 2 + rmrs.size()).putInt(40, IORT_HEADER);
    bytes.position(IORT_HEADER);
    node(bytes, 4, SMMU, 4, 0, 0, 0);
    bytes.putLong(registers);
    bytes.position(IORT_HEADER + SMMU);
    node(bytes, 2, ROOT + MAPPING, 3, 1, 1, ROOT);
    bytes.position(IORT_HEADER + SMMU + 28);
    bytes.putInt(segment);
    bytes.position(IORT_HEADER + SMMU + ROOT);
    mapping(bytes, new IortTable.Mapping(0, ALL_REQUESTERS, 0, SMMU_NODE));
    int id = 2;
    for (IortTable.Rmr rmr : rmrs) {
      rmr(bytes, rmr, id++);
    }
    return end(bytes);
  }

  private static int rmrLength(IortTable.Rmr rmr) {
    return length(
        "RMR",
        RMR + (long) MAPPING * rmr.mappings().size() + (long) DESCRIPTOR * rmr.regions().size());
  }

  private static void rmr(ByteBuffer bytes, IortTable.Rmr rmr, int id) {
    int descriptors = RMR + MAPPING * rmr.mappings().size();
    node(bytes, 6, rmrLength(rmr), 3, id, rmr.mappings().size(), RMR);
    boolean relaxable = rmr.regions().stream().anyMatch(FirmwareWriter::isRelaxable);
    bytes.putInt(relaxable ? 1 : 0).putInt(rmr.regions().size()).putInt(descriptors);
    rmr.mappings().forEach(mapping -> mapping(bytes, mapping));
    for (Region region : rmr.regions()) {
      if (region.kind() != RegionKind.DIRECT && !isRelaxable(region)
          || isRelaxable(region) != relaxable) {
        throw new IllegalArgumentException(
            "RMR with regions %s: expected direct ones, or relaxable ones"
                .formatted(rmr.regions()));
      }
      long size = region.last() - region.first() + 1;
      if (size == 0) {
        throw new IllegalArgumentException(
            "RMR of 2^64 bytes: expected less, its size has 64 bits");
      }
      bytes.putLong(region.first()).putLong(size).putInt(0);
    }
  }

  private static boolean isRelaxable(Region region) {
    return region.kind() == RegionKind.DIRECT_RELAXABLE;
  }

  private static void node(
      ByteBuffer bytes, int type, int length, int revision, int id, int mappings, int offset) {
    bytes.put((byte) type).putShort((short) length).put((byte) revision).putInt(id);
    bytes.putInt(mappings).putInt(offset);
  }

  private static void mapping(ByteBuffer bytes, IortTable.Mapping mapping) {
    if ((mapping.input() | mapping.extent() | mapping.output()) >>> 32 != 0) {
      throw new IllegalArgumentException(mapping + ": expected ids and extents of 32 bits");
    }
    bytes.putInt((int) mapping.input()).putInt((int) mapping.extent());
    bytes.putInt((int) mapping.output()).putInt(SMMU_NODE).putInt(mapping.single() ? 1 : 0);
  }

  private static ByteBuffer begin(String signature, int revision, int length) {
    ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(signature.getBytes(StandardCharsets.US_ASCII)).putInt(length);
    bytes.put((byte) revision).put((byte) 0);
    bytes.put("NESTWKNESTWALK ".substring(0, 14).getBytes(StandardCharsets.US_ASCII));
    bytes.putInt(1).put("NWLK".getBytes(StandardCharsets.US_ASCII)).putInt(1);
    return bytes;
  }

  /** Fills in the checksum. */
  private static byte[] end(ByteBuffer bytes) {
    byte[] table = new byte[bytes.capacity()];
    bytes.get(0, table);
    int sum = 0;
    for (byte one : table) {
      sum += one;
    }
    table[9] = (byte) -sum;
    return table;
  }

  private FirmwareWriter() {}
}
