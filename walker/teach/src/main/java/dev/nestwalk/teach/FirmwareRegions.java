package dev.nestwalk.teach;

import dev.nestwalk.acpi.AcpiDump;
import dev.nestwalk.acpi.DmarTable;
import dev.nestwalk.acpi.FirmwareException;
import dev.nestwalk.acpi.IortTable;
import dev.nestwalk.acpi.IvrsTable;
import dev.nestwalk.acpi.PciDevices;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The regions in firmware tables, each with the devices it applies to. */
final class FirmwareRegions {
  /** Signatures of the supported tables. */
  static final Set<String> READ = Set.of("DMAR", "IORT", "IVRS");

  /** Meanings of other signatures, for users who mistook one table for another. */
  private static final Map<String, String> OTHERS =
      Map.of(
          "VIOT", " (virtio-iommu; its regions come from the device itself)",
          "RIMT", " (the RISC-V IOMMU)",
          "APIC", " (the MADT)",
          "FACP", " (the FADT)");

  private static final Pattern SIGNATURE = Pattern.compile("[A-Z0-9_]{4}");

  private static final String PERHAPS = "(relaxable if USB or display)";

  private final boolean lenient;
  private final PciDevices devices;

  FirmwareRegions(FirmwareReading options) {
    lenient = options.lenient();
    devices = options.devices();
  }

  /**
   * Reads a table by its signature.
   *
   * @return null if the bytes are not an ACPI table
   * @throws FirmwareException if the table is malformed or not supported
   */
  RegionFiles.@Nullable Content table(String signature, byte[] bytes) {
    if (!READ.contains(signature) && isTable(signature, bytes)) {
      throw new FirmwareException(
          "ACPI table %s%s, expected DMAR, IORT or IVRS"
              .formatted(signature, OTHERS.getOrDefault(signature, "")));
    }
    return switch (signature) {
      case "DMAR" -> dmar(lenient ? DmarTable.parseLeniently(bytes) : DmarTable.parse(bytes));
      case "IORT" -> iort(lenient ? IortTable.parseLeniently(bytes) : IortTable.parse(bytes));
      case "IVRS" -> ivrs(lenient ? IvrsTable.parseLeniently(bytes) : IvrsTable.parse(bytes));
      default -> null;
    };
  }

  /**
   * Reads one of the tables of {@link #READ} from acpidump's text.
   *
   * @throws FirmwareException if it is malformed; the message names the table
   */
  RegionFiles.Content ofDump(AcpiDump.Table table) {
    try {
      RegionFiles.Content content = table(table.signature(), table.bytes());
      return content == null ? new RegionFiles.Content(List.of(), List.of()) : content;
    } catch (FirmwareException e) {
      throw new FirmwareException(table.signature() + ": " + e.getMessage());
    }
  }

  /** Whether the bytes begin as an ACPI table that is as long as the file. */
  private static boolean isTable(String signature, byte[] bytes) {
    return SIGNATURE.matcher(signature).matches()
        && bytes.length >= 36
        && ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(4) == bytes.length;
  }

  private RegionFiles.Content dmar(DmarTable table) {
    List<RegionFiles.Sourced> all = new ArrayList<>();
    for (DmarTable.Rmrr rmrr : table.regions()) {
      rmrr(rmrr, all);
    }
    List<String> bridges = isaBridges();
    if (!bridges.isEmpty()) {
      all.add(
          new RegionFiles.Sourced(
              DmarTable.ISA_BRIDGE, "Linux, for ISA bridge " + String.join(", ", bridges)));
    }
    all.add(new RegionFiles.Sourced(Region.X86_MSI, "VT-d, every device"));
    return new RegionFiles.Content(all, table.warnings());
  }

  private List<String> isaBridges() {
    return devices.classes().entrySet().stream()
        .filter(device -> DmarTable.isIsaBridge(device.getValue()))
        .map(Map.Entry::getKey)
        .map(f -> "%04x:%02x:%02x.%x".formatted(f.segment(), f.bus(), f.device(), f.number()))
        .sorted()
        .toList();
  }

  /** Adds an RMRR as one region for each kind that results from its devices. */
  private void rmrr(DmarTable.Rmrr rmrr, List<RegionFiles.Sourced> all) {
    Map<RegionKind, List<String>> named = new EnumMap<>(RegionKind.class);
    boolean unknown = false;
    for (DmarTable.Scope scope : rmrr.scopes()) {
      Integer code = classOf(rmrr.segment(), scope);
      unknown |= code == null;
      boolean relaxable = code != null && DmarTable.isRelaxable(code);
      named
          .computeIfAbsent(
              relaxable ? RegionKind.DIRECT_RELAXABLE : RegionKind.DIRECT, k -> new ArrayList<>())
          .add(describe(rmrr.segment(), scope));
    }
    if (!rmrr.others().isEmpty()) {
      named.computeIfAbsent(RegionKind.DIRECT, ignored -> new ArrayList<>()).addAll(rmrr.others());
    }
    if (named.isEmpty()) {
      named.put(RegionKind.DIRECT, List.of("no device"));
    }
    for (Map.Entry<RegionKind, List<String>> kind : named.entrySet()) {
      all.add(
          new RegionFiles.Sourced(
              new Region(rmrr.first(), rmrr.last(), kind.getKey()),
              "RMRR for " + String.join(", ", kind.getValue()),
              unknown && kind.getKey() == RegionKind.DIRECT ? PERHAPS : ""));
    }
  }

  /**
   * Class of the device that a scope names; null if it is unknown or the scope is a whole
   * hierarchy.
   */
  private @Nullable Integer classOf(int segment, DmarTable.Scope scope) {
    DmarTable.Function function = scope.resolve(segment, devices);
    if (function == null) {
      return null;
    }
    return scope.bridge() ? below(function) : devices.classOf(function);
  }

  /**
   * A class that stands for everything at and below a bridge: that of a device that is not
   * relaxable if there is one; null if the buses are unknown.
   */
  private @Nullable Integer below(DmarTable.Function bridge) {
    int secondary = devices.secondaryBus(bridge);
    Integer found = null;
    for (Map.Entry<DmarTable.Function, Integer> device : devices.classes().entrySet()) {
      DmarTable.Function function = device.getKey();
      boolean behind =
          secondary >= 0
              && function.segment() == bridge.segment()
              && function.bus() >= secondary
              && function.bus() <= devices.subordinateBus(bridge);
      if (behind && (found == null || !DmarTable.isRelaxable(device.getValue()))) {
        found = device.getValue();
      }
    }
    return found;
  }

  private static String describe(int segment, DmarTable.Scope scope) {
    StringBuilder path = new StringBuilder("%04x:%02x:".formatted(segment, scope.startBus()));
    for (int i = 0; i < scope.path().size(); i += 2) {
      path.append(i == 0 ? "" : "/")
          .append("%02x.%x".formatted(scope.path().get(i), scope.path().get(i + 1)));
    }
    return path + (scope.bridge() ? " and below" : "");
  }

  private static RegionFiles.Content iort(IortTable table) {
    List<RegionFiles.Sourced> all = new ArrayList<>();
    Set<Integer> versions = new TreeSet<>();
    table.smmus().forEach(smmu -> versions.add(smmu.version()));
    if (!versions.isEmpty()) {
      List<String> names = new ArrayList<>();
      versions.forEach(version -> names.add("SMMUv" + version));
      all.add(
          new RegionFiles.Sourced(
              Region.ARM_SW_MSI, String.join(" and ", names) + ", every device behind it"));
    }
    for (IortTable.Rmr rmr : table.rmrs()) {
      String streams = "RMR for " + streams(table, rmr);
      rmr.regions().forEach(region -> all.add(new RegionFiles.Sourced(region, streams)));
    }
    return new RegionFiles.Content(all, table.warnings());
  }

  /** The StreamIDs of an RMR for each SMMU. */
  private static String streams(IortTable table, IortTable.Rmr rmr) {
    Map<Integer, List<String>> streams = new LinkedHashMap<>();
    for (IortTable.Mapping mapping : rmr.mappings()) {
      String first = "0x%x".formatted(mapping.output());
      streams
          .computeIfAbsent(mapping.to(), ignored -> new ArrayList<>())
          .add(
              mapping.extent() == 0
                  ? first
                  : first + "-0x%x".formatted(mapping.output() + mapping.extent()));
    }
    List<String> all = new ArrayList<>();
    streams.forEach(
        (node, ids) -> {
          IortTable.Smmu smmu = table.smmuAt(node);
          all.add(
              "StreamID%s %s of %s (node 0x%x)"
                  .formatted(
                      ids.size() == 1 && !ids.get(0).contains("-") ? "" : "s",
                      String.join(", ", ids),
                      smmu == null
                          ? "no SMMU"
                          : "SMMUv%d at 0x%x".formatted(smmu.version(), smmu.base()),
                      node));
        });
    return String.join("; ", all);
  }

  private static RegionFiles.Content ivrs(IvrsTable table) {
    List<RegionFiles.Sourced> all = new ArrayList<>();
    for (IvrsTable.Memory memory : table.memories()) {
      all.add(
          new RegionFiles.Sourced(
              memory.region(),
              "IVMD (%s) for %s"
                  .formatted(memory.exclusion() ? "exclusion" : "unity", requesters(memory))));
    }
    all.add(new RegionFiles.Sourced(Region.X86_MSI, "AMD-Vi, every device"));
    if (table.hyperTransport()) {
      all.add(new RegionFiles.Sourced(IvrsTable.HYPER_TRANSPORT, "HyperTransport, every device"));
    }
    return new RegionFiles.Content(all, table.warnings());
  }

  private static String requesters(IvrsTable.Memory memory) {
    if (memory.all()) {
      return "every device of segment %04x".formatted(memory.segment());
    }
    String first = requester(memory.segment(), memory.firstDevice());
    return memory.firstDevice() == memory.lastDevice()
        ? first
        : first + " to " + requester(memory.segment(), memory.lastDevice());
  }

  private static String requester(int segment, int id) {
    return "%04x:%s (0x%x)".formatted(segment, Numbers.bdf(id), id);
  }
}
