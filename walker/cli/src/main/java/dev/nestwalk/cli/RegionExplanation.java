package dev.nestwalk.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.nestwalk.region.Bound;
import dev.nestwalk.region.Device;
import dev.nestwalk.region.Effects;
import dev.nestwalk.region.Hwpt;
import dev.nestwalk.region.Ioas;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.Tracker;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.teach.Numbers;
import dev.nestwalk.teach.Setup;
import dev.nestwalk.teach.SetupReport;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Why an address of a setup is or is not reserved. */
final class RegionExplanation {
  /** The possible answers about the address. */
  private enum Answer {
    BOUND,
    NOT_BOUND,
    RESERVED,
    FREE
  }

  /** A region that contains the address, and the reason to report it. */
  private record Reason(Region region, Device device, String why) {}

  private final Setup setup;
  private final Effects effects;
  private final String space;
  private final long address;
  private final List<Reason> reasons = new ArrayList<>();
  private Answer answer = Answer.NOT_BOUND;
  private @Nullable String why;

  private RegionExplanation(Setup setup, String space, long address) {
    this.setup = setup;
    this.space = space;
    this.address = address;
    effects = new Effects(setup.tracker);
  }

  /**
   * Looks up an address.
   *
   * @param space {@code bus:DEVICE}, {@code bus:DEVICE:PASID}, {@code input:TABLE} or {@code
   *     space:NAME}
   * @throws InputException if the setup has no such space
   */
  static RegionExplanation of(Setup setup, String space, long address) {
    RegionExplanation explanation = new RegionExplanation(setup, space, address);
    String[] parts = space.split(":", -1);
    switch (parts[0]) {
      case "bus" -> explanation.bus(parts);
      case "input" -> explanation.input(parts);
      case "space" -> explanation.enforced(parts);
      default ->
          throw new InputException(
              "--space '" + space + "': expected bus:DEVICE, input:TABLE or space:NAME");
    }
    return explanation;
  }

  private void bus(String[] parts) {
    Device device = parts.length > 1 ? setup.devices.get(parts[1]) : null;
    if (device == null) {
      throw new InputException(
          "--space '%s': expected one of the devices %s"
              .formatted(String.join(":", parts), setup.devices.keySet()));
    }
    Long pasid = parts.length > 2 ? Numbers.hexOrNull(parts[2]) : Long.valueOf(Tracker.RID);
    if (pasid == null) {
      throw new InputException(
          "--space '%s': expected a hexadecimal PASID".formatted(String.join(":", parts)));
    }
    Hwpt table = setup.tracker.attached(device, pasid.intValue());
    why = "%s is attached to %s".formatted(device, table == null ? "nothing" : describe(table));
    bounds(effects.bus(device, pasid.intValue()));
  }

  private String describe(Hwpt table) {
    String name = setup.nameOf(table);
    return table.isNested()
        ? "%s, nested on %s, first stage %s"
            .formatted(name, setup.nameOf(table.paging()), SetupReport.word(table.firstStage()))
        : "%s, %s".formatted(name, SetupReport.word(table.kind()));
  }

  private void input(String[] parts) {
    Hwpt table = parts.length > 1 ? setup.tables.get(parts[1]) : null;
    if (table == null || table.isNested()) {
      throw new InputException(
          "--space '%s': expected a table of %s"
              .formatted(String.join(":", parts), setup.tables.keySet()));
    }
    if (Long.compareUnsigned(address, table.aperture().last()) > 0) {
      answer = Answer.RESERVED;
      why = "beyond the aperture, whose last address is 0x%x".formatted(table.aperture().last());
      return;
    }
    bounds(effects.intermediate(table));
  }

  private void bounds(List<Bound> bounds) {
    for (Bound bound : bounds) {
      if (holds(bound.region())) {
        answer = Answer.BOUND;
        reasons.add(new Reason(bound.region(), bound.device(), SetupReport.demand(bound.demand())));
      }
    }
  }

  private boolean holds(Region region) {
    return Long.compareUnsigned(region.first(), address) <= 0
        && Long.compareUnsigned(address, region.last()) <= 0;
  }

  private void enforced(String[] parts) {
    Ioas named = parts.length > 1 ? setup.spaces.get(parts[1]) : null;
    if (named == null) {
      throw new InputException(
          "--space '%s': expected one of the spaces %s"
              .formatted(String.join(":", parts), setup.spaces.keySet()));
    }
    answer = named.reserved().contains(address) ? Answer.RESERVED : Answer.FREE;
    why = "under " + setup.tracker.policy().name();
    for (Device device : setup.devices.values()) {
      for (Region region : device.regions()) {
        if (holds(region)) {
          Hwpt table = setup.tracker.attached(device, Tracker.RID);
          reasons.add(new Reason(region, device, rule(table, region, named)));
        }
      }
    }
  }

  private static String rule(@Nullable Hwpt table, Region region, Ioas space) {
    if (table == null || !table.ioas().equals(space)) {
      return "its RID is not attached here: nothing enters, whatever the policy";
    }
    if (!table.isNested()) {
      return "its RID is attached directly: all but relaxable regions enter under every policy";
    }
    List<String> under = new ArrayList<>();
    for (Policy policy : Policy.all()) {
      if (policy.entersWithNestedAttach(region)) {
        under.add(policy.name());
      }
    }
    return "its RID is attached through a nested table: it enters under "
        + (under.isEmpty() ? "no policy" : String.join(", ", under))
        + ", and under PARENT_OPT_IN if opted in";
  }

  /** The explanation as text. */
  String text() {
    StringBuilder text = new StringBuilder();
    switch (answer) {
      case BOUND, NOT_BOUND -> {
        if (why != null) {
          text.append(why).append('\n');
        }
        for (Reason reason : reasons) {
          text.append(
              "bound: %s of %s: %s\n"
                  .formatted(RegionsCommand.line(reason.region), reason.device, reason.why));
        }
        if (reasons.isEmpty()) {
          text.append("not bound: no region of an attached device counts there\n");
        }
      }
      case RESERVED, FREE -> {
        boolean enforced = space.startsWith("space:");
        text.append(SetupReport.word(answer)).append(enforced ? " " : ": ").append(why);
        text.append('\n');
        for (Reason reason : reasons) {
          text.append(
              "%s of %s\n  %s\n"
                  .formatted(RegionsCommand.line(reason.region), reason.device, reason.why));
        }
      }
    }
    return text.toString();
  }

  /** The explanation as JSON, in the form of {@code docs/schemas/regions-explain.schema.json}. */
  JsonObject json() {
    JsonObject json = RegionsJson.versioned();
    json.addProperty("policy", setup.tracker.policy().name());
    json.addProperty("space", space);
    json.addProperty("address", Numbers.hex(address));
    json.addProperty("answer", SetupReport.word(answer));
    json.addProperty("why", why);
    JsonArray regions = new JsonArray();
    for (Reason reason : reasons) {
      JsonObject one = RegionsJson.region(reason.region);
      one.addProperty("device", reason.device.name());
      one.addProperty("why", reason.why);
      regions.add(one);
    }
    json.add("regions", regions);
    return json;
  }
}
