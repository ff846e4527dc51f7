package dev.nestwalk.teach.exercises;

import dev.nestwalk.Iommu;
import dev.nestwalk.Translator;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.region.AddressSet;
import dev.nestwalk.region.Bound;
import dev.nestwalk.region.Device;
import dev.nestwalk.region.Effects;
import dev.nestwalk.region.FirstStage;
import dev.nestwalk.region.Hwpt;
import dev.nestwalk.region.Ioas;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionException;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import dev.nestwalk.region.Tracker;
import dev.nestwalk.region.Unit;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Questions about reserved regions and the address spaces they bind. */
final class RegionKinds {
  private static final int PASID = 7;
  private static final AddressSet.Range ALL = new AddressSet.Range(0, Ioas.LAST);

  /** How a device is attached. */
  enum Attachment {
    FIRST("a first stage of the host", Hwpt.Kind.PAGING, null),
    SECOND("a second stage alone", Hwpt.Kind.PARENT, null),
    NESTED("a guest's first stage over the host's second", Hwpt.Kind.PARENT, FirstStage.TRANSLATE),
    NESTED_BYPASS(
        "nested, and the guest's STE bypasses stage 1", Hwpt.Kind.PARENT, FirstStage.BYPASS),
    NESTED_ABORT("nested, and the guest's STE aborts", Hwpt.Kind.PARENT, FirstStage.ABORT);

    final String words;
    final Hwpt.Kind kind;
    final @Nullable FirstStage first;

    Attachment(String words, Hwpt.Kind kind, @Nullable FirstStage first) {
      this.words = words;
      this.kind = kind;
      this.first = first;
    }
  }

  /** A device with regions, attached. */
  private record Setup(Effects effects, Device device, Hwpt paging, Ioas ioas) {}

  private static Setup attach(
      Format format, Attachment attachment, boolean pasid, Policy policy, List<Region> regions)
      throws RegionException {
    return attach(format, attachment, pasid, policy, regions, new Ioas(), false);
  }

  private static Setup attach(
      Format format,
      Attachment attachment,
      boolean pasid,
      Policy policy,
      List<Region> regions,
      Ioas ioas,
      boolean optIn)
      throws RegionException {
    Tracker tracker = new Tracker(policy);
    Unit unit = format == Format.VTD ? Unit.VTD : Unit.SMMUV3;
    Device device = tracker.bind("device", "group", unit, regions, true);
    Hwpt.Options forPasids = Hwpt.Options.DEFAULT.forPasids();
    Hwpt paging = tracker.allocate(device, ioas, attachment.kind, ALL, 1, forPasids);
    Hwpt table = paging;
    if (attachment.first != null) {
      Hwpt.Options options = Hwpt.Options.DEFAULT.with(attachment.first);
      options = optIn ? options.loadingRegions() : options;
      table = tracker.nest(device, paging, format == Format.VTD ? options.forPasids() : options);
    }
    tracker.attach(device, pasid ? PASID : Tracker.RID, table);
    return new Setup(new Effects(tracker), device, paging, ioas);
  }

  private static Attachment attachment(Chance chance, Format format) {
    Attachment[] all = Attachment.values();
    return all[chance.below(format == Format.VTD ? 3 : all.length)];
  }

  /** Regions of each kind that a format has, at random places. */
  private static List<Region> regions(Chance chance, Format format, boolean direct) {
    List<Region> regions = new ArrayList<>();
    long at = 0x1000_0000L + ((long) chance.below(1 << 12) << 16);
    if (direct) {
      regions.add(new Region(at, at + (1L + chance.below(16) << 16) - 1, RegionKind.DIRECT));
    }
    long far = 0xfd_0000_0000L - ((long) chance.below(1 << 8) << 24);
    regions.add(new Region(far, far + (1L << 32) - 1, RegionKind.RESERVED));
    regions.add(format == Format.VTD ? Region.X86_MSI : Region.ARM_SW_MSI);
    return Draft.shuffled(chance, regions);
  }

  static String label(Region region) {
    // Linux's texts call both MSI windows msi.
    String kind = region.kind().name().toLowerCase(Locale.ROOT).replace('_', '-');
    return "%s %s-%s".formatted(kind, Text.hex(region.first()), Text.hex(region.last()));
  }

  private static List<String> labels(List<Region> regions) {
    return regions.stream().map(RegionKinds::label).toList();
  }

  private static Draft given(
      Draft draft, Attachment attachment, boolean pasid, List<Region> regions) {
    for (int i = 0; i < regions.size(); i++) {
      draft.fact("region " + (i + 1), regions.get(i).first(), label(regions.get(i)));
    }
    return draft
        .fact("attached to", 0, attachment.words)
        .fact("requests", pasid ? 1 : 0, pasid ? "with PASID" : "without PASID");
  }

  static Exercise bindsBus(Draft draft, Chance chance, Arena arena) {
    try {
      Attachment attachment = attachment(chance, draft.format());
      boolean pasid = chance.percent(30) && (draft.isVtd() || attachment == Attachment.FIRST);
      List<Region> regions = regions(chance, draft.format(), true);
      Setup setup = attach(draft.format(), attachment, pasid, Policy.PARENT_OPT_IN, regions);
      List<Bound> bounds = setup.effects.bus(setup.device, pasid ? PASID : Tracker.RID);
      List<String> right = bounds.stream().map(bound -> label(bound.region())).toList();
      return given(draft, attachment, pasid, regions)
          .ask("Which of the device's regions bind the bus addresses of these requests? Tick them.")
          .step(
              pasid
                  ? "A request with PASID is translated whatever its address is: no region binds"
                      + " it."
                  : attachment == Attachment.NESTED_ABORT
                      ? "Nothing gets past the guest's STE, so nothing binds."
                      : "A bus address is what the fabric and the interrupt logic see: all regions"
                          + " bind requests without PASID.")
          .several(labels(regions), right);
    } catch (RegionException e) {
      throw new IllegalStateException(e);
    }
  }

  static Exercise bindsIntermediate(Draft draft, Chance chance, Arena arena) {
    try {
      Attachment attachment;
      do {
        attachment = attachment(chance, draft.format());
      } while (attachment == Attachment.FIRST);
      List<Region> regions = regions(chance, draft.format(), true);
      Setup setup = attach(draft.format(), attachment, false, Policy.PARENT_OPT_IN, regions);
      List<Bound> bounds = setup.effects.intermediate(setup.paging);
      List<String> right = bounds.stream().map(bound -> label(bound.region())).toList();
      return given(draft, attachment, false, regions)
          .ask(
              "Which of the device's regions bind the input addresses of the host's second stage?"
                  + " Tick them.")
          .step(
              attachment == Attachment.SECOND || attachment == Attachment.NESTED_BYPASS
                  ? "Its input addresses are bus addresses, so all regions bind."
                  : attachment == Attachment.NESTED_ABORT
                      ? "Nothing reaches the second stage."
                      : "Intermediate addresses are never on the bus: only the doorbell window,"
                          + " which the host maps there, binds.")
          .several(labels(regions), right);
    } catch (RegionException e) {
      throw new IllegalStateException(e);
    }
  }

  static Exercise enforced(Draft draft, Chance chance, Arena arena) {
    try {
      Attachment attachment = attachment(chance, draft.format());
      if (chance.percent(70)) {
        attachment = Attachment.NESTED;
      }
      List<Policy> policies = Policy.all();
      Policy policy = policies.get(chance.below(policies.size()));
      List<Region> regions = regions(chance, draft.format(), !policy.refusesDirect());
      Setup setup = attach(draft.format(), attachment, false, policy, regions);
      List<String> right = new ArrayList<>();
      for (Region region : regions) {
        if (setup.ioas.reserved().contains(region.first())) {
          right.add(label(region));
        }
      }
      return given(draft, attachment, false, regions)
          .fact("policy", policies.indexOf(policy), policy.name())
          .ask(
              "Which of the device's regions does the tracker keep free in the address space of"
                  + " the host's table? Tick them.")
          .step("A table that is attached directly brings all regions, whatever the policy.")
          .step(
              "With a nested one enters what the policy says: everything (POSTED_V2, LINUX_7_2),"
                  + " the doorbell window (POSTED_V3), or nothing (DIRECT_RID_ONLY,"
                  + " PARENT_OPT_IN).")
          .several(labels(regions), right);
    } catch (RegionException e) {
      throw new IllegalStateException(e);
    }
  }

  static Exercise identityRoom(Draft draft, Chance chance, Arena arena) {
    List<Region> regions = regions(chance, draft.format(), true);
    long align = chance.percent(50) ? 1L << 21 : 1L << 30;
    long length = align * (1 + chance.below(6));
    long from = regions.get(chance.below(regions.size())).first() - (length >>> 1) & -align;
    from = Long.compareUnsigned(from, 1L << 40) > 0 ? 0 : from;
    long room = -1;
    List<AddressSet.Range> ranges =
        AddressSet.allowedIdentity(
            regions, new AddressSet.Range(from, (1L << 41) - 1), align, true);
    for (AddressSet.Range range : ranges) {
      if (range.last() - range.first() + 1 >= length) {
        room = range.first();
        break;
      }
    }
    for (int i = 0; i < regions.size(); i++) {
      draft.fact("region " + (i + 1), regions.get(i).first(), label(regions.get(i)));
    }
    for (AddressSet.Range range : ranges) {
      draft.step(
          "Free, cut to the alignment: %s-%s."
              .formatted(Text.hex(range.first()), Text.hex(range.last())));
    }
    return draft
        .size("bytes", length)
        .size("alignment", align)
        .hex("not below", from)
        .ask(
            "Guest memory is to have bus addresses equal to guest-physical ones. Which is the"
                + " lowest address at which a block of this size fits?")
        .value(room, Answer.Style.HEX);
  }

  static Exercise refusedDma(Draft draft, Chance chance, Arena arena) {
    try {
      Subject made = Scenes.single(chance, arena, draft.format());
      long address = made.request().address();
      boolean vtd = draft.isVtd();
      RegionKind kind =
          new RegionKind[] {
                RegionKind.DIRECT, RegionKind.RESERVED, vtd ? RegionKind.MSI : RegionKind.SW_MSI,
              }
              [chance.below(3)];
      boolean inside = chance.percent(75);
      long first = (address & -65536) + (inside ? 0 : 65536);
      Region region = new Region(first, first + 65535, kind);
      Subject subject = made.asking(made.request().asking(Access.WRITE));
      Attachment attachment = made.stage().stage() == 1 ? Attachment.FIRST : Attachment.SECOND;
      Setup setup =
          attach(draft.format(), attachment, false, Policy.PARENT_OPT_IN, List.of(region));
      RegionSet refusals = setup.effects.refusals(setup.device, Tracker.RID);
      Iommu iommu = subject.iommu();
      iommu.restrict(made.request().source(), -1, refusals, RegionSet.EMPTY);
      Translator translator = iommu.newTranslator();
      long answer = translator.translate(made.request().source(), -1, address, Access.WRITE);
      int right =
          !Translation.isFault(answer)
              ? 0
              : Translation.code(answer) == Outcome.RESERVED_MSI.code() ? 2 : 1;
      return draft
          .about(subject)
          .fact("region", region.first(), label(region))
          .hex("input address", address)
          .fact("attached to", 0, attachment.words)
          .ask("The tables map the address. What becomes of a write without PASID?")
          .step(
              "Reserved addresses are swallowed by the fabric, and a write to the interrupt window")
          .step("is an interrupt: neither gets to the tables. Direct regions and doorbells are")
          .step("translated; that is what has to map them one to one, or to the doorbell.")
          .ordered(
              List.of(
                  "it is translated",
                  "it is refused before any table is read",
                  "it is an interrupt, no table is read"),
              right);
    } catch (RegionException e) {
      throw new IllegalStateException(e);
    }
  }

  static Exercise attachRefused(Draft draft, Chance chance, Arena arena) {
    boolean direct = chance.percent(40);
    List<Region> regions = regions(chance, draft.format(), direct);
    Region near = regions.get(chance.below(regions.size()));
    // A MiB before the region, or where it begins.
    long first = (near.first() & -65536) - (chance.percent(35) ? 1L << 20 : 0);
    boolean optIn = chance.percent(50);
    List<String> names = new ArrayList<>();
    List<String> right = new ArrayList<>();
    for (Policy policy : Policy.all()) {
      names.add(policy.name());
      if (isRefused(draft.format(), policy, regions, first, optIn)) {
        right.add(policy.name());
      }
    }
    return given(draft, Attachment.NESTED, false, regions)
        .fact(
            "nested table asks for the device's regions (opt-in)",
            optIn ? 1 : 0,
            optIn ? "yes" : "no")
        .fact(
            "mapped in the host's address space",
            first,
            "%s-%s".formatted(Text.hex(first), Text.hex(first + 65535)))
        .ask(
            "The mapping is there already. Under which policies is the nested device refused, when"
                + " it is bound or attached? Tick them.")
        .step("What a policy lets in with a nested attachment must not meet a mapping.")
        .step("The opt-in counts with PARENT_OPT_IN alone.")
        .step("LINUX_7_2 refuses a device with a direct region altogether.")
        .several(names, right);
  }

  private static boolean isRefused(
      Format format, Policy policy, List<Region> regions, long mapped, boolean optIn) {
    Ioas ioas = new Ioas();
    try {
      ioas.mapFixed(mapped, 65536, 1L << 40, Ioas.READ | Ioas.WRITE);
    } catch (RegionException e) {
      throw new IllegalStateException(e);
    }
    try {
      attach(format, Attachment.NESTED, false, policy, regions, ioas, optIn);
      return false;
    } catch (RegionException e) {
      return true;
    }
  }

  private RegionKinds() {}
}
