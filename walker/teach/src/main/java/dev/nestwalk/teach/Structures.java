package dev.nestwalk.teach;

import dev.nestwalk.format.Listing;
import dev.nestwalk.format.Nearest;
import dev.nestwalk.smmu.SmmuStructures;
import dev.nestwalk.vtd.VtdStructures;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The structures of both formats, by name. */
public final class Structures {
  /** Largest number of names that a message suggests. */
  private static final int MOST_NAMED = 6;

  /** The structures by format, in the order in which a reader learns them. */
  public static final Map<String, List<Listing>> BY_FORMAT = byFormat();

  private static Map<String, List<Listing>> byFormat() {
    Map<String, List<Listing>> all = new LinkedHashMap<>();
    all.put("VT-d", VtdStructures.ALL);
    all.put("SMMUv3", SmmuStructures.ALL);
    return all;
  }

  /** The structures of both formats. */
  public static List<Listing> all() {
    return BY_FORMAT.values().stream().flatMap(List::stream).toList();
  }

  /** The format that a structure belongs to. */
  static String formatOf(Listing listing) {
    return BY_FORMAT.entrySet().stream()
        .filter(entry -> entry.getValue().contains(listing))
        .map(Map.Entry::getKey)
        .findFirst()
        .orElseThrow();
  }

  /** Whether a structure belongs to VT-d. */
  public static boolean isVtd(Listing listing) {
    return formatOf(listing).equals("VT-d");
  }

  /** The structure with this name, or the only one whose name contains these words. */
  public static Listing find(String name) {
    String id = Listing.idOf(name);
    List<String> words = Arrays.asList(id.split("-"));
    List<Listing> found =
        all().stream()
            .filter(one -> Arrays.asList(one.id().split("-")).containsAll(words))
            .toList();
    for (Listing one : found) {
      if (one.id().equals(id)) {
        return one;
      }
    }
    if (found.size() == 1) {
      return found.get(0);
    }
    if (found.isEmpty()) {
      throw new InputException(
          "'%s': no such structure%s; nestwalk fields lists their names"
              .formatted(name, meant(id)));
    }
    String names = found.stream().map(Listing::id).collect(Collectors.joining(", "));
    throw new InputException(
        "%s: %d structures have that in their names, expected one of %s"
            .formatted(name, found.size(), names));
  }

  /**
   * The names that an unknown name may have meant: those that contain it, or one that is similar.
   */
  private static String meant(String id) {
    List<String> ids = all().stream().map(Listing::id).toList();
    List<String> containing =
        id.isEmpty() ? List.of() : ids.stream().filter(one -> one.contains(id)).toList();
    if (containing.size() > MOST_NAMED) {
      return ", and %d names contain it".formatted(containing.size());
    }
    if (!containing.isEmpty()) {
      return "; did you mean " + String.join(" or ", containing);
    }
    String near = Nearest.of(id, ids);
    return near == null ? "" : "; did you mean " + near;
  }

  private Structures() {}
}
