package dev.nestwalk.cli;

import dev.nestwalk.acpi.FirmwareException;
import dev.nestwalk.acpi.ReservedRegionsText;
import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.fixtures.trace.TraceDeviations;
import dev.nestwalk.region.AddressSet;
import dev.nestwalk.region.Device;
import dev.nestwalk.region.Errno;
import dev.nestwalk.region.Hwpt;
import dev.nestwalk.region.Ioas;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionException;
import dev.nestwalk.region.Tracker;
import dev.nestwalk.region.Unit;
import dev.nestwalk.teach.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Replays a record of what one device's program asked of Linux's iommufd, step by step, on a
 * tracker under {@link Policy#LINUX_7_2}, and compares the answers.
 *
 * <p>Where Linux is known to be wrong, {@code NAME.deviations} beside {@code NAME.steps} lists the
 * line, the correct answer and the reason; the tracker has to give that answer.
 *
 * <p>The record supplies the device's regions and the range that a kind of table can translate.
 * Everything else comes from the tracker: each {@code -> ANSWER} (an errno or ok), and each list of
 * usable ranges.
 */
final class RegionSteps {
  private static final String RANGE = "0x\\w+-0x\\w+";
  private static final String ANSWER = " -> (\\w+)";
  private static final long GRANULE = 4096;

  /** Address of the program's buffer. */
  private static final long BUFFER = 0x7f00_0000_0000L;

  /** The action of a step; its arguments are the groups of its pattern without the answer. */
  private interface Act {
    void take(Matcher words) throws RegionException, Absent;
  }

  /** Thrown if a step names an object that was never made or no longer exists. */
  private static final class Absent extends Exception {
    private static final long serialVersionUID = 1;
  }

  private record Step(Pattern pattern, Act act) {}

  private final Path file;
  private final Map<Integer, TraceDeviations.Deviation> deviations;
  private final Tracker tracker = new Tracker(Policy.LINUX_7_2);
  private final List<Region> regions = new ArrayList<>();
  private final Map<String, AddressSet.Range> apertures = new HashMap<>();
  private final Map<String, Ioas> spaces = new HashMap<>();
  private final Map<String, Hwpt> tables = new HashMap<>();
  private final List<String> failures = new ArrayList<>();
  private final List<Step> steps =
      List.of(
          step("bind (vtd|smmuv3)( pasids)?", this::bind),
          step("ioas (\\w+)", words -> spaces.put(words.group(1), new Ioas())),
          step("table (\\w+) (paging|parent) in (\\w+)( pasids)?", this::table),
          step("nested (\\w+) on (\\w+)( pasids)?( without vdevice)?", this::nested),
          step("attach (\\w+)(?: pasid 0x(\\w+))?", this::attach),
          step(
              "detach(?: pasid 0x(\\w+))?",
              words -> tracker.detach(device(), pasid(words.group(1)))),
          step(
              "map (\\w+) 0x(\\w+) 0x(\\w+)",
              words ->
                  space(words.group(1))
                      .mapFixed(hex(words.group(2)), hex(words.group(3)), BUFFER, 3)),
          step(
              "unmap (\\w+) 0x(\\w+) 0x(\\w+)",
              words -> space(words.group(1)).unmap(hex(words.group(2)), hex(words.group(3)))),
          step(
              "allow (\\w+)((?: " + RANGE + ")*)",
              words -> space(words.group(1)).allow(rangesOf(words.group(2)))),
          step("destroy (\\w+)", this::destroy));

  private static final Pattern REGION = Pattern.compile("region (0x\\w+ 0x\\w+ \\S+)");
  private static final Pattern APERTURE =
      Pattern.compile("aperture (paging|parent) (" + RANGE + ")");
  private static final Pattern RANGES =
      Pattern.compile("ranges (\\w+) alignment 0x(\\w+):((?: " + RANGE + ")*)");

  private @Nullable Device device;
  private int passed;
  private int number;

  RegionSteps(Path file) {
    this.file = file;
    deviations = deviations(file);
  }

  private static Map<Integer, TraceDeviations.Deviation> deviations(Path file) {
    String name = String.valueOf(file.getFileName()).replaceFirst("\\.steps$", "");
    Path beside = file.resolveSibling(name + ".deviations");
    if (!Files.exists(beside)) {
      return Map.of();
    }
    try {
      return TraceDeviations.parse(beside, Files.readAllLines(beside));
    } catch (IOException e) {
      throw new InputException(beside + ": cannot be read (" + IoReason.of(e) + ")");
    }
  }

  private static Step step(String words, Act act) {
    return new Step(Pattern.compile(words + ANSWER), act);
  }

  /** Whether the lines are a record of steps. */
  static boolean are(List<String> lines) {
    return lines.stream().anyMatch(line -> line.startsWith("bind "));
  }

  /** Replays the steps. */
  Replay.Result run(List<String> lines) {
    for (String line : lines) {
      number++;
      if (!line.isBlank() && !line.startsWith("#")) {
        take(line.strip());
      }
    }
    return new Replay.Result(passed, failures);
  }

  private InputException bad(String what) {
    return new InputException("%s: line %d: %s".formatted(file, number, what));
  }

  private void verify(String line, String recorded, String found) {
    TraceDeviations.Deviation deviation = deviations.get(number);
    if (deviation != null && !deviation.text().equals(line)) {
      throw bad("the deviation of this line is about '%s'".formatted(deviation.text()));
    }
    String expected = deviation == null ? recorded : deviation.value();
    if (found.equals(expected)) {
      passed++;
    } else {
      failures.add(
          "%s: line %d: %s: the tracker says %s"
              .formatted(file.getFileName(), number, line, found));
    }
  }

  private void take(String line) {
    Matcher region = REGION.matcher(line);
    Matcher aperture = APERTURE.matcher(line);
    Matcher ranges = RANGES.matcher(line);
    if (region.matches()) {
      try {
        regions.addAll(ReservedRegionsText.parse(region.group(1)));
      } catch (FirmwareException e) {
        throw bad(String.valueOf(e.getMessage()));
      }
    } else if (aperture.matches()) {
      apertures.put(aperture.group(1), rangesOf(aperture.group(2)).get(0));
    } else if (ranges.matches()) {
      String expected = "alignment 0x%s:%s".formatted(ranges.group(2), ranges.group(3));
      verify(line, expected, usable(ranges.group(1)));
    } else {
      act(line);
    }
  }

  private void act(String line) {
    for (Step step : steps) {
      Matcher words = step.pattern.matcher(line);
      if (words.matches()) {
        String found = "ok";
        try {
          step.act.take(words);
        } catch (RegionException e) {
          found = e.errno().name();
        } catch (Absent e) {
          found = Errno.ENOENT.name();
        }
        verify(line, words.group(words.groupCount()), found);
        return;
      }
    }
    throw bad("expected a region, an aperture, usable ranges or a step with its answer");
  }

  private String usable(String name) {
    try {
      Ioas.Ranges ranges = space(name).ranges();
      StringBuilder text = new StringBuilder("alignment 0x%x:".formatted(ranges.alignment()));
      for (AddressSet.Range range : ranges.usable()) {
        text.append(" 0x%x-0x%x".formatted(range.first(), range.last()));
      }
      return text.toString();
    } catch (Absent e) {
      return Errno.ENOENT.name();
    }
  }

  // Steps.

  private void bind(Matcher words) throws RegionException {
    Unit unit = words.group(1).equals("vtd") ? Unit.VTD : Unit.SMMUV3;
    device = tracker.bind("device", "group", unit, regions, words.group(2) != null);
  }

  private void table(Matcher words) throws RegionException, Absent {
    String kind = words.group(2);
    Hwpt.Options options = options(words.group(4));
    tables.put(
        words.group(1),
        tracker.allocate(
            device(),
            space(words.group(3)),
            Hwpt.Kind.valueOf(kind.toUpperCase(Locale.ROOT)),
            aperture(kind),
            GRANULE,
            options));
  }

  private static Hwpt.Options options(@Nullable String pasids) {
    return pasids == null ? Hwpt.Options.DEFAULT : Hwpt.Options.DEFAULT.forPasids();
  }

  private void nested(Matcher words) throws RegionException, Absent {
    Hwpt parent = table(words.group(2));
    Hwpt.Options options = options(words.group(3));
    if (words.group(4) != null) {
      options = options.withoutVirtualDevice();
    }
    tables.put(words.group(1), tracker.nest(device(), parent, options));
  }

  private void attach(Matcher words) throws RegionException, Absent {
    int pasid = pasid(words.group(2));
    boolean replaces = tracker.attached(device(), pasid) != null;
    Ioas space = spaces.get(words.group(1));
    if (space != null && replaces) {
      tracker.replace(device(), pasid, space, aperture("paging"), GRANULE);
    } else if (space != null) {
      tracker.attach(device(), pasid, space, aperture("paging"), GRANULE);
    } else if (replaces) {
      tracker.replace(device(), pasid, table(words.group(1)));
    } else {
      tracker.attach(device(), pasid, table(words.group(1)));
    }
  }

  private void destroy(Matcher words) throws RegionException, Absent {
    String name = words.group(1);
    if (spaces.containsKey(name)) {
      tracker.destroy(space(name));
      spaces.remove(name);
    } else {
      tracker.destroy(table(name));
      tables.remove(name);
    }
  }

  // What the words name.

  private Device device() {
    if (device == null) {
      throw bad("a step without a bound device");
    }
    return device;
  }

  private AddressSet.Range aperture(String kind) {
    AddressSet.Range aperture = apertures.get(kind);
    if (aperture == null) {
      throw bad("no aperture of a %s table before it".formatted(kind));
    }
    return aperture;
  }

  private Ioas space(String name) throws Absent {
    Ioas space = spaces.get(name);
    if (space == null) {
      throw new Absent();
    }
    return space;
  }

  private Hwpt table(String name) throws Absent {
    Hwpt table = tables.get(name);
    if (table == null) {
      throw new Absent();
    }
    return table;
  }

  private int pasid(@Nullable String digits) {
    if (digits == null) {
      return Tracker.RID;
    }
    long pasid = hex(digits);
    return pasid < 0 ? Integer.MAX_VALUE : (int) Math.min(pasid, Integer.MAX_VALUE);
  }

  private long hex(String digits) {
    try {
      return Long.parseUnsignedLong(digits, 16);
    } catch (NumberFormatException e) {
      throw bad("'%s': expected up to 16 hexadecimal digits".formatted(digits));
    }
  }

  private List<AddressSet.Range> rangesOf(String text) {
    List<AddressSet.Range> ranges = new ArrayList<>();
    for (String range : text.strip().split(" ", -1)) {
      if (!range.isEmpty()) {
        String[] ends = range.split("-", 2);
        ranges.add(new AddressSet.Range(hex(ends[0].substring(2)), hex(ends[1].substring(2))));
      }
    }
    return ranges;
  }
}
