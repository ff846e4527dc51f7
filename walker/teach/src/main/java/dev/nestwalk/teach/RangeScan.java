package dev.nestwalk.teach;

import dev.nestwalk.MappingScan;
import dev.nestwalk.Mappings;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Lists the mapped ranges of one endpoint, within a budget. */
public final class RangeScan {
  /**
   * The result.
   *
   * @param fault why nothing is mapped at all, or empty
   * @param next where to continue, null if the scan is complete
   */
  public record Found(List<MappingScan.Mapping> ranges, String fault, @Nullable Long next) {}

  private final Image image;
  private final Walker walker;
  private final Endpoint endpoint;
  private final @Nullable MappingScan scan;
  private final Progress progress;
  private final Budget budget;
  private final List<MappingScan.Mapping> ranges = new ArrayList<>();
  private long begin;
  private long steps;

  /**
   * Prepares a scan.
   *
   * @param mappings the mappings of the image
   * @param walker says why nothing is mapped
   */
  public RangeScan(
      Image image,
      Mappings mappings,
      Walker walker,
      Endpoint endpoint,
      Progress progress,
      Budget budget) {
    this.image = image;
    this.walker = walker;
    this.endpoint = endpoint;
    this.progress = progress;
    this.budget = budget;
    scan = endpoint.translates() ? mappings.of(endpoint.sourceId(), endpoint.pasid()) : null;
  }

  /** Begins at an address instead of the first one. */
  public RangeScan from(long address) {
    if (scan != null) {
      begin = scan.from(address).next();
    }
    return this;
  }

  /**
   * Continues for at most {@code most} walks.
   *
   * @return whether the scan is complete or its budget used up
   */
  public boolean advance(long most) {
    MappingScan of = scan;
    if (of == null) {
      return true;
    }
    for (long left = most; !of.isComplete(); left--) {
      if (left <= 0) {
        return false;
      }
      if (!budget.walk()) {
        return true;
      }
      progress.at("inspecting " + Numbers.source(endpoint.sourceId()) + ", walks:", ++steps, 0);
      int before = count(of);
      of.advance(1, ranges::add);
      if (count(of) > before) {
        budget.range();
      }
    }
    return true;
  }

  private int count(MappingScan of) {
    return ranges.size() + (of.open() == null ? 0 : 1);
  }

  /** The result so far. */
  public Found found() {
    return found(endpoint);
  }

  /**
   * The result so far, as it is for another endpoint of the same table: its ranges are the same,
   * but a fault names the requester.
   */
  public Found found(Endpoint asking) {
    MappingScan of = scan;
    if (of == null) {
      return new Found(List.of(), "", null);
    }
    List<MappingScan.Mapping> all = new ArrayList<>(ranges);
    MappingScan.Mapping open = of.open();
    if (open != null) {
      all.add(open);
    }
    return new Found(all, all.isEmpty() ? fault(asking) : "", of.isComplete() ? null : of.next());
  }

  private String fault(Endpoint asking) {
    long answer = walker.translate(asking.sourceId(), asking.pasid(), begin, Access.READ);
    return Translation.isFault(answer) ? Faults.describe(image.format(), walker.lastFault()) : "";
  }
}
