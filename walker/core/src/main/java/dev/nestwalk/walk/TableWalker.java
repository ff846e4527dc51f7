package dev.nestwalk.walk;

import dev.nestwalk.iotlb.CachedPlan;
import java.util.function.Supplier;

/**
 * A format's tables under registers that may change.
 *
 * <p>Threads: belongs to the thread of its translator.
 *
 * @param <P> the resolved configuration of a requester in this format
 */
public final class TableWalker<P extends CachedPlan> {
  private final Supplier<FullWalker<P>> byRegisters;
  private FullWalker<P> walker;

  /**
   * Makes a walker of tables.
   *
   * @param byRegisters makes a full walker for the registers that are in force when it is called
   */
  public TableWalker(Supplier<FullWalker<P>> byRegisters) {
    this.byRegisters = byRegisters;
    walker = byRegisters.get();
  }

  /** Takes over the registers now in force. */
  public void reconfigure() {
    walker = byRegisters.get();
  }

  /** The full walker, for the registers in force. */
  public FullWalker<P> full() {
    return walker;
  }

  /** Makes a requester; its configuration is not yet resolved. */
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
