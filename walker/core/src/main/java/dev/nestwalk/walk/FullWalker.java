package dev.nestwalk.walk;

import dev.nestwalk.iotlb.CachedPlan;
import dev.nestwalk.iotlb.WalkNotes;

/**
 * The walk of a format with all its rules, under fixed registers. Whatever memory holds, it gives a
 * translation or a fault.
 *
 * <p>Threads: belongs to the thread of its translator.
 *
 * @param <P> the resolved configuration of a requester in this format
 */
public interface FullWalker<P extends CachedPlan> {
  /** The largest source id, unsigned. */
  int maxSourceId();

  /** Whether the unit translates nothing (GSTS.TES = 0, CR0.SMMUEN = 0). */
  boolean isOff();

  /** Makes a plan to be filled by {@link #resolve}. */
  P plan();

  /**
   * Resolves the configuration of plain requests.
   *
   * @return whether there is one; if not, {@link #translate} gives the fault
   */
  boolean resolve(P plan, int sourceId, int pasid);

  /** A resolved configuration in the form of the fast walk. */
  Tables tables(P plan);

  /**
   * Translates a plain request with a resolved configuration, from the first table.
   *
   * @return a packed answer or refusal
   */
  long walk(P plan, int sourceId, int pasid, long iova, int access);

  /** What the last {@link #walk} found besides its answer. */
  WalkNotes notes();

  /**
   * Translates a request and reads everything anew.
   *
   * @return a packed answer or refusal
   */
  long translate(int sourceId, int pasid, long iova, int access);

  /**
   * Intermediate address of the last {@link #translate} if that passed two stages, otherwise -1.
   */
  long intermediate();

  /** An address without the bits that the configuration of the last {@link #translate} ignores. */
  long untagged(long address);
}
