package dev.nestwalk;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.Step;
import dev.nestwalk.iotlb.CachedPlan;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Finds every present mapping of one requester by asking the walker from address to address: a
 * success says how far it holds, a refusal at some level says that the whole block of that level is
 * unmapped. Each step has a limit on its cost, since a guest can build, in a few kilobytes, tables
 * whose listing never ends.
 *
 * <p>Threads: belongs to the thread that made it.
 */
public final class MappingScan {
  private final Endpoint endpoint;
  private final Reference reference;
  private final long[] ranges;
  private final long refusal;
  private int range;
  private long next;
  private @Nullable Mapping open;

  /**
   * A range of addresses that is mapped contiguously and with equal rights.
   *
   * @param first first input address
   * @param last last input address, unsigned
   * @param output output address of {@code first}; the rest of the range follows it
   * @param rights {@link Access#READ} and {@link Access#WRITE} bits granted
   */
  public record Mapping(long first, long last, long output, int rights) {}

  MappingScan(Endpoint endpoint, Reference reference) {
    this.endpoint = endpoint;
    this.reference = reference;
    boolean resolved = endpoint.prepare();
    ranges = resolved ? endpoint.plan().inputRanges() : new long[0];
    refusal = resolved ? 0 : endpoint.translate(0, Access.READ);
  }

  /**
   * Skips what is below an address.
   *
   * @param address where the scan continues, unless that is further on
   * @return this scan
   */
  public MappingScan from(long address) {
    while (range < ranges.length && Long.compareUnsigned(ranges[range + 1], address) < 0) {
      range += 2;
      next = range < ranges.length ? ranges[range] : address;
    }
    if (range < ranges.length && Long.compareUnsigned(next, address) < 0) {
      next = address;
    }
    return this;
  }

  /**
   * Continues the scan for at most {@code walks} walks.
   *
   * @param found receives each mapping, in ascending order of addresses; mappings that continue
   *     each other are merged
   * @return whether the scan is complete; the last mapping is handed over only then
   */
  public boolean advance(long walks, Consumer<? super Mapping> found) {
    for (long left = walks; range < ranges.length; left--) {
      if (left <= 0) {
        return false;
      }
      step(found);
    }
    Mapping last = open;
    open = null;
    if (last != null) {
      found.accept(last);
    }
    return true;
  }

  /** The last mapping found, which may go on and is not handed over yet, or null. */
  public @Nullable Mapping open() {
    return open;
  }

  /** Whether the scan is complete. */
  public boolean isComplete() {
    return range >= ranges.length;
  }

  /** The address at which {@link #advance} continues. */
  public long next() {
    return next;
  }

  /** The packed refusal of a requester that has no configuration at all, or 0. */
  public long refusal() {
    return refusal;
  }

  private void step(Consumer<? super Mapping> found) {
    long last = ranges[range + 1];
    long answer = endpoint.translate(next, Access.READ);
    long blockLast;
    if (Translation.isFault(answer)) {
      long unread = unmappedLast(answer, Access.READ);
      // VT-d's second stage has pages that can be written but not read.
      answer = endpoint.translate(next, Access.WRITE);
      blockLast =
          Translation.isFault(answer)
              ? min(unread, unmappedLast(answer, Access.WRITE))
              : next | Translation.span(answer) - 1;
    } else {
      blockLast = next | Translation.span(answer) - 1;
    }
    blockLast = min(blockLast, last);
    if (!Translation.isFault(answer)) {
      add(
          new Mapping(next, blockLast, Translation.address(answer), Translation.rights(answer)),
          found);
    }
    next = blockLast + 1;
    if (blockLast == last) {
      range += 2;
      next = range < ranges.length ? ranges[range] : next;
    }
  }

  /**
   * Last address of the block around the next address that is unmapped according to this refusal.
   */
  private long unmappedLast(long refusal, int access) {
    int stage = Translation.stage(refusal);
    int level = Translation.level(refusal);
    if (stage == 2 && endpoint.plan().usesFirst()) {
      return nestedLast(level, access);
    }
    return next
        | (stage == 0
            ? endpoint.plan().blockOfRefusal(Translation.code(refusal))
            : endpoint.plan().block(next, stage, level));
  }

  /**
   * Last address that is unmapped after the second stage refused. If it refused a first-stage
   * table, what that table has in the refused block is unmapped; if it refused the page itself, the
   * smaller block of the two stages is.
   */
  private long nestedLast(int secondLevel, int access) {
    Step entry = null;
    var trace = reference.translate(endpoint.sourceId(), endpoint.pasid(), next, access);
    for (Step step : trace.steps()) {
      if (step.stage() == 1 && !step.read().isEmpty()) {
        entry = step;
      }
    }
    CachedPlan plan = endpoint.plan();
    if (entry == null) {
      return next | plan.blockOfPiece(next, CachedPlan.START, secondLevel);
    }
    return next
        | (plan.isFirstStageLeaf(entry.level(), entry.read().get(0))
            ? min(plan.block(next, 1, entry.level()), plan.block(next, 2, secondLevel))
            : plan.blockOfPiece(next, entry.level(), secondLevel));
  }

  private void add(Mapping mapping, Consumer<? super Mapping> found) {
    Mapping before = open;
    if (before != null
        && before.last + 1 == mapping.first
        && before.output + (mapping.first - before.first) == mapping.output
        && before.rights == mapping.rights) {
      open = new Mapping(before.first, mapping.last, before.output, before.rights);
      return;
    }
    if (before != null) {
      found.accept(before);
    }
    open = mapping;
  }

  private static long min(long a, long b) {
    return Long.compareUnsigned(a, b) <= 0 ? a : b;
  }
}
