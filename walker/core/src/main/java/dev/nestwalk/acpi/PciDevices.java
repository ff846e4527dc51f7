package dev.nestwalk.acpi;

import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The PCI devices of a machine, as far as they are known: class codes, and the buses behind
 * bridges.
 *
 * <p>Threads: filled by one thread, then only read.
 */
public final class PciDevices implements DmarTable.Topology {
  private static final String FUNCTION =
      "(?:([0-9a-fA-F]{4,8}):)?([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\\.([0-7])";

  /**
   * {@code lspci -n} prints {@code 00:02.0 0300: …}, {@code -nn} has {@code [0300]} in the line.
   */
  private static final Pattern PLAIN = Pattern.compile(FUNCTION + "\\s+([0-9a-fA-F]{4})\\s*:.*");

  private static final Pattern NAMED =
      Pattern.compile(FUNCTION + "\\s+[^\\[]*\\[([0-9a-fA-F]{4})\\].*");
  private static final Pattern BUSES =
      Pattern.compile(
          "\\s+Bus:\\s*primary=[0-9a-fA-F]{2},\\s*secondary=([0-9a-fA-F]{2}),"
              + "\\s*subordinate=([0-9a-fA-F]{2}).*");
  private static final Pattern CLASS =
      Pattern.compile(FUNCTION + "=(?:0[xX])?([0-9a-fA-F]{4}(?:[0-9a-fA-F]{2})?)");

  private record Buses(int secondary, int subordinate) {}

  private final Map<DmarTable.Function, Integer> classes = new HashMap<>();
  private final Map<DmarTable.Function, Buses> bridges = new HashMap<>();

  /** Makes an empty set of devices. */
  public PciDevices() {}

  /**
   * Adds the devices that {@code lspci -n} or {@code lspci -nn} prints, with {@code -v} also the
   * buses behind bridges. Other lines are skipped.
   *
   * @return number of devices in the text
   */
  public int addLspci(String text) {
    int found = 0;
    DmarTable.Function current = null;
    for (String line : text.lines().toList()) {
      Matcher plain = PLAIN.matcher(line);
      Matcher named = NAMED.matcher(line);
      Matcher buses = BUSES.matcher(line);
      if (plain.matches() || named.matches()) {
        Matcher matcher = plain.matches() ? plain : named;
        current = function(matcher);
        classes.put(current, Integer.parseInt(matcher.group(5), 16) << 8);
        found++;
      } else if (current != null && buses.matches()) {
        int secondary = Integer.parseInt(buses.group(1), 16);
        bridges.put(current, new Buses(secondary, Integer.parseInt(buses.group(2), 16)));
      }
    }
    return found;
  }

  /**
   * Adds one device, given as {@code 00:02.0=0300}: a function, and its class as four or six
   * hexadecimal digits.
   *
   * @throws FirmwareException if the text has another form
   */
  public void addClass(String text) {
    Matcher matcher = CLASS.matcher(text.strip());
    if (!matcher.matches()) {
      throw new FirmwareException(
          "'%s': expected a device and its class, as 00:02.0=0300".formatted(Visible.of(text)));
    }
    String digits = matcher.group(5);
    int code = Integer.parseInt(digits, 16);
    classes.put(function(matcher), digits.length() == 4 ? code << 8 : code);
  }

  private static DmarTable.Function function(Matcher matcher) {
    String segment = matcher.group(1);
    return new DmarTable.Function(
        segment == null ? 0 : Integer.parseUnsignedInt(segment, 16),
        Integer.parseInt(matcher.group(2), 16),
        Integer.parseInt(matcher.group(3), 16),
        Integer.parseInt(matcher.group(4), 16));
  }

  /** Class code of a function, 24 bits; null if it is not known. */
  public @Nullable Integer classOf(DmarTable.Function function) {
    return classes.get(function);
  }

  /** The class codes of all functions for which one is known. */
  public Map<DmarTable.Function, Integer> classes() {
    return Map.copyOf(classes);
  }

  @Override
  public int secondaryBus(DmarTable.Function bridge) {
    Buses buses = bridges.get(bridge);
    return buses == null ? -1 : buses.secondary;
  }

  @Override
  public int subordinateBus(DmarTable.Function bridge) {
    Buses buses = bridges.get(bridge);
    return buses == null ? -1 : buses.subordinate;
  }
}
