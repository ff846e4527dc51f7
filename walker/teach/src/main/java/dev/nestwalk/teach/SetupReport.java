package dev.nestwalk.teach;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.nestwalk.region.AddressSet;
import dev.nestwalk.region.Bound;
import dev.nestwalk.region.Conflict;
import dev.nestwalk.region.Device;
import dev.nestwalk.region.Effects;
import dev.nestwalk.region.Hwpt;
import dev.nestwalk.region.Tracker;
import java.util.List;
import java.util.Locale;

/** The result of a setup: the enforced, binding and reported regions of each space. */
public final class SetupReport {
  private final Setup setup;
  private final Effects effects;

  public SetupReport(Setup setup) {
    this.setup = setup;
    effects = new Effects(setup.tracker);
  }

  public String text() {
    StringBuilder text = new StringBuilder("policy " + setup.tracker.policy().name() + "\n");
    setup.refusals.forEach(line -> text.append("refused   ").append(line).append('\n'));
    setup.spaces.forEach(
        (name, space) -> {
          text.append("space ").append(name).append('\n');
          lines(text, "enforced", space.reserved().ranges());
        });
    setup.devices.forEach((name, device) -> device(text, name, device));
    setup.tables.forEach(
        (name, table) -> {
          if (!table.isNested()) {
            text.append("input of table ").append(name).append('\n');
            bounds(text, "binds", effects.intermediate(table));
          }
        });
    for (Conflict conflict : conflicts()) {
      text.append("conflict  ").append(conflict.describe()).append('\n');
    }
    return text.toString();
  }

  private void device(StringBuilder text, String name, Device device) {
    text.append("bus addresses of ").append(name).append('\n');
    List<Bound> reported = effects.reported(device);
    bounds(text, "binds", effects.bus(device, Tracker.RID));
    bounds(text, "reported", reported);
    for (int pasid : setup.tracker.pasidsOf(device)) {
      if (pasid != Tracker.RID) {
        text.append("bus addresses of %s with PASID 0x%x%n".formatted(name, pasid));
        bounds(text, "binds", effects.bus(device, pasid));
      }
    }
  }

  private static void lines(StringBuilder text, String what, List<AddressSet.Range> ranges) {
    for (AddressSet.Range range : ranges) {
      text.append("  %-9s 0x%016x-0x%016x%n".formatted(what, range.first(), range.last()));
    }
    if (ranges.isEmpty()) {
      text.append("  %-9s nothing%n".formatted(what));
    }
  }

  private static void bounds(StringBuilder text, String what, List<Bound> bounds) {
    for (Bound bound : bounds) {
      text.append(
          "  %-9s 0x%016x-0x%016x %-8s of %s, %s%n"
              .formatted(
                  what,
                  bound.region().first(),
                  bound.region().last(),
                  word(bound.region().kind()),
                  bound.device(),
                  demand(bound.demand())));
    }
    if (bounds.isEmpty() && what.equals("binds")) {
      text.append("  %-9s nothing%n".formatted(what));
    }
  }

  public static String word(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  public static String demand(Bound.Demand demand) {
    return switch (demand) {
      case HOLE -> "no DMA there";
      case IDENTITY -> "has to be identity";
      case HOST_OWNED -> "the host's doorbells live there";
      case BLOCKED -> "requests with PASID are blocked there";
    };
  }

  /** The regions that overlap mappings below the devices' tables. */
  private List<Conflict> conflicts() {
    List<Conflict> all = new java.util.ArrayList<>();
    for (Device device : setup.devices.values()) {
      Hwpt table = setup.tracker.attached(device, Tracker.RID);
      if (table != null) {
        all.addAll(effects.conflicts(device, table));
      }
    }
    return all;
  }

  public String json() {
    JsonObject all = new JsonObject();
    all.addProperty("version", 1);
    all.addProperty("policy", setup.tracker.policy().name());
    JsonArray refused = new JsonArray();
    setup.refusals.forEach(refused::add);
    all.add("refused", refused);
    JsonObject spaces = new JsonObject();
    setup.spaces.forEach(
        (name, space) -> {
          JsonArray ranges = new JsonArray();
          space.reserved().ranges().forEach(range -> ranges.add(range(range)));
          spaces.add(name, ranges);
        });
    all.add("enforced", spaces);
    JsonObject bus = new JsonObject();
    JsonObject reported = new JsonObject();
    setup.devices.forEach(
        (name, device) -> {
          bus.add(name, list(effects.bus(device, Tracker.RID)));
          reported.add(name, list(effects.reported(device)));
        });
    all.add("bindsBus", bus);
    all.add("reported", reported);
    JsonObject input = new JsonObject();
    setup.tables.forEach(
        (name, table) -> {
          if (!table.isNested()) {
            input.add(name, list(effects.intermediate(table)));
          }
        });
    all.add("bindsInput", input);
    JsonArray conflicts = new JsonArray();
    conflicts().forEach(conflict -> conflicts.add(conflict.describe()));
    all.add("conflicts", conflicts);
    return new GsonBuilder().setPrettyPrinting().create().toJson(all) + "\n";
  }

  private static JsonArray list(List<Bound> bounds) {
    JsonArray list = new JsonArray();
    for (Bound bound : bounds) {
      JsonObject one = range(new AddressSet.Range(bound.region().first(), bound.region().last()));
      one.addProperty("kind", word(bound.region().kind()));
      one.addProperty("device", bound.device().name());
      one.addProperty("demand", word(bound.demand()));
      list.add(one);
    }
    return list;
  }

  private static JsonObject range(AddressSet.Range range) {
    JsonObject one = new JsonObject();
    one.addProperty("first", "0x%x".formatted(range.first()));
    one.addProperty("last", "0x%x".formatted(range.last()));
    return one;
  }
}
