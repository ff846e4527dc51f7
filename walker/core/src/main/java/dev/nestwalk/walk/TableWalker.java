package dev.nestwalk.walk;

import dev.nestwalk.iotlb.CachedPlan;
import java.util.function.Supplier;

/**
 * A format's tables under registers that may change.
 *
 * <p>Threads: belongs to the thread of its translator.
 *
 * @param <P> what the format resolves a requester's configuration into
 */
public final class TableWalker<P extends CachedPlan> {
  private final Supplier<FullWalker<P>> byRegisters;
  private FullWalker<P> walker;

  /**
   * Tables walked by the registers in force.
   *
   * @param byRegisters makes a walker by the registers that are in force when it is asked
   */
  public TableWalker(Supplier<FullWalker<P>> byRegisters) {
    this.byRegisters = byRegisters;
    walker = byRegisters.get();
  }

  /** Walks by the registers now in force from here on. */
  public void reconfigure() {
    walker = byRegisters.get();
  }

  /** The walk that knows every rule, by the registers in force. */
  public FullWalker<P> full() {
    return walker;
  }

  /** A requester, its configuration not yet resolved. */
  public Requester requester(int sourceId, int pasid) {
    return new Configured<>(this, walker.plan(), sourceId, pasid);
  }

  private static final class Configured<P extends CachedPlan> extends Requester {
    private final TableWalker<P> tables;
    private final P resolved;
    private final int sourceId;
    private final int pasid;

    Configured(TableWalker<P> tables, P plan, int sourceId, int pasid) {
      super(plan);
      this.tables = tables;
      resolved = plan;
      this.sourceId = sourceId;
      this.pasid = pasid;
    }

    @Override
    public boolean resolve() {
      return tables.walker.resolve(resolved, sourceId, pasid);
    }

    @Override
    public Tables tables() {
      return tables.walker.tables(resolved);
    }

    @Override
    public long walk(long iova, int access) {
      return tables.walker.walk(resolved, sourceId, pasid, iova, access);
    }
  }
}
