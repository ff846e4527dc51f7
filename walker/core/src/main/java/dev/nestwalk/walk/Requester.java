package dev.nestwalk.walk;

import dev.nestwalk.iotlb.CachedPlan;

/**
 * One requester before a {@link TableWalker}: its configuration, and the walk with it that knows
 * every rule.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public abstract class Requester {
  /** What caches have to know of the configuration. */
  public final CachedPlan plan;

  /** A requester whose configuration will be {@code plan}. */
  protected Requester(CachedPlan plan) {
    this.plan = plan;
  }

  /**
   * Resolves the configuration that plain requests need.
   *
   * @return whether there is one; without, {@link FullWalker#translate} tells the fault
   */
  public abstract boolean resolve();

  /** What the fast walk has to know of the configuration. */
  public abstract Tables tables();

  /**
   * Translates a plain request with the configuration at hand: every rule, from the first table.
   *
   * @return a packed answer or refusal
   */
  public abstract long walk(long iova, int access);
}
