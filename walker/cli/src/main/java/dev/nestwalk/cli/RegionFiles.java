package dev.nestwalk.cli;

import dev.nestwalk.acpi.DmarTable;
import dev.nestwalk.acpi.FirmwareException;
import dev.nestwalk.acpi.IortTable;
import dev.nestwalk.acpi.ReservedRegionsText;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Regions out of the platform's files: DMAR and IORT tables, Linux's sysfs texts. */
final class RegionFiles {
  private static final int SIGNATURE = 4;

  /** A region and where it was said. */
  record Sourced(Region region, String source) {}

  /** What one file says, whatever device it is about, and what was odd in it. */
  record Content(List<Sourced> regions, List<String> warnings) {}

  /**
   * Reads a file of any of the three kinds.
   *
   * @throws InputException with one line that names the file
   */
  static Content read(Path file) {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e.getClass().getSimpleName() + ")");
    }
    try {
      return switch (signature(bytes)) {
        case "DMAR" -> dmar(DmarTable.parse(bytes));
        case "IORT" -> iort(IortTable.parse(bytes));
        default -> text(new String(bytes, StandardCharsets.UTF_8));
      };
    } catch (FirmwareException e) {
      throw new InputException(file + ": " + e.getMessage());
    }
  }

  private static String signature(byte[] bytes) {
    return new String(bytes, 0, Math.min(SIGNATURE, bytes.length), StandardCharsets.US_ASCII);
  }

  private static Content dmar(DmarTable table) {
    List<Sourced> all = new ArrayList<>();
    for (DmarTable.Rmrr rmrr : table.regions()) {
      List<String> scopes = new ArrayList<>();
      for (DmarTable.Scope scope : rmrr.scopes()) {
        scopes.add(describe(rmrr.segment(), scope));
      }
      all.add(
          new Sourced(
              new Region(rmrr.first(), rmrr.last(), RegionKind.DIRECT),
              "RMRR for " + String.join(", ", scopes)));
    }
    all.add(new Sourced(Region.X86_MSI, "VT-d, every device"));
    return new Content(all, table.warnings());
  }

  private static String describe(int segment, DmarTable.Scope scope) {
    StringBuilder path = new StringBuilder("%04x:%02x:".formatted(segment, scope.startBus()));
    for (int i = 0; i < scope.path().size(); i += 2) {
      path.append(i == 0 ? "" : "/")
          .append("%02x.%x".formatted(scope.path().get(i), scope.path().get(i + 1)));
    }
    return path + (scope.bridge() ? " and below" : "");
  }

  private static Content iort(IortTable table) {
    List<Sourced> all = new ArrayList<>();
    all.add(new Sourced(Region.ARM_SW_MSI, "SMMUv3, every device"));
    for (IortTable.Rmr rmr : table.rmrs()) {
      List<String> streams = new ArrayList<>();
      for (IortTable.Mapping mapping : rmr.mappings()) {
        streams.add("0x%x-0x%x".formatted(mapping.output(), mapping.output() + mapping.extent()));
      }
      for (Region region : rmr.regions()) {
        all.add(new Sourced(region, "RMR for StreamIDs " + String.join(", ", streams)));
      }
    }
    return new Content(all, table.warnings());
  }

  private static Content text(String text) {
    List<Sourced> all = new ArrayList<>();
    for (Region region : ReservedRegionsText.parse(text)) {
      all.add(new Sourced(region, "reserved_regions"));
    }
    return new Content(all, List.of());
  }

  private RegionFiles() {}
}
