package dev.nestwalk.walk;

import dev.nestwalk.iotlb.CachedPlan;
import dev.nestwalk.iotlb.WalkNotes;

/**
 * The walk of a format that knows every rule, by fixed registers. Total: whatever memory holds,
 * there is a translation or a fault.
 *
 * <p>Threads: belongs to the thread of its translator.
 *
 * @param <P> what the format resolves a requester's configuration into
 */
public interface FullWalker<P extends CachedPlan> {
  /** The largest source id, unsigned. */
  int maxSourceId();

  /** Whether the unit translates nothing (GSTS.TES = 0, CR0.SMMUEN = 0). */
  boolean isOff();

  /** A plan to be filled by {@link #resolve}. */
  P plan();

  /**
   * Resolves the configuration that plain requests need.
   *
   * @return whether there is one; without, {@link #translate} tells the fault
   */
  boolean resolve(P plan, int sourceId, int pasid);

  /** What the fast walk has to know of a resolved configuration. */
  Tables tables(P plan);

  /**
   * Translates a plain request with a resolved configuration, from the first table.
   *
   * @return a packed answer or refusal
   */
  long walk(P plan, int sourceId, int pasid, long iova, int access);

  /** What the last {@link #walk} found beside its answer. */
  WalkNotes notes();

  /** Translates a request with everything read anew; the packed answer or refusal. */
  long translate(int sourceId, int pasid, long iova, int access);

  /** Intermediate address of the last {@link #translate} that passed two stages, else -1. */
  long intermediate();

  /** An address without what the configuration of the last {@link #translate} ignores. */
  long untagged(long address);
}
