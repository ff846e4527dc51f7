package dev.nestwalk.acpi;

import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The text of {@code /sys/kernel/iommu_groups/N/reserved_regions}: a region per line. */
public final class ReservedRegionsText {
  private static final Pattern LINE =
      Pattern.compile("\\s*0[xX]([0-9a-fA-F]{1,16})\\s+0[xX]([0-9a-fA-F]{1,16})\\s+(\\S+)\\s*");

  /**
   * Reads regions. The text does not tell hardware and software MSI windows apart: exactly
   * 0x8000000-0x80fffff is taken as the software window, any other as hardware.
   *
   * @throws FirmwareException for a line that is no region, with its number
   */
  public static List<Region> parse(String text) {
    List<Region> regions = new ArrayList<>();
    int number = 0;
    for (String line : text.lines().toList()) {
      number++;
      if (!line.isBlank()) {
        regions.add(region(line, number));
      }
    }
    return regions;
  }

  private static Region region(String line, int number) {
    Matcher matcher = LINE.matcher(line);
    if (!matcher.matches()) {
      throw new FirmwareException(
          "line %d: expected 0xFIRST 0xLAST TYPE, found '%s'".formatted(number, line.strip()));
    }
    long first = Long.parseUnsignedLong(matcher.group(1), 16);
    long last = Long.parseUnsignedLong(matcher.group(2), 16);
    if (Long.compareUnsigned(last, first) < 0) {
      throw new FirmwareException(
          "line %d: expected the last address not below the first".formatted(number));
    }
    return new Region(first, last, kind(matcher.group(3), first, last, number));
  }

  private static RegionKind kind(String word, long first, long last, int number) {
    Region software = Region.ARM_SW_MSI;
    return switch (word) {
      case "direct" -> RegionKind.DIRECT;
      case "direct-relaxable" -> RegionKind.DIRECT_RELAXABLE;
      case "reserved" -> RegionKind.RESERVED;
      case "msi" ->
          first == software.first() && last == software.last() ? RegionKind.SW_MSI : RegionKind.MSI;
      default ->
          throw new FirmwareException(
              "line %d: expected direct, direct-relaxable, reserved or msi, found '%s'"
                  .formatted(number, word));
    };
  }

  /** Writes regions exactly as Linux does. */
  public static String print(List<Region> regions) {
    StringBuilder text = new StringBuilder();
    for (Region region : regions) {
      text.append(
          "0x%016x 0x%016x %s\n".formatted(region.first(), region.last(), region.kind().text()));
    }
    return text.toString();
  }

  private ReservedRegionsText() {}
}
