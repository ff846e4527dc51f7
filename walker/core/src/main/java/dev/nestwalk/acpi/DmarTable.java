package dev.nestwalk.acpi;

import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The part of the ACPI DMAR table that reserved regions need (VT-d 8.1, 8.4): the host address
 * width, and the reserved memory regions (RMRR) with the devices they name. Other structures are
 * skipped.
 *
 * @param hostAddressWidth number of bits of a host address
 * @param regions the RMRRs in table order
 * @param warnings errors of the firmware that leave the table readable
 */
public record DmarTable(int hostAddressWidth, List<Rmrr> regions, List<String> warnings) {
  /**
   * What Linux maps one to one for a PCI-ISA bridge, whatever the table says: the addresses that
   * old devices behind it, such as the floppy's controller, can emit. Kernels are built so unless
   * {@code INTEL_IOMMU_FLOPPY_WA} is off.
   */
  public static final Region ISA_BRIDGE = new Region(0, 0xff_ffff, RegionKind.DIRECT_RELAXABLE);

  /** A PCI function: segment, bus, device and function number. */
  public record Function(int segment, int bus, int device, int number) {}

  /** The buses behind bridges. */
  public interface Topology {
    /** Secondary bus of a bridge, or -1 if the function is not a bridge. */
    int secondaryBus(Function bridge);

    /** Subordinate bus of a bridge, or -1 if the function is not a bridge. */
    int subordinateBus(Function bridge);
  }

  /**
   * A PCI device that a region names.
   *
   * @param bridge whether it is a bridge that stands for its whole hierarchy
   * @param startBus bus of the first step
   * @param path device and function of each step, alternating
   */
  public record Scope(boolean bridge, int startBus, List<Integer> path) {
    /** Copies the path. */
    public Scope {
      path = List.copyOf(path);
    }

    /**
     * The function at the end of the path.
     *
     * @return null if a step on the way is not a bridge of the topology
     */
    public @Nullable Function resolve(int segment, Topology topology) {
      int bus = startBus;
      for (int i = 0; i + 2 < path.size(); i += 2) {
        bus = topology.secondaryBus(new Function(segment, bus, path.get(i), path.get(i + 1)));
        if (bus < 0) {
          return null;
        }
      }
      int end = path.size();
      return new Function(segment, bus, path.get(end - 2), path.get(end - 1));
    }
  }

  /**
   * A reserved memory region.
   *
   * @param first first address
   * @param last last address, inclusive
   * @param scopes PCI devices that it names
   * @param others anything else it names, in words: devices of the ACPI namespace, and scopes of
   *     types that are invalid here
   */
  public record Rmrr(int segment, long first, long last, List<Scope> scopes, List<String> others) {
    /** Copies the lists. */
    public Rmrr {
      scopes = List.copyOf(scopes);
      others = List.copyOf(others);
    }

    /** A region that names only PCI devices. */
    public Rmrr(int segment, long first, long last, List<Scope> scopes) {
      this(segment, first, last, scopes, List.of());
    }

    /** Whether the region applies to {@code device}. */
    public boolean appliesTo(Function device, Topology topology) {
      return device.segment == segment
          && scopes.stream().anyMatch(scope -> names(scope, device, topology));
    }

    private boolean names(Scope scope, Function device, Topology topology) {
      Function named = scope.resolve(segment, topology);
      if (named == null) {
        return false;
      }
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
    return new Parser(table, false).parse();
  }

  /**
   * Reads a table whose checksum, length or structures may be wrong. The readable part is read, and
   * {@link #warnings} describes the rest. Reading ends at a structure whose length is wrong.
   *
   * @throws FirmwareException if the signature is wrong or the fixed part is cut off
   */
  public static DmarTable parseLeniently(byte[] table) {
    return new Parser(table, true).parse();
  }

  private static final class Parser {
    private static final int HEADER = 48;
    private static final int DRHD = 0;
    private static final int RMRR = 1;
    private static final int ANDD = 4;
    private static final int ENDPOINT = 1;
    private static final int BRIDGE = 2;

    private final List<String> warnings = new ArrayList<>();
    private final List<Rmrr> regions = new ArrayList<>();

    /** Names of ACPI namespace devices by their numbers. */
    private final Map<Integer, String> names = new HashMap<>();

    private final AcpiHeader.Lenience lenience;
    private final ByteBuffer bytes;

    Parser(byte[] table, boolean lenient) {
      lenience = new AcpiHeader.Lenience(lenient, warnings);
      bytes = AcpiHeader.check(table, "DMAR", HEADER, lenience);
    }

    DmarTable parse() {
      structures(this::name);
      structures(this::structure);
      return new DmarTable((bytes.get(36) & 0xff) + 1, regions, warnings);
    }

    private interface Reader {
      void read(int at, int size, int type);
    }

    private void structures(Reader reader) {
      int length = bytes.capacity();
      for (int at = HEADER; at < length; ) {
        int size = at + 4 <= length ? bytes.getShort(at + 2) & 0xffff : 0;
        if (size < 4 || at + size > length) {
          lengthless(at, size, length - at);
          return;
        }
        int offset = at;
        int type = bytes.getShort(at) & 0xffff;
        lenience.structure(() -> reader.read(offset, size, type));
        at += size;
      }
    }

    private void lengthless(int at, int size, int left) {
      FirmwareException fault =
          FirmwareException.at(at, "structure of %d bytes, %d are left".formatted(size, left));
      if (warnings.stream().noneMatch(told -> told.startsWith(fault.getMessage() + ";"))) {
        lenience.forgive(fault);
      }
    }

    private void name(int at, int size, int type) {
      if (type != ANDD || size < 9) {
        return;
      }
      StringBuilder name = new StringBuilder();
      for (int i = at + 8; i < at + size && bytes.get(i) != 0; i++) {
        name.append((char) (bytes.get(i) & 0xff));
      }
      names.put(bytes.get(at + 7) & 0xff, Visible.of(name.toString()));
    }

    private void structure(int at, int size, int type) {
      if (type == RMRR) {
        region(at, size);
      } else if (type == DRHD && size >= 16) {
        long registers = bytes.getLong(at + 8);
        if (registers == 0 || registers == -1) {
          warnings.add(
              "offset %d: DRHD at 0x%x: Linux gives the table up, the IOMMU stays off"
                  .formatted(at, registers));
        }
      }
    }

    private void region(int at, int size) {
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
            "offset %d: RMRR 0x%x-0x%x is not made of whole pages, kept"
                .formatted(at, first, last));
      }
      List<Scope> scopes = new ArrayList<>();
      List<String> others = new ArrayList<>();
      lenience.structure(() -> scopes(at + 24, at + size, scopes, others));
      if (scopes.isEmpty() && others.isEmpty()) {
        warnings.add("offset %d: RMRR 0x%x-0x%x names no device".formatted(at, first, last));
      }
      regions.add(new Rmrr(bytes.getShort(at + 6) & 0xffff, first, last, scopes, others));
    }

    private void scopes(int begin, int end, List<Scope> scopes, List<String> others) {
      for (int at = begin; at < end; ) {
        int length = at + 6 <= end ? bytes.get(at + 1) & 0xff : 0;
        if (length < 8 || length % 2 != 0 || at + length > end) {
          throw FirmwareException.at(
              at, "device scope of %d bytes, expected 8 or more, even, inside".formatted(length));
        }
        int type = bytes.get(at) & 0xff;
        if (type == ENDPOINT || type == BRIDGE) {
          List<Integer> path = new ArrayList<>();
          for (int step = 6; step < length; step++) {
            path.add(bytes.get(at + step) & 0xff);
          }
          scopes.add(new Scope(type == BRIDGE, bytes.get(at + 5) & 0xff, path));
        } else {
          others.add(other(type, bytes.get(at + 4) & 0xff));
        }
        at += length;
      }
    }

    private String other(int type, int number) {
      return switch (type) {
        case 3 -> "IOAPIC %d".formatted(number);
        case 4 -> "HPET %d".formatted(number);
        case 5 ->
            "namespace device %d (%s)"
                .formatted(number, names.getOrDefault(number, "no ANDD names it"));
        default -> "device scope of unknown type %d".formatted(type);
      };
    }
  }

  /**
   * Whether Linux gives up the RMRRs of a PCI device once the device is assigned to a guest: those
   * of USB and display devices.
   */
  public static boolean isRelaxable(int classCode) {
    return classCode >>> 8 == 0x0c03 || classCode >>> 16 == 0x03;
  }

  /** Whether a device is a PCI-ISA bridge (0x0601xx), which has {@link #ISA_BRIDGE}. */
  public static boolean isIsaBridge(int classCode) {
    return classCode >>> 8 == 0x0601;
  }

  /**
   * Regions of a device behind VT-d in Linux's order: its RMRRs, {@link #ISA_BRIDGE} if it is one,
   * the interrupt window.
   *
   * @param classCode PCI class, 24 bits; USB (0x0c03xx) and display (0x03xxxx) make RMRRs relaxable
   */
  public List<Region> regionsOf(Function device, int classCode, Topology topology) {
    RegionKind kind = isRelaxable(classCode) ? RegionKind.DIRECT_RELAXABLE : RegionKind.DIRECT;
    List<Region> found = new ArrayList<>();
    for (Rmrr region : regions) {
      if (region.appliesTo(device, topology)) {
        found.add(new Region(region.first, region.last, kind));
      }
    }
    if (isIsaBridge(classCode)) {
      found.add(ISA_BRIDGE);
    }
    found.add(Region.X86_MSI);
    return found;
  }
}
