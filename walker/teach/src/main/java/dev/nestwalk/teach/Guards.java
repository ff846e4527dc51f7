package dev.nestwalk.teach;

import com.google.gson.JsonObject;
import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.region.AddressSet;
import dev.nestwalk.region.Device;
import dev.nestwalk.region.Effects;
import dev.nestwalk.region.Hwpt;
import dev.nestwalk.region.Ioas;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionException;
import dev.nestwalk.region.RegionSet;
import dev.nestwalk.region.Tracker;
import dev.nestwalk.region.Unit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Makes {@link Guard}s, either from a described setup, whose attachments it carries out under the
 * policy, or from regions alone. In the second case the requester is attached as its tables are: to
 * a nested table over a parent, or to a table of its own.
 */
public final class Guards {
  private final String from;
  private final List<Region> regions;
  private final @Nullable Path setup;
  private final @Nullable String device;

  private Guards(String from, List<Region> regions, @Nullable Path setup, @Nullable String device) {
    this.from = from;
    this.regions = regions;
    this.setup = setup;
    this.device = device;
  }

  /**
   * The guards of a file: a setup, a DMAR, IORT or IVRS table, or the text of an IOMMU group's
   * reserved_regions.
   *
   * @param device a device of the setup, or null if there is only one
   */
  public static Guards of(Path file, @Nullable String device) {
    String name = String.valueOf(file.getFileName());
    if (isSetup(file)) {
      return new Guards(name, List.of(), file, device);
    }
    if (device != null) {
      throw new InputException("--device: expected a setup in JSON, " + file + " is none");
    }
    List<Region> regions = new ArrayList<>();
    RegionFiles.read(file, FirmwareReading.strict())
        .regions()
        .forEach(sourced -> regions.add(sourced.region()));
    return new Guards(name, List.copyOf(regions), null, null);
  }

  /** The regions that every device behind a unit of the format has. */
  public static Guards usual(boolean vtd) {
    return vtd
        ? new Guards("every device behind VT-d", List.of(Region.X86_MSI), null, null)
        : new Guards("Linux on an SMMUv3", List.of(Region.ARM_SW_MSI), null, null);
  }

  private static boolean isSetup(Path file) {
    try (var in = Files.newInputStream(file)) {
      int first = in.read();
      while (first == ' ' || first == '\n' || first == '\r' || first == '\t') {
        first = in.read();
      }
      return first == '{';
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + IoReason.of(e) + ")");
    }
  }

  /** Source of the regions. */
  String from() {
    return from;
  }

  /** The policy that the setup names, or the default one. */
  public Policy policy() {
    return setup == null ? Policy.PARENT_OPT_IN : Setup.policyOf(setup, Setup.read(setup));
  }

  /**
   * The guard of a requester.
   *
   * @param nested whether two stages translate it
   * @throws InputException if the policy refuses to attach the device in this way
   */
  public Guard guard(Policy policy, boolean vtd, int pasid, boolean nested) {
    return setup == null ? ofRegions(policy, vtd, pasid, nested) : ofSetup(setup, policy, pasid);
  }

  private Guard ofSetup(Path file, Policy policy, int pasid) {
    JsonObject json = Setup.read(file);
    Setup played = Setup.play(file, json, policy, FirmwareReading.strict());
    Device chosen = played.devices.get(device == null ? only(file, played) : device);
    if (chosen == null) {
      throw new InputException(
          "%s: device '%s' is not bound under %s: %s"
              .formatted(file, device, policy.name(), String.join("; ", played.refusals)));
    }
    return guard(played.tracker, chosen, pasid);
  }

  private static String only(Path file, Setup played) {
    if (played.devices.size() != 1) {
      throw new InputException(
          "%s: expected --device, one of %s %s"
              .formatted(file, played.devices.keySet(), String.join("; ", played.refusals)));
    }
    return played.devices.keySet().iterator().next();
  }

  private Guard ofRegions(Policy policy, boolean vtd, int pasid, boolean nested) {
    Tracker tracker = new Tracker(policy);
    try {
      Device one =
          tracker.bind("device", "group", vtd ? Unit.VTD : Unit.SMMUV3, regions, pasid >= 0);
      Hwpt.Options options = Hwpt.Options.DEFAULT;
      options = vtd && pasid >= 0 ? options.forPasids() : options;
      AddressSet.Range all = new AddressSet.Range(0, Ioas.LAST);
      Hwpt.Kind kind = nested ? Hwpt.Kind.PARENT : Hwpt.Kind.PAGING;
      Hwpt table = tracker.allocate(one, new Ioas(), kind, all, 4096, options);
      // Substreams of an SMMUv3 are attached with the table of the stream itself.
      int of = vtd ? pasid : Tracker.RID;
      tracker.attach(one, of, nested ? tracker.nest(one, table, options) : table);
      return guard(tracker, one, pasid);
    } catch (RegionException e) {
      throw new InputException("%s under %s: %s".formatted(from, policy.name(), e.getMessage()));
    }
  }

  private Guard guard(Tracker tracker, Device one, int pasid) {
    RegionSet input = new Effects(tracker).refusals(one, pasid);
    Hwpt own = tracker.attached(one, pasid);
    Hwpt table = own == null ? tracker.attached(one, Tracker.RID) : own;
    List<Region> kept = new ArrayList<>();
    if (table != null && table.isNested()) {
      AddressSet reserved = table.ioas().reserved();
      for (Device other : tracker.devices()) {
        for (Region region : other.regions()) {
          if (reserved.contains(region.first()) && reserved.contains(region.last())) {
            kept.add(region);
          }
        }
      }
    }
    return new Guard(from, tracker.policy().name(), input, RegionSet.of(kept));
  }
}
