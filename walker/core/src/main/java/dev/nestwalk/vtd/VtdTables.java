package dev.nestwalk.vtd;

import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.WalkNotes;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.walk.Requester;
import dev.nestwalk.walk.TableWalker;
import dev.nestwalk.walk.Tables;
import java.util.function.Supplier;

/**
 * VT-d tables under registers that may change.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class VtdTables implements TableWalker {
  private final Supplier<VtdConfig> config;
  private final GuestMemory memory;
  private final FaultRecord fault;
  private final CacheCounters counters;
  private VtdWalker walker;
  private boolean off;

  /**
   * Tables in {@code memory}.
   *
   * @param config the registers in force
   * @param fault filled by each refusal
   * @param counters count the entries read
   */
  public VtdTables(
      Supplier<VtdConfig> config, GuestMemory memory, FaultRecord fault, CacheCounters counters) {
    this.config = config;
    this.memory = memory;
    this.fault = fault;
    this.counters = counters;
    VtdConfig now = config.get();
    off = !now.isEnabled();
    walker = new VtdWalker(now, memory, fault, counters);
  }

  @Override
  public int maxSourceId() {
    return 0xffff;
  }

  @Override
  public Requester requester(int sourceId, int pasid) {
    return new Configured(new VtdPlan(), sourceId, pasid);
  }

  @Override
  public long translate(int sourceId, int pasid, long iova, int access) {
    return walker.translate(sourceId, pasid, iova, access);
  }

  @Override
  public long intermediate() {
    return walker.intermediate();
  }

  @Override
  public long untagged(long address) {
    return address;
  }

  @Override
  public WalkNotes notes() {
    return walker.notes();
  }

  @Override
  public void reconfigure() {
    VtdConfig now = config.get();
    off = !now.isEnabled();
    walker = new VtdWalker(now, memory, fault, counters);
  }

  @Override
  public boolean isOff() {
    return off;
  }

  private final class Configured extends Requester {
    private final VtdPlan configuration;
    private final int sourceId;
    private final int pasid;

    Configured(VtdPlan configuration, int sourceId, int pasid) {
      super(configuration);
      this.configuration = configuration;
      this.sourceId = sourceId;
      this.pasid = pasid;
    }

    @Override
    public boolean resolve() {
      return walker.resolve(configuration, sourceId, pasid);
    }

    @Override
    public Tables tables() {
      return configuration.tables();
    }

    @Override
    public long walk(long iova, int access) {
      return walker.walk(configuration, sourceId, pasid, iova, access);
    }
  }
}
