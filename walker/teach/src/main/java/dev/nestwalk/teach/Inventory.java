package dev.nestwalk.teach;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.nestwalk.MappingScan;
import dev.nestwalk.dma.Access;
import dev.nestwalk.format.Field;
import dev.nestwalk.memory.GuestMemory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The findings of {@code inspect}, as text or JSON. */
public final class Inventory {
  /** One endpoint with its ranges. */
  public record Entry(Endpoint endpoint, RangeScan.Found found) {}

  private static final Gson JSON =
      new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

  private final Image image;
  private final boolean on;
  private final List<Entry> entries;
  private final List<String> memory = new ArrayList<>();
  private final Budget budget;
  private final long most;

  public Inventory(Image image, GuestMemory guest, boolean on, List<Entry> entries, Budget budget) {
    this.image = image;
    this.on = on;
    this.entries = List.copyOf(entries);
    this.budget = budget;
    most = mostPerEntry(this.entries, budget);
    Map<String, String> runs = new TreeMap<>();
    for (int run = 0; run < guest.runCount(); run++) {
      if (!guest.readsAsZero(run)) {
        runs.put("%016x".formatted(guest.first(run)), range(guest.first(run), guest.last(run)));
      }
    }
    memory.addAll(runs.values());
  }

  /**
   * Number of ranges to print for one endpoint, so that all endpoints together keep to the budget.
   * Endpoints that share a table repeat its ranges.
   */
  private static long mostPerEntry(List<Entry> entries, Budget budget) {
    long[] sizes =
        entries.stream().mapToLong(entry -> entry.found.ranges().size()).sorted().toArray();
    long left = budget.printable();
    for (int i = 0; i < sizes.length; i++) {
      long share = left / (sizes.length - i);
      if (sizes[i] > share) {
        budget.stop("stopped after %d printed ranges".formatted(budget.printable()));
        return share;
      }
      left -= sizes[i];
    }
    return Long.MAX_VALUE;
  }

  private List<MappingScan.Mapping> printed(Entry entry) {
    List<MappingScan.Mapping> ranges = entry.found.ranges();
    return ranges.subList(0, (int) Math.min(ranges.size(), most));
  }

  private boolean isCut(Entry entry) {
    return entry.found.next() != null || entry.found.ranges().size() > most;
  }

  private static String range(long first, long last) {
    return "0x%x..0x%x".formatted(first, last);
  }

  public String text() {
    StringBuilder text = new StringBuilder(8192);
    line(
        text,
        "%s: %s%s",
        image.name(),
        image.format(),
        image.isVtd() ? ", host address width " + image.hostAddressWidth() : "");
    line(text, "");
    line(text, "memory with contents: %d %s", memory.size(), memory.size() == 1 ? "run" : "runs");
    memory.stream().limit(16).forEach(run -> line(text, "  %s", run));
    if (memory.size() > 16) {
      line(text, "  … and %d more", memory.size() - 16);
    }
    line(text, "");
    line(text, "registers");
    int width = image.registers().keySet().stream().mapToInt(String::length).max().orElse(0);
    image.registers().forEach((name, value) -> register(text, Math.max(width, 9), name, value));
    line(text, "");
    if (!on) {
      line(text, "translation is off; the contexts below are not in force");
    }
    line(text, "domains");
    domains()
        .forEach((domain, sources) -> line(text, "  %d: %s", domain, String.join(" ", sources)));
    for (Entry entry : entries) {
      entry(text, entry);
    }
    line(text, "");
    line(text, "%d %s", entries.size(), entries.size() == 1 ? "endpoint" : "endpoints");
    budget.stopped().forEach(reason -> line(text, "%s; --limit SECONDS goes on longer", reason));
    return text.toString();
  }

  private static void line(StringBuilder text, String format, Object... arguments) {
    text.append(format.formatted(arguments).stripTrailing()).append('\n');
  }

  private static void register(StringBuilder text, int width, String name, long value) {
    StringBuilder fields = new StringBuilder();
    for (Field field : RegisterFields.of(name)) {
      fields.append("  ").append(field.name()).append('=');
      fields.append(Numbers.hex(field.get(value)).substring(2));
    }
    line(text, "  %s 0x%016x%s", name + " ".repeat(width - name.length()), value, fields);
  }

  private Map<Integer, List<String>> domains() {
    Map<Integer, List<String>> domains = new TreeMap<>();
    for (Entry entry : entries) {
      domains
          .computeIfAbsent(entry.endpoint.domain(), domain -> new ArrayList<>())
          .add(name(entry.endpoint));
    }
    return domains;
  }

  private static String name(Endpoint endpoint) {
    String source = Numbers.source(endpoint.sourceId());
    return endpoint.pasid() < 0 ? source : source + "/pasid=" + Numbers.hex(endpoint.pasid());
  }

  private void entry(StringBuilder text, Entry entry) {
    Endpoint endpoint = entry.endpoint;
    line(text, "");
    line(
        text,
        "%s%s domain %d: %s%s",
        name(endpoint),
        Numbers.isFunction(endpoint.sourceId()) ? " (0x%04x)".formatted(endpoint.sourceId()) : "",
        endpoint.domain(),
        endpoint.type(),
        endpoint.table() == 0 ? "" : ", table " + Numbers.hex(endpoint.table()));
    String device = image.devices().get(endpoint.sourceId());
    if (device != null) {
      line(text, "  %s", device);
    }
    for (MappingScan.Mapping range : printed(entry)) {
      line(
          text,
          "  0x%012x-0x%012x -> 0x%x  %s %s",
          range.first(),
          range.last(),
          range.output(),
          Numbers.size(range.last() - range.first() + 1),
          Access.describe(range.rights()));
    }
    if (on && !endpoint.translates() && endpoint.type().endsWith("pass-through")) {
      line(text, "  every address -> itself");
    } else if (on && entry.found.ranges().isEmpty() && entry.found.next() == null) {
      line(text, "  nothing mapped; address 0: %s", entry.found.fault());
    }
    if (isCut(entry)) {
      Long next = entry.found.next();
      line(
          text,
          "  … cut here%s",
          next == null ? "" : ": not looked at from 0x%x on".formatted(next));
    }
  }

  public String json() {
    Map<String, Object> root = new LinkedHashMap<>();
    root.put("version", 1);
    root.put("image", image.name());
    root.put("format", image.format());
    if (image.isVtd()) {
      root.put("host_address_width", image.hostAddressWidth());
    }
    root.put("translation", on ? "on" : "off");
    root.put("memory", memory);
    Map<String, Object> registers = new LinkedHashMap<>();
    image.registers().forEach((name, value) -> registers.put(name, registerMap(name, value)));
    root.put("registers", registers);
    root.put("domains", domains());
    root.put("stopped", budget.stopped());
    root.put("endpoints", entries.stream().map(this::entryMap).toList());
    return JSON.toJson(root) + "\n";
  }

  private static Map<String, Object> registerMap(String name, long value) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("value", "0x%016x".formatted(value));
    for (Field field : RegisterFields.of(name)) {
      map.put(field.name(), Numbers.hex(field.get(value)));
    }
    return map;
  }

  private Map<String, Object> entryMap(Entry entry) {
    Endpoint endpoint = entry.endpoint;
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("source_id", "0x%04x".formatted(endpoint.sourceId()));
    boolean function = Numbers.isFunction(endpoint.sourceId());
    map.put("bdf", function ? Numbers.bdf(endpoint.sourceId()) : "");
    map.put("pasid", endpoint.pasid() < 0 ? "" : Numbers.hex(endpoint.pasid()));
    map.put("domain", endpoint.domain());
    map.put("type", endpoint.type());
    map.put("table", Numbers.hex(endpoint.table()));
    map.put("what", image.devices().getOrDefault(endpoint.sourceId(), ""));
    List<Map<String, Object>> ranges = new ArrayList<>();
    for (MappingScan.Mapping range : printed(entry)) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("first", Numbers.hex(range.first()));
      one.put("last", Numbers.hex(range.last()));
      one.put("output", Numbers.hex(range.output()));
      one.put("size", Numbers.hex(range.last() - range.first() + 1));
      one.put("perm", Access.describe(range.rights()));
      ranges.add(one);
    }
    map.put("ranges", ranges);
    map.put("cut", isCut(entry));
    if (entry.found.ranges().isEmpty()) {
      map.put("fault", entry.found.fault());
    }
    return map;
  }
}
