package dev.nestwalk.teach;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.fixtures.JsonReason;
import dev.nestwalk.fixtures.OneLine;
import dev.nestwalk.region.AddressSet;
import dev.nestwalk.region.Device;
import dev.nestwalk.region.FirstStage;
import dev.nestwalk.region.Hwpt;
import dev.nestwalk.region.Ioas;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionException;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.Tracker;
import dev.nestwalk.region.Unit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A setup described in a small JSON file: devices, address spaces, tables and attachments, which
 * are carried out on a tracker. Refusals by the policy are part of the result.
 */
public final class Setup {
  public final Tracker tracker;
  public final Map<String, Ioas> spaces = new LinkedHashMap<>();
  public final Map<String, Device> devices = new LinkedHashMap<>();
  public final Map<String, Hwpt> tables = new LinkedHashMap<>();

  /** The steps that were refused, in order, one line each. */
  public final List<String> refusals = new ArrayList<>();

  private final Path folder;
  private final FirmwareReading firmware;

  private Setup(Policy policy, Path folder, FirmwareReading firmware) {
    tracker = new Tracker(policy);
    this.folder = folder;
    this.firmware = firmware;
  }

  /** Reads the file. */
  public static JsonObject read(Path file) {
    try {
      return parse(file, Files.readString(file));
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + IoReason.of(e) + ")");
    }
  }

  static JsonObject parse(Path file, String text) {
    try {
      return JsonParser.parseString(text).getAsJsonObject();
    } catch (JsonParseException e) {
      throw new InputException(file + ": " + JsonReason.of(e));
    } catch (IllegalStateException e) {
      throw new InputException(file + ": expected a JSON object");
    }
  }

  /** The policy that a setup names, or the default policy. */
  public static Policy policyOf(Path file, JsonObject json) {
    String name = json.has("policy") ? string(file, json, "policy") : "PARENT_OPT_IN";
    try {
      return Policy.named(name);
    } catch (IllegalArgumentException e) {
      throw new InputException(file + ": " + e.getMessage());
    }
  }

  /**
   * Carries out a setup.
   *
   * @param firmware how to read the firmware tables that the setup refers to
   * @throws InputException with a message of one line if the file is not a valid setup
   */
  public static Setup play(Path file, JsonObject json, Policy policy, FirmwareReading firmware) {
    Path parent = file.toAbsolutePath().getParent();
    Setup setup = new Setup(policy, parent == null ? Path.of("") : parent, firmware);
    known(file, json, "about", "policy", "devices", "tables", "mappings", "attachments");
    try {
      for (JsonObject device : objects(file, json, "devices")) {
        setup.device(file, device);
      }
      for (JsonObject table : objects(file, json, "tables")) {
        setup.table(file, table);
      }
      for (JsonObject mapping : objects(file, json, "mappings")) {
        setup.mapping(file, mapping);
      }
      for (JsonObject attachment : objects(file, json, "attachments")) {
        setup.attachment(file, attachment);
      }
    } catch (IllegalArgumentException e) {
      throw new InputException(file + ": " + e.getMessage());
    }
    return setup;
  }

  /** A step of a setup. */
  private interface Step {
    void take() throws RegionException;
  }

  private void take(String what, Step step) {
    try {
      step.take();
    } catch (RegionException e) {
      refuse(what + ": " + e.getMessage());
    }
  }

  private void refuse(String line) {
    refusals.add(OneLine.of(line));
  }

  private void device(Path file, JsonObject json) {
    known(file, json, "name", "group", "unit", "regions", "regionsFile", "pasids");
    String name = string(file, json, "name");
    String group = json.has("group") ? string(file, json, "group") : name;
    Unit unit = new Unit(unit(file, string(file, json, "unit")), 0);
    List<Region> regions = new ArrayList<>();
    for (JsonObject region : objects(file, json, "regions")) {
      known(file, region, "first", "last", "kind");
      regions.add(
          new Region(
              number(file, region, "first"),
              number(file, region, "last"),
              kind(file, string(file, region, "kind"))));
    }
    if (json.has("regionsFile")) {
      Path said = folder.resolve(string(file, json, "regionsFile"));
      RegionFiles.read(said, firmware).regions().forEach(sourced -> regions.add(sourced.region()));
    }
    boolean pasids = flag(file, json, "pasids");
    take("bind " + name, () -> devices.put(name, tracker.bind(name, group, unit, regions, pasids)));
  }

  private void table(Path file, JsonObject json) {
    known(
        file,
        json,
        "name",
        "device",
        "kind",
        "pasids",
        "optIn",
        "firstStage",
        "parent",
        "space",
        "bits");
    String name = string(file, json, "name");
    Device device = devices.get(string(file, json, "device"));
    String kind = string(file, json, "kind");
    Hwpt.Options options = Hwpt.Options.DEFAULT;
    options = flag(file, json, "pasids") ? options.forPasids() : options;
    options = flag(file, json, "optIn") ? options.loadingRegions() : options;
    if (json.has("firstStage")) {
      options = options.with(firstStage(file, string(file, json, "firstStage")));
    }
    if (device == null) {
      refuse("allocate " + name + ": its device is not bound");
      return;
    }
    Hwpt.Options all = options;
    if (kind.equals("nested")) {
      Hwpt parent = tables.get(string(file, json, "parent"));
      if (parent == null) {
        refuse("allocate " + name + ": its parent does not exist");
        return;
      }
      take("allocate " + name, () -> tables.put(name, tracker.nest(device, parent, all)));
      return;
    }
    if (!kind.equals("paging") && !kind.equals("parent")) {
      throw new InputException(
          "%s: table kind '%s': expected paging, parent or nested".formatted(file, kind));
    }
    Ioas space = spaces.computeIfAbsent(string(file, json, "space"), ignored -> new Ioas());
    long bits = json.has("bits") ? number(file, json, "bits") : 48;
    if (bits < 1 || bits > 64) {
      throw new InputException("%s: 'bits' is %d: expected 1 to 64".formatted(file, bits));
    }
    long last = -1L >>> 64 - bits;
    Hwpt.Kind of = kind.equals("parent") ? Hwpt.Kind.PARENT : Hwpt.Kind.PAGING;
    AddressSet.Range aperture = new AddressSet.Range(0, last);
    take(
        "allocate " + name,
        () -> tables.put(name, tracker.allocate(device, space, of, aperture, 4096, all)));
  }

  private void mapping(Path file, JsonObject json) {
    known(file, json, "space", "first", "length");
    Ioas space = spaces.computeIfAbsent(string(file, json, "space"), ignored -> new Ioas());
    long first = number(file, json, "first");
    long length = number(file, json, "length");
    take(
        "map 0x%x".formatted(first),
        () -> space.mapFixed(first, length, 0x10_0000_0000L, Ioas.READ | Ioas.WRITE));
  }

  private void attachment(Path file, JsonObject json) {
    known(file, json, "device", "table", "pasid");
    String name = string(file, json, "device");
    Device device = devices.get(name);
    Hwpt table = tables.get(string(file, json, "table"));
    long pasid = json.has("pasid") ? number(file, json, "pasid") : Tracker.RID;
    if (device == null || table == null) {
      refuse("attach " + name + ": device or table does not exist");
      return;
    }
    if (json.has("pasid") && pasid >>> 31 != 0) {
      // The tracker refuses the others; of these it would see the lower bits.
      refuse("attach %s: PASID 0x%x: expected 0 to 0xfffff".formatted(name, pasid));
      return;
    }
    attach(name, device, (int) pasid, table);
  }

  private void attach(String name, Device device, int pasid, Hwpt table) {
    boolean replaces = tracker.attached(device, pasid) != null;
    take(
        (replaces ? "replace " : "attach ") + name,
        () -> {
          if (replaces) {
            tracker.replace(device, pasid, table);
          } else {
            tracker.attach(device, pasid, table);
          }
        });
  }

  /** The name of a table. */
  public String nameOf(Hwpt table) {
    for (Map.Entry<String, Hwpt> entry : tables.entrySet()) {
      if (entry.getValue().equals(table)) {
        return entry.getKey();
      }
    }
    return "?";
  }

  /** Refuses a misspelt key, which would leave something out of the answer. */
  private static void known(Path file, JsonObject json, String... keys) {
    for (String key : json.keySet()) {
      if (!List.of(keys).contains(key)) {
        throw new InputException(
            "%s: '%s': expected one of %s".formatted(file, key, String.join(", ", keys)));
      }
    }
  }

  private static boolean flag(Path file, JsonObject json, String key) {
    if (!json.has(key)) {
      return false;
    }
    if (json.get(key) instanceof JsonPrimitive value && value.isBoolean()) {
      return value.getAsBoolean();
    }
    throw new InputException("%s: '%s': expected true or false".formatted(file, key));
  }

  private static List<JsonObject> objects(Path file, JsonObject json, String key) {
    List<JsonObject> all = new ArrayList<>();
    if (!json.has(key)) {
      return all;
    }
    if (!(json.get(key) instanceof JsonArray array)) {
      throw new InputException("%s: '%s': expected a list".formatted(file, key));
    }
    for (JsonElement element : array) {
      if (!element.isJsonObject()) {
        throw new InputException("%s: '%s': expected objects".formatted(file, key));
      }
      all.add(element.getAsJsonObject());
    }
    return all;
  }

  private static String string(Path file, JsonObject json, String key) {
    if (!json.has(key) || !json.get(key).isJsonPrimitive()) {
      throw new InputException("%s: %s: expected '%s'".formatted(file, json, key));
    }
    return json.get(key).getAsString();
  }

  private static long number(Path file, JsonObject json, String key) {
    String text = string(file, json, key);
    try {
      return text.startsWith("0x")
          ? Long.parseUnsignedLong(text.substring(2), 16)
          : Long.parseUnsignedLong(text);
    } catch (NumberFormatException e) {
      throw new InputException(
          "%s: '%s' is '%s': expected a number, 0x… or decimal".formatted(file, key, text));
    }
  }

  private static Unit.Format unit(Path file, String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "vtd", "vt-d" -> Unit.Format.VTD;
      case "smmuv3" -> Unit.Format.SMMUV3;
      default ->
          throw new InputException("%s: unit '%s': expected vtd or smmuv3".formatted(file, text));
    };
  }

  private static RegionKind kind(Path file, String text) {
    try {
      return RegionKind.valueOf(text.toUpperCase(Locale.ROOT).replace('-', '_'));
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "%s: kind '%s': expected direct, direct-relaxable, reserved, msi or sw-msi"
              .formatted(file, text));
    }
  }

  private static FirstStage firstStage(Path file, String text) {
    try {
      return FirstStage.valueOf(text.toUpperCase(Locale.ROOT).replace('-', '_'));
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "%s: firstStage '%s': expected translate, bypass, default-bypass or abort"
              .formatted(file, text));
    }
  }
}
