package dev.nestwalk.teach.exercises;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Answers about reserved regions, from the rules as the chapter on them tells. */
final class PaperRegions {
  private record Range(String label, String kind, long first, long last) {}

  static Object solve(Exercise e) {
    return switch (e.kind()) {
      case BINDS_BUS -> binds(e, isPasid(e) || attached(e).endsWith("aborts") ? "" : "everything");
      case BINDS_INTERMEDIATE ->
          binds(
              e,
              switch (attached(e)) {
                case "a second stage alone", "nested, and the guest's STE bypasses stage 1" ->
                    "everything";
                case "nested, and the guest's STE aborts" -> "";
                default -> "sw-msi";
              });
      case ENFORCED_REGIONS -> {
        boolean nested = attached(e).contains("guest");
        yield binds(e, nested ? nestedPolicy(shown(e, "policy"), false) : "everything");
      }
      case IDENTITY_ROOM -> room(e);
      case RESERVED_DMA -> dma(e);
      case REFUSED_ATTACHMENT -> refused(e);
      default -> throw new IllegalArgumentException(e.kind().toString());
    };
  }

  private static String shown(Exercise e, String name) {
    return e.facts().stream().filter(f -> f.name().equals(name)).findFirst().orElseThrow().shown();
  }

  private static String attached(Exercise e) {
    return shown(e, "attached to");
  }

  private static boolean isPasid(Exercise e) {
    return shown(e, "requests").equals("with PASID");
  }

  private static List<Range> regions(Exercise e) {
    List<Range> regions = new ArrayList<>();
    for (Fact fact : e.facts()) {
      if (fact.name().startsWith("region")) {
        String[] parts = fact.shown().split("[ -](?=0x)", -1);
        regions.add(new Range(fact.shown(), parts[0], number(parts[1]), number(parts[2])));
      }
    }
    return regions;
  }

  private static long number(String hex) {
    return Long.parseUnsignedLong(hex.substring(2), 16);
  }

  /** What of a device's regions enters with a nested attachment, by the policy's name. */
  private static String nestedPolicy(String policy, boolean optIn) {
    return switch (policy) {
      case "POSTED_V2", "LINUX_7_2" -> "everything";
      case "POSTED_V3" -> "sw-msi";
      case "PARENT_OPT_IN" -> optIn ? "everything" : "";
      case "DIRECT_RID_ONLY" -> "";
      default -> throw new AssertionError(policy);
    };
  }

  private static Set<String> binds(Exercise e, String what) {
    Set<String> labels = new TreeSet<>();
    for (Range region : regions(e)) {
      if (what.equals("everything") || what.equals(region.kind)) {
        labels.add(region.label);
      }
    }
    return labels;
  }

  private static long room(Exercise e) {
    long align = e.fact("alignment");
    long at = e.fact("not below");
    while (true) {
      long first = at;
      long last = at + e.fact("bytes") - 1;
      if (regions(e).stream().noneMatch(r -> r.first <= last && first <= r.last)) {
        return at;
      }
      at += align;
    }
  }

  private static String dma(Exercise e) {
    Range region = regions(e).get(0);
    long address = e.fact("input address");
    boolean inside =
        Long.compareUnsigned(address, region.first) >= 0
            && Long.compareUnsigned(address, region.last) <= 0;
    int right =
        !inside ? 0 : region.kind.equals("reserved") ? 1 : region.kind.equals("msi") ? 2 : 0;
    return ((Answer.Choice) e.answer()).options().get(right);
  }

  private static Set<String> refused(Exercise e) {
    long first = e.fact("mapped in the host's address space");
    long last = first + 65535;
    boolean optIn = e.fact("nested table asks for the device's regions (opt-in)") == 1;
    Set<String> refused = new TreeSet<>();
    for (String policy : ((Answer.Several) e.answer()).options()) {
      String entering = nestedPolicy(policy, optIn);
      boolean meets =
          regions(e).stream()
              .filter(r -> entering.equals("everything") || entering.equals(r.kind))
              .anyMatch(r -> r.first <= last && first <= r.last);
      boolean direct =
          policy.equals("LINUX_7_2")
              && regions(e).stream().anyMatch(region -> region.kind.equals("direct"));
      if (meets || direct) {
        refused.add(policy);
      }
    }
    return refused;
  }

  private PaperRegions() {}
}
