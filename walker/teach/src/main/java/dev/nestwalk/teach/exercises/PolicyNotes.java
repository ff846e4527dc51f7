package dev.nestwalk.teach.exercises;

import dev.nestwalk.region.Policy;
import dev.nestwalk.teach.PolicyWords;
import java.util.EnumSet;
import java.util.Set;

/** Notes on the policies for reserved regions, for a sheet that asks about them. */
final class PolicyNotes {
  static final String TITLE = "What the policies say";

  static final String INTRODUCTION =
      "A table that is attached directly for a device's requester id keeps all of the device's"
          + " regions free, whatever the policy; one attached for a PASID keeps none. When a nested"
          + " table is attached, the policy decides about the addresses between the stages, which"
          + " are its parent's:";

  private static final Set<Kind> KINDS = EnumSet.of(Kind.ENFORCED_REGIONS, Kind.REFUSED_ATTACHMENT);

  static boolean areNeeded(Sheet sheet) {
    return sheet.exercises().stream().anyMatch(exercise -> KINDS.contains(exercise.kind()));
  }

  static String of(Policy policy) {
    return PolicyWords.of(policy);
  }

  private PolicyNotes() {}
}
