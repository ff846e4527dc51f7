package dev.nestwalk.smmu;

import dev.nestwalk.cache.CacheCounters;
import dev.nestwalk.cache.WalkNotes;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.walk.Requester;
import dev.nestwalk.walk.TableWalker;
import dev.nestwalk.walk.Tables;
import java.util.function.Supplier;

/**
 * SMMUv3 tables under registers that may change.
 *
 * <p>Threads: belongs to the thread of its translator.
 */
public final class SmmuTables implements TableWalker {
  private final Supplier<SmmuConfig> config;
  private final GuestMemory memory;
  private final FaultRecord fault;
  private final CacheCounters counters;
  private SmmuWalker walker;
  private boolean off;

  /**
   * Tables in {@code memory}.
   *
   * @param config the registers in force
   * @param fault filled by each refusal
   * @param counters count the entries read
   */
  public SmmuTables(
      Supplier<SmmuConfig> config, GuestMemory memory, FaultRecord fault, CacheCounters counters) {
    this.config = config;
    this.memory = memory;
    this.fault = fault;
    this.counters = counters;
    SmmuConfig now = config.get();
    off = !now.isEnabled();
    walker = new SmmuWalker(now, memory, fault, counters);
  }

  @Override
  public int maxSourceId() {
    return -1;
  }

  @Override
  public Requester requester(int sourceId, int pasid) {
    return new Configured(new SmmuPlan(), sourceId, pasid);
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
    return walker.untagged(address);
  }

  @Override
  public WalkNotes notes() {
    return walker.notes();
  }

  @Override
  public void reconfigure() {
    SmmuConfig now = config.get();
    off = !now.isEnabled();
    walker = new SmmuWalker(now, memory, fault, counters);
  }

  @Override
  public boolean isOff() {
    return off;
  }

  private final class Configured extends Requester {
    private final SmmuPlan configuration;
    private final int sourceId;
    private final int pasid;

    Configured(SmmuPlan configuration, int sourceId, int pasid) {
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
