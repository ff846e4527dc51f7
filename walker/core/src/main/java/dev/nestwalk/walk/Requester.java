package dev.nestwalk.walk;

import dev.nestwalk.iotlb.CachedPlan;

/**
 * One requester of a {@link TableWalker}: its configuration, and the full walk with it.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public abstract class Requester {
  /** The part of the configuration that caches need. */
  public final CachedPlan plan;

  /** Makes a requester whose configuration goes to {@code plan}. */
  protected Requester(CachedPlan plan) {
    this.plan = plan;
  }

  /**
   * Resolves the configuration of plain requests.
   *
   * @return whether there is one; if not, {@link FullWalker#translate} gives the fault
   */
  public abstract boolean resolve();

  /** The configuration in the form of the fast walk. */
  public abstract Tables tables();

  /**
   * Translates a plain request with the resolved configuration and all rules, from the first table.
   *
   * @return a packed answer or refusal
   */
  public abstract long walk(long iova, int access);
}
