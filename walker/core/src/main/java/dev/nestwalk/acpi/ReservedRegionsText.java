package dev.nestwalk.acpi;

import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The text of {@code /sys/kernel/iommu_groups/N/reserved_regions}: one region per line. It is read
 * in any form in which people paste it: with the shell prompt and the command before it, with file
 * names that grep puts before each line or tail before each file, quoted in a mail, several groups
 * in one text. A comment may follow a region: {@code # interrupts}.
 */
public final class ReservedRegionsText {
  private static final Pattern LINE =
      Pattern.compile(
          "\\s*0[xX]([0-9a-fA-F]{1,16})\\s+0[xX]([0-9a-fA-F]{1,16})\\s+(\\S+)"
              + "(?:\\s+#.*|\\s*)");

  /**
   * Quotation marks before a line: {@code >} of mails, {@code |} of tables and boxes, any number of
   * them.
   */
  private static final Pattern QUOTE = Pattern.compile("^(?:\\s*[>|])+ ?");

  private static final Pattern FILE_PREFIX =
      Pattern.compile("^\\s*(\\S*reserved_regions)[:-](?:[0-9]+[:-])?\\s*(.*)$");
  private static final Pattern LINE_NUMBER = Pattern.compile("^\\s*[0-9]+[:\\s]\\s*(?=0[xX])");
  private static final Pattern FILE_HEADER =
      Pattern.compile("^\\s*(?:==> )?(\\S*reserved_regions)(?: <==)?:?\\s*$");
  private static final Pattern PROMPT =
      Pattern.compile("^(\\[?[\\w.@:~/ -]*\\]?\\s?)[#$%>](?:\\s+(.*))?$");

  /** What no prompt has before its sign and no command begins with: addresses. */
  private static final Pattern ADDRESSES =
      Pattern.compile(
          "0[xX][0-9a-fA-F]|(?<!\\w)[0-9a-fA-F]+\\s+[0-9a-fA-F]+\\s+(?:direct|reserved|msi)");

  private static final Pattern FILE = Pattern.compile("\\S*reserved_regions");
  private static final Pattern RULE = Pattern.compile("^\\s*(?:```.*|:{3,}|-{2,}|={3,})\\s*$");
  private static final Pattern GROUP_HEADER =
      Pattern.compile("^\\s*(?:iommu[ _])?group\\s+([0-9]+)\\s*:?\\s*$", Pattern.CASE_INSENSITIVE);

  /** Escape sequences for colours. */
  private static final Pattern ESCAPES = Pattern.compile("\u001b\\[[0-9;]*[mK]");

  private static final Pattern GROUP = Pattern.compile("iommu_groups/([^/]+)/reserved_regions$");
  private static final Pattern DEVICE =
      Pattern.compile("devices/(?:\\S*/)?([^/]+)/iommu_group/reserved_regions$");

  /**
   * The regions of one group.
   *
   * @param name "group 1" or "group of 0000:83:00.0"; the file's name where it says neither; empty
   *     if the text names no file
   */
  public record Group(String name, List<Region> regions) {
    /** Copies the list. */
    public Group {
      regions = List.copyOf(regions);
    }
  }

  /**
   * Reads regions of whatever group. The text does not distinguish hardware from software MSI
   * windows: exactly 0x8000000-0x80fffff is taken as the software window, any other as hardware.
   *
   * @throws FirmwareException for a line that is not a region; the message has the line's number
   */
  public static List<Region> parse(String text) {
    List<Region> regions = new ArrayList<>();
    parseGroups(text).forEach(group -> regions.addAll(group.regions));
    return regions;
  }

  /**
   * Reads regions group by group, in the order in which the text names the groups.
   *
   * @throws FirmwareException for a line that is not a region; the message has the line's number
   */
  public static List<Group> parseGroups(String text) {
    Map<String, List<Region>> groups = new LinkedHashMap<>();
    String name = "";
    int number = 0;
    String plain = ESCAPES.matcher(text.replace("\ufeff", "")).replaceAll("");
    for (String pasted : plain.lines().toList()) {
      number++;
      String line = QUOTE.matcher(pasted).replaceFirst("");
      Matcher prefix = FILE_PREFIX.matcher(line);
      Matcher header = FILE_HEADER.matcher(line);
      Matcher group = GROUP_HEADER.matcher(line);
      Matcher prompt = PROMPT.matcher(line);
      if (line.isBlank() || RULE.matcher(line).matches()) {
        continue;
      }
      if (header.matches()) {
        name = groupOf(header.group(1));
        groups.computeIfAbsent(name, ignored -> new ArrayList<>());
      } else if (group.matches()) {
        name = "group " + group.group(1);
      } else if (prefix.matches()) {
        List<Region> regions =
            groups.computeIfAbsent(groupOf(prefix.group(1)), ignored -> new ArrayList<>());
        if (!prefix.group(2).isBlank()) {
          regions.add(region(prefix.group(2), number));
        }
      } else if (prompt.matches() && !holdsRegion(prompt)) {
        Matcher file = FILE.matcher(prompt.group(2) == null ? "" : prompt.group(2));
        name = file.find() ? groupOf(file.group()) : "";
      } else {
        String bare = LINE_NUMBER.matcher(line).replaceFirst("");
        groups.computeIfAbsent(name, ignored -> new ArrayList<>()).add(region(bare, number));
      }
    }
    List<Group> all = new ArrayList<>();
    groups.forEach((of, regions) -> all.add(new Group(of, regions)));
    return all;
  }

  /**
   * Whether what looks like a prompt and a command is a region with something before or after it.
   * To skip it would declare its addresses usable. A line that begins with # is a comment, whatever
   * follows.
   */
  private static boolean holdsRegion(Matcher prompt) {
    String command = prompt.group(2);
    boolean comment = prompt.group(1).isBlank() && prompt.group().stripLeading().startsWith("#");
    return ADDRESSES.matcher(prompt.group(1)).find()
        || command != null && !comment && ADDRESSES.matcher(command).lookingAt();
  }

  /**
   * The group that the path of a {@code reserved_regions} file names.
   *
   * @return "group 1", "group of 0000:83:00.0", or the shortened path
   */
  public static String groupOf(String path) {
    Matcher group = GROUP.matcher(path);
    if (group.find()) {
      return "group " + Visible.of(group.group(1));
    }
    Matcher device = DEVICE.matcher(path);
    return device.find() ? "group of " + Visible.of(device.group(1)) : Visible.of(path);
  }

  private static Region region(String line, int number) {
    Matcher matcher = LINE.matcher(line);
    if (!matcher.matches()) {
      throw new FirmwareException(
          "line %d: expected 0xFIRST 0xLAST TYPE, found '%s'"
              .formatted(number, Visible.of(line.strip())));
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
                  .formatted(number, Visible.of(word)));
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
