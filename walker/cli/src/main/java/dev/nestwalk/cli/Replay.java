package dev.nestwalk.cli;

import dev.nestwalk.acpi.FirmwareException;
import dev.nestwalk.acpi.ReservedRegionsText;
import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.fixtures.Utf8;
import dev.nestwalk.region.AddressSet;
import dev.nestwalk.region.Device;
import dev.nestwalk.region.Errno;
import dev.nestwalk.region.Hwpt;
import dev.nestwalk.region.Ioas;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionException;
import dev.nestwalk.region.RegionList;
import dev.nestwalk.region.Tracker;
import dev.nestwalk.region.Unit;
import dev.nestwalk.teach.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Compares a machine's record with the tracker: the regions of its groups, the ranges that Linux
 * lets user space use, and Linux's answers to map requests. {@link RegionSteps} handles records of
 * steps.
 *
 * <p>Only the upper end of the usable ranges is taken from the record, as the table's aperture; the
 * holes below it and every answer come from the tracker.
 */
final class Replay {
  private static final String HEX = "[0-9a-fA-F]{1,16}";
  private static final Pattern GROUP =
      Pattern.compile("group (\\d{1,9}) type (\\w+)(?: devices (.*))?");
  private static final Pattern DEVICE = Pattern.compile("\\s+device (\\S+) .*driver (\\S+)");
  private static final Pattern REGION = Pattern.compile("\\s*(?:reserved )?(0x\\w+ 0x\\w+ \\S+)");
  private static final Pattern USABLE =
      Pattern.compile(
          "(vfio (\\S+) allowed_iova|(?:type1|iommufd \\S+) usable) 0x("
              + HEX
              + ") 0x("
              + HEX
              + ")");
  private static final Pattern MAP =
      Pattern.compile(
          "map (\\S+)\\s+iova 0x(" + HEX + ") size 0x(" + HEX + ") flags (\\w+) -> (.*)");
  private static final Pattern UNMAP = Pattern.compile("unmap (\\S+) -> (.*)");
  private static final Pattern HEADING =
      Pattern.compile("vfio \\S+ page_sizes .*|VFIO type 1, .*|Map and unmap requests of .*");

  /** Regions and members of a group. */
  private static final class Group {
    final List<Region> regions = new ArrayList<>();
    final List<String> members = new ArrayList<>();
    boolean mapped;
  }

  private final Path file;
  private final Map<Integer, Group> groups = new LinkedHashMap<>();
  private final Map<String, List<AddressSet.Range>> usable = new LinkedHashMap<>();
  private final Map<String, AddressSet.Range> maps = new LinkedHashMap<>();
  private final List<String> failures = new ArrayList<>();
  private @Nullable Group current;
  private @Nullable Ioas space;
  private int passed;

  /**
   * The result.
   *
   * @param passed number of equal answers
   * @param failures the others, one line each
   */
  record Result(int passed, List<String> failures) {}

  private Replay(Path file) {
    this.file = file;
  }

  /** Replays a record of either kind. */
  static Result of(Path file) {
    List<String> lines;
    try {
      lines = Utf8.lines(Files.readAllBytes(file));
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + IoReason.of(e) + ")");
    }
    return of(file, lines);
  }

  static Result of(Path file, List<String> lines) {
    return RegionSteps.are(lines) ? new RegionSteps(file).run(lines) : new Replay(file).run(lines);
  }

  private Result run(List<String> lines) {
    List<String> requests = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).stripTrailing();
      if (line.startsWith("map ") || line.startsWith("unmap ")) {
        requests.add(line);
      } else if (!line.isEmpty()) {
        read(line, i + 1);
      }
    }
    groups.forEach(this::checkGroup);
    usable.forEach(this::checkUsable);
    requests.forEach(this::checkRequest);
    return new Result(passed, failures);
  }

  private void read(String line, int number) {
    Matcher matcher = GROUP.matcher(line);
    if (matcher.matches()) {
      current = new Group();
      groups.put(Integer.parseInt(matcher.group(1)), current);
      if (matcher.group(3) != null) {
        current.members.addAll(List.of(matcher.group(3).split(" ")));
      }
      return;
    }
    matcher = DEVICE.matcher(line);
    if (matcher.matches() && current != null) {
      current.members.add(matcher.group(1));
      current.mapped |= matcher.group(2).equals("vfio-pci");
      return;
    }
    matcher = USABLE.matcher(line);
    if (matcher.matches()) {
      long first = Long.parseUnsignedLong(matcher.group(3), 16);
      long last = Long.parseUnsignedLong(matcher.group(4), 16);
      usable
          .computeIfAbsent(matcher.group(1), ignored -> new ArrayList<>())
          .add(new AddressSet.Range(first, last));
      return;
    }
    matcher = REGION.matcher(line);
    if (matcher.matches() && current != null) {
      try {
        current.regions.addAll(ReservedRegionsText.parse(matcher.group(1)));
      } catch (FirmwareException e) {
        throw new InputException("%s: line %d: %s".formatted(file, number, e.getMessage()));
      }
      return;
    }
    if (!HEADING.matcher(line).matches()) {
      throw new InputException(
          "%s: line %d: expected a group, a device, a region, a usable range or a map request"
              .formatted(file, number));
    }
  }

  private void verify(boolean same, String what) {
    if (same) {
      passed++;
    } else {
      failures.add(file.getFileName() + ": " + what);
    }
  }

  /** Checks that a group's regions are listed as Linux lists them. */
  private void checkGroup(int number, Group group) {
    RegionList list = new RegionList();
    group.regions.reversed().forEach(list::add);
    String expected = shown(group.regions);
    String found = shown(list.regions());
    verify(expected.equals(found), "group %d: %s; expected %s".formatted(number, found, expected));
  }

  /** Regions as sysfs lists them, in one line. */
  private static String shown(List<Region> regions) {
    return ReservedRegionsText.print(regions).lines().collect(Collectors.joining(", "));
  }

  private static String words(List<AddressSet.Range> ranges) {
    return ranges.stream()
        .map(range -> "0x%x-0x%x".formatted(range.first(), range.last()))
        .collect(Collectors.joining(" "));
  }

  /** Checks that the tracker's usable ranges are those of Linux. */
  private void checkUsable(String source, List<AddressSet.Range> expected) {
    try {
      Ioas ioas = attached(source, expected.get(expected.size() - 1).last());
      List<AddressSet.Range> found = ioas.ranges().usable();
      verify(
          found.equals(expected),
          "%s: usable %s, expected %s".formatted(source, words(found), words(expected)));
      space = ioas;
    } catch (RegionException e) {
      failures.add("%s: %s: %s".formatted(file.getFileName(), source, e.getMessage()));
    }
  }

  /** An address space to which the device of a list of usable ranges is attached. */
  private Ioas attached(String source, long last) throws RegionException {
    Tracker tracker = new Tracker(Policy.LINUX_7_2);
    Group group = groupOf(source);
    Device device = tracker.bind("device", "group", Unit.VTD, group.regions, false);
    Ioas ioas = new Ioas();
    Hwpt table =
        tracker.allocate(
            device,
            ioas,
            Hwpt.Kind.PAGING,
            new AddressSet.Range(0, last),
            4096,
            Hwpt.Options.DEFAULT);
    tracker.attach(device, Tracker.RID, table);
    return ioas;
  }

  private Group groupOf(String source) {
    for (Group group : groups.values()) {
      boolean named =
          source.startsWith("vfio ") && group.members.contains("0000:" + source.split(" ", -1)[1]);
      if (named || !source.startsWith("vfio ") && group.mapped) {
        return group;
      }
    }
    throw new InputException("%s: no group belongs to '%s'".formatted(file, source));
  }

  private void checkRequest(String line) {
    Ioas ioas = space;
    if (ioas == null) {
      throw new InputException(file + ": map requests without usable ranges before them");
    }
    Matcher map = MAP.matcher(line);
    Matcher unmap = UNMAP.matcher(line);
    String found;
    String expected;
    if (map.matches()) {
      long iova = Long.parseUnsignedLong(map.group(2), 16);
      long size = Long.parseUnsignedLong(map.group(3), 16);
      int rights =
          (map.group(4).contains("r") ? Ioas.READ : 0)
              | (map.group(4).contains("w") ? Ioas.WRITE : 0);
      expected = map.group(5);
      maps.put(map.group(1), new AddressSet.Range(iova, size));
      found = answer(() -> ioas.mapFixed(iova, size, 0x7f00_0000_0000L, rights));
    } else if (unmap.matches() && maps.containsKey(unmap.group(1))) {
      AddressSet.Range range = maps.get(unmap.group(1));
      expected = unmap.group(2);
      found = answer(() -> ioas.unmapVfio(range.first(), range.last(), false));
    } else {
      throw new InputException("%s: '%s': expected a map request".formatted(file, line));
    }
    verify(found.equals(expected), "%s: %s".formatted(line, found));
  }

  private interface Request {
    void make() throws RegionException;
  }

  /** The answer in the words of Linux's C library. */
  private static String answer(Request request) {
    try {
      request.make();
      return "ok";
    } catch (RegionException e) {
      Errno errno = e.errno();
      return switch (errno) {
        case EINVAL -> "Invalid argument";
        case EEXIST -> "File exists";
        case ENOENT -> "No such file or directory";
        case EOVERFLOW -> "Value too large for defined data type";
        default -> errno.toString();
      };
    }
  }
}
