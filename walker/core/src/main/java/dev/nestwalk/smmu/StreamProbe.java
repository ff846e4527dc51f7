package dev.nestwalk.smmu;

import dev.nestwalk.memory.GuestMemory;
import java.util.Map;

/**
 * Reads a stream's STE without a translation, for automatic answers to page requests, which need
 * STE.PPAR (IHI 0070, 8.1).
 *
 * <p>Threads: belongs to one thread.
 */
public final class StreamProbe {
  /** Result of {@link #resolve}: there is a valid STE. */
  public static final int VALID = 0;

  private final SmmuFault fault = new SmmuFault();
  private final SmmuPlan plan = new SmmuPlan();
  private final StreamResolver streams;

  /**
   * Makes a probe of the tables as they are now.
   *
   * @param registers by architectural name, as {@code Iommu.smmuv3} takes them
   */
  public StreamProbe(GuestMemory memory, Map<String, Long> registers) {
    streams = new StreamResolver(SmmuConfig.of(registers), memory, fault);
  }

  /**
   * Reads and checks an STE.
   *
   * @return {@link #VALID}, or the event of a stream without a valid STE: C_BAD_STREAMID,
   *     F_STE_FETCH or C_BAD_STE
   */
  public int resolve(int streamId) {
    fault.clear();
    int code = streams.resolve(plan, streamId);
    return code == StreamResolver.ABORT ? VALID : code;
  }

  /** STE.PPAR of the last valid STE: whether page responses carry a PASID. */
  public boolean respondsWithPasid() {
    return StreamTableEntry.PPAR.in(plan.stream[StreamTableEntry.PPAR.word()]);
  }

  /** Address of the fetch that failed in the last {@link #resolve}. */
  public long fetchAddress() {
    return fault.address;
  }
}
