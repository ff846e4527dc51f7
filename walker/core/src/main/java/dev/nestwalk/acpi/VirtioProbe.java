package dev.nestwalk.acpi;

import dev.nestwalk.region.Errno;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionException;
import dev.nestwalk.region.RegionKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The RESV_MEM properties of a virtio-iommu's PROBE reply (virtio 1.2, 5.13.6, PROBE request): the
 * reserved regions of a virtual machine's device.
 *
 * @param regions by first address; includes the software MSI window if the reply has no interrupt
 *     window
 * @param warnings properties that are unusual but accepted
 */
public record VirtioProbe(List<Region> regions, List<String> warnings) {
  private static final int RESV_MEM = 1;
  private static final int LENGTH = 20;

  /** Copies the lists. */
  public VirtioProbe {
    regions = List.copyOf(regions);
    warnings = List.copyOf(warnings);
  }

  /**
   * Reads a reply: properties of 8-byte aligned length up to one of type 0 or the end of the bytes.
   *
   * @throws RegionException EINVAL for a property that is cut off or too short, EOVERFLOW for a
   *     range that is empty or whose size does not fit in 64 bits
   */
  public static VirtioProbe parse(byte[] reply) throws RegionException {
    ByteBuffer bytes = ByteBuffer.wrap(reply).order(ByteOrder.LITTLE_ENDIAN);
    List<Region> regions = new ArrayList<>();
    List<String> warnings = new ArrayList<>();
    int at = 0;
    while (at + 4 <= reply.length) {
      int type = bytes.getShort(at) & 0xfff;
      int length = bytes.getShort(at + 2) & 0xffff;
      if (type == 0) {
        break;
      }
      if (at + 4 + length > reply.length || type == RESV_MEM && length < LENGTH) {
        throw new RegionException(
            Errno.EINVAL,
            "offset %d: property of %d bytes, expected %d within the reply"
                .formatted(at, length, LENGTH));
      }
      if (type == RESV_MEM) {
        regions.add(region(bytes, at, warnings));
      }
      at += 4 + length + 7 & -8;
    }
    if (regions.stream().noneMatch(region -> region.kind() == RegionKind.MSI)) {
      regions.add(Region.ARM_SW_MSI);
    }
    regions.sort(Comparator.comparing(Region::first, Long::compareUnsigned));
    return new VirtioProbe(regions, warnings);
  }

  private static Region region(ByteBuffer bytes, int at, List<String> warnings)
      throws RegionException {
    int subtype = bytes.get(at + 4) & 0xff;
    long first = bytes.getLong(at + 8);
    long last = bytes.getLong(at + 16);
    if (Long.compareUnsigned(last, first) < 0 || last - first == -1) {
      throw new RegionException(
          Errno.EOVERFLOW, "offset %d: region 0x%x-0x%x has no size".formatted(at, first, last));
    }
    if (subtype > 1) {
      warnings.add("offset %d: unknown subtype %d, taken as reserved".formatted(at, subtype));
    }
    return new Region(first, last, subtype == 1 ? RegionKind.MSI : RegionKind.RESERVED);
  }
}
