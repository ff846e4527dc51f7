package dev.nestwalk.teach;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds every mapped range of one endpoint by asking the walker from address to address: a success
 * says how far it holds, a fault at some level says that the whole block of that level is unmapped.
 */
public final class RangeScan {
  /** Addresses {@code first} to {@code last} with contiguous output and equal rights. */
  record Range(long first, long last, long output, int rights) {}

  /**
   * The result.
   *
   * @param fault why nothing is mapped at all, or empty
   * @param next where to continue, null if the scan is complete
   */
  public record Found(List<Range> ranges, String fault, @Nullable Long next) {}

  private static final long INTERRUPTS_LAST = 0xfeef_ffffL;

  private final Image image;
  private final Walker walker;
  private final Endpoint endpoint;
  private final @Nullable Reference reference;
  private final Progress progress;
  private final Budget budget;
  private final List<Range> ranges = new ArrayList<>();
  private @Nullable Range open;
  private String fault = "";
  private long steps;

  /** Index of the current span, whether it was begun, and where to continue. */
  private int span;

  private boolean within;
  private long iova;

  public RangeScan(
      Image image,
      Walker walker,
      @Nullable Reference reference,
      Endpoint endpoint,
      Progress progress,
      Budget budget) {
    this.image = image;
    this.walker = walker;
    this.reference = reference;
    this.endpoint = endpoint;
    this.progress = progress;
    this.budget = budget;
  }

  /** Begins at an address instead of the first one. */
  public RangeScan from(long address) {
    iova = address;
    return this;
  }

  /**
   * Continues for at most {@code most} walks.
   *
   * @return whether the scan is complete or its budget used up
   */
  public boolean advance(long most) {
    long until = most > Long.MAX_VALUE - steps ? Long.MAX_VALUE : steps + most;
    while (span < endpoint.spans().size()) {
      Endpoint.Span scanned = endpoint.spans().get(span);
      if (!within && Long.compareUnsigned(iova, scanned.first()) < 0) {
        iova = scanned.first();
      }
      within = true;
      if (Long.compareUnsigned(iova, scanned.last()) <= 0 && !scan(scanned.last(), until)) {
        return steps < until;
      }
      within = false;
      span++;
    }
    return true;
  }

  /** The result so far. */
  public Found found() {
    List<Range> all = new ArrayList<>(ranges);
    if (open != null) {
      all.add(open);
    }
    boolean ended = span >= endpoint.spans().size();
    return new Found(all, all.isEmpty() ? fault : "", ended ? null : iova);
  }

  /**
   * Scans up to {@code last}.
   *
   * @return false if it stopped before
   */
  private boolean scan(long last, long until) {
    while (steps < until && budget.walk()) {
      steps++;
      progress.at("inspecting " + Numbers.bdf(endpoint.sourceId()) + ", walks:", steps, 0);
      long read = ask(iova, Access.READ);
      long blockLast = Translation.isFault(read) ? 0 : iova | Translation.span(read) - 1;
      long answer = read;
      if (Translation.isFault(read)) {
        long readBlock = unmappedLast(iova, last, read, Access.READ);
        answer = ask(iova, Access.WRITE);
        blockLast =
            Translation.isFault(answer)
                ? min(readBlock, unmappedLast(iova, last, answer, Access.WRITE))
                : iova | Translation.span(answer) - 1;
      }
      blockLast = min(blockLast, last);
      if (!Translation.isFault(answer)) {
        add(new Range(iova, blockLast, Translation.address(answer), Translation.rights(answer)));
      }
      if (blockLast == last) {
        return true;
      }
      iova = blockLast + 1;
    }
    return false;
  }

  private long ask(long address, int access) {
    long answer = walker.translate(endpoint.sourceId(), endpoint.pasid(), address, access);
    if (Translation.isFault(answer) && fault.isEmpty()) {
      fault = Faults.describe(image.format(), walker.lastFault());
    }
    return answer;
  }

  /** Last address of the block around {@code iova} that is unmapped according to this fault. */
  private long unmappedLast(long iova, long last, long refusal, int access) {
    int level = Translation.level(refusal);
    if (Translation.code(refusal) == Outcome.INTERRUPT.code()) {
      return iova | INTERRUPTS_LAST & 0xf_ffff;
    }
    int stage = Translation.stage(refusal);
    if (endpoint.shape().isWithoutEntry(stage, level)) {
      return last;
    }
    if (endpoint.nested() && stage == 2 && reference != null) {
      return nestedLast(
          iova,
          last,
          level,
          reference.translate(endpoint.sourceId(), endpoint.pasid(), iova, access));
    }
    return iova | endpoint.shape().block(stage, level);
  }

  /**
   * Last address that is unmapped after the second stage refused. If it refused a first-stage
   * table, the whole block of the entry that points to that table is unmapped; if it refused the
   * page itself, the smaller block of the two stages is.
   */
  private long nestedLast(long iova, long last, int secondLevel, Trace trace) {
    Step entry = null;
    for (Step step : trace.steps()) {
      if (step.stage() == 1 && step.words().length > 0) {
        entry = step;
      }
    }
    if (entry == null) {
      return last;
    }
    Endpoint.Shape shape = endpoint.shape();
    boolean leaf = shape.isLeaf(entry.level(), entry.words()[0]);
    long firstBlock = iova | shape.block(1, entry.level());
    return leaf ? min(firstBlock, iova | shape.block(2, secondLevel)) : firstBlock;
  }

  private void add(Range next) {
    Range before = open;
    if (before != null
        && before.last + 1 == next.first
        && before.output + (next.first - before.first) == next.output
        && before.rights == next.rights) {
      open = new Range(before.first, next.last, before.output, before.rights);
      return;
    }
    if (before != null) {
      ranges.add(before);
    }
    open = next;
    budget.range();
  }

  private static long min(long a, long b) {
    return Long.compareUnsigned(a, b) <= 0 ? a : b;
  }
}
