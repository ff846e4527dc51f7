package dev.nestwalk.acpi;

import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The ACPI DMAR table, as far as reserved regions need it: host address width and reserved memory
 * regions (RMRR) with the devices they name. Structures of other types are skipped.
 *
 * @param hostAddressWidth bits of a host address
 * @param regions the RMRRs in table order
 * @param warnings what firmware got wrong without making the table unreadable
 */
public record DmarTable(int hostAddressWidth, List<Rmrr> regions, List<String> warnings) {
  private static final int HEADER = 48;
  private static final int RMRR = 1;

  /** A bus function: segment, bus, device, function. */
  public record Function(int segment, int bus, int device, int number) {}

  /** What sits behind a bridge. */
  public interface Topology {
    /** Secondary bus of a bridge, or -1 if the function is none. */
    int secondaryBus(Function bridge);

    /** Subordinate bus of a bridge, or -1 if the function is none. */
    int subordinateBus(Function bridge);
  }

  /**
   * A device that a region names.
   *
   * @param bridge whether it is a bridge whose whole hierarchy is meant
   * @param startBus bus of the first step
   * @param path device and function of each step, alternating
   */
  public record Scope(boolean bridge, int startBus, List<Integer> path) {
    /** Copies the path. */
    public Scope {
      path = List.copyOf(path);
    }
  }

  /**
   * A reserved memory region.
   *
   * @param first first address
   * @param last last address, inclusive
   */
  public record Rmrr(int segment, long first, long last, List<Scope> scopes) {
    /** Copies the scopes. */
    public Rmrr {
      scopes = List.copyOf(scopes);
    }

    /** Whether the region is meant for {@code device}. */
    public boolean appliesTo(Function device, Topology topology) {
      return device.segment == segment
          && scopes.stream().anyMatch(scope -> names(scope, device, topology));
    }

    private boolean names(Scope scope, Function device, Topology topology) {
      int bus = scope.startBus;
      for (int i = 0; i + 2 < scope.path.size(); i += 2) {
        Function step = new Function(segment, bus, scope.path.get(i), scope.path.get(i + 1));
        bus = topology.secondaryBus(step);
        if (bus < 0) {
          return false;
        }
      }
      int end = scope.path.size();
      Function named = new Function(segment, bus, scope.path.get(end - 2), scope.path.get(end - 1));
      if (named.equals(device)) {
        return true;
      }
      int secondary = scope.bridge ? topology.secondaryBus(named) : -1;
      return secondary >= 0
          && device.bus >= secondary
          && device.bus <= topology.subordinateBus(named);
    }
  }

  /** Copies the lists. */
  public DmarTable {
    regions = List.copyOf(regions);
    warnings = List.copyOf(warnings);
  }

  /**
   * Reads a table.
   *
   * @throws FirmwareException if it is malformed, with the offset
   */
  public static DmarTable parse(byte[] table) {
    ByteBuffer bytes = AcpiHeader.check(table, "DMAR", HEADER);
    int length = bytes.capacity();
    List<Rmrr> regions = new ArrayList<>();
    List<String> warnings = new ArrayList<>();
    for (int at = HEADER; at < length; ) {
      int size = at + 4 <= length ? bytes.getShort(at + 2) & 0xffff : 0;
      if (size < 4 || at + size > length) {
        throw FirmwareException.at(
            at, "structure of %d bytes, %d are left".formatted(size, length - at));
      }
      if ((bytes.getShort(at) & 0xffff) == RMRR) {
        region(bytes, at, size, regions, warnings);
      }
      at += size;
    }
    return new DmarTable((bytes.get(36) & 0xff) + 1, regions, warnings);
  }

  private static void region(
      ByteBuffer bytes, int at, int size, List<Rmrr> regions, List<String> warnings) {
    if (size < 24) {
      throw FirmwareException.at(at, "RMRR of %d bytes, expected 24 or more".formatted(size));
    }
    long first = bytes.getLong(at + 8);
    long last = bytes.getLong(at + 16);
    if (Long.compareUnsigned(last, first) < 0) {
      warnings.add("offset %d: RMRR 0x%x-0x%x is empty, dropped".formatted(at, first, last));
      return;
    }
    if ((first & 0xfff) != 0 || (last + 1 & 0xfff) != 0) {
      warnings.add(
          "offset %d: RMRR 0x%x-0x%x is not made of whole pages, kept".formatted(at, first, last));
    }
    List<Scope> scopes = new ArrayList<>();
    for (int scope = at + 24; scope < at + size; ) {
      int length = scope + 6 <= at + size ? bytes.get(scope + 1) & 0xff : 0;
      if (length < 8 || length % 2 != 0 || scope + length > at + size) {
        throw FirmwareException.at(
            scope, "device scope of %d bytes, expected 8 or more, even, inside".formatted(length));
      }
      int type = bytes.get(scope) & 0xff;
      if (type == 1 || type == 2) {
        List<Integer> path = new ArrayList<>();
        for (int step = 6; step < length; step++) {
          path.add(bytes.get(scope + step) & 0xff);
        }
        scopes.add(new Scope(type == 2, bytes.get(scope + 5) & 0xff, path));
      }
      scope += length;
    }
    regions.add(new Rmrr(bytes.getShort(at + 6) & 0xffff, first, last, scopes));
  }

  /**
   * Regions of a device behind VT-d: its RMRRs, and the interrupt window.
   *
   * @param classCode PCI class, 24 bits; USB (0x0c03xx) and display (0x03xxxx) make RMRRs relaxable
   */
  public List<Region> regionsOf(Function device, int classCode, Topology topology) {
    boolean relaxable = classCode >>> 8 == 0x0c03 || classCode >>> 16 == 0x03;
    RegionKind kind = relaxable ? RegionKind.DIRECT_RELAXABLE : RegionKind.DIRECT;
    List<Region> found = new ArrayList<>();
    for (Rmrr region : regions) {
      if (region.appliesTo(device, topology)) {
        found.add(new Region(region.first, region.last, kind));
      }
    }
    found.add(Region.X86_MSI);
    return found;
  }
}
