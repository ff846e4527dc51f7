package dev.nestwalk.teach;

import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.util.ArrayList;
import java.util.List;

/** Describes a policy in a sentence derived from its answers. */
public final class PolicyWords {
  /**
   * The regions that the policy keeps free between two stages when the device's nested table is
   * attached, and the devices it refuses.
   */
  public static String of(Policy policy) {
    List<String> kept = new ArrayList<>();
    for (RegionKind kind : RegionKind.values()) {
      if (policy.entersWithNestedAttach(new Region(0, 0xfff, kind))) {
        kept.add(SetupReport.word(kind).replace('_', '-'));
      }
    }
    String between;
    if (kept.isEmpty()) {
      between = "nothing is kept free";
    } else if (kept.size() == RegionKind.values().length) {
      between = "every region of the device is kept free";
    } else {
      between = "only regions of kind " + String.join(", ", kept) + " are kept free";
    }
    String unless =
        policy.honoursOptIn() ? ", unless the nested table asks for it when it is allocated" : "";
    String refusal =
        policy.refusesDirect() ? "; a device with a direct region cannot be bound" : "";
    return between + " between the stages" + unless + refusal;
  }

  private PolicyWords() {}
}
