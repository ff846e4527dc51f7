package dev.nestwalk.smmu;

import dev.nestwalk.dma.Translation;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.memory.GuestMemory;
import java.util.Arrays;
import java.util.Map;

/**
 * Reads a stream's STE and CDs without a translation: for automatic answers to page requests, which
 * need STE.PPAR (IHI 0070, 8.1), and for listings of what the tables hold.
 *
 * <p>Threads: belongs to one thread.
 */
public final class StreamProbe {
  /** Result of {@link #resolve}: there is a valid STE. */
  public static final int VALID = 0;

  private final SmmuFault fault = new SmmuFault();
  private final SmmuPlan plan = new SmmuPlan();
  private final SmmuConfig config;
  private final StreamResolver streams;
  private final ContextResolver contexts;

  /**
   * Makes a probe of the tables as they are now.
   *
   * @param registers by architectural name, as {@code Iommu.smmuv3} takes them
   */
  public StreamProbe(GuestMemory memory, Map<String, Long> registers) {
    config = SmmuConfig.of(registers);
    streams = new StreamResolver(config, memory, fault);
    Stage2Walk second = new Stage2Walk(config, memory, fault, new WalkCounters());
    contexts = new ContextResolver(config, memory, second, fault);
  }

  /**
   * Reads and checks an STE.
   *
   * @return {@link #VALID}, or the event of a stream without a valid STE: C_BAD_STREAMID,
   *     F_STE_FETCH or C_BAD_STE
   */
  public int resolve(int streamId) {
    fault.clear();
    Arrays.fill(plan.context, 0);
    int code = streams.resolve(plan, streamId);
    return code == StreamResolver.ABORT ? VALID : code;
  }

  /** STE.PPAR of the last valid STE: whether page responses carry a PASID. */
  public boolean respondsWithPasid() {
    return StreamTableEntry.PPAR.in(plan.stream[StreamTableEntry.PPAR.word()]);
  }

  /** Number of StreamIDs that the stream table has room for, 1 to 2^32. */
  public long streams() {
    return 1L << config.streamIdBits;
  }

  /**
   * Number of StreamIDs that share a level 1 descriptor, or all of them. After C_BAD_STREAMID no
   * higher one of the same group has an STE.
   */
  public long group() {
    return 1L << (config.twoLevel ? config.split : config.streamIdBits);
  }

  /**
   * A word of the STE.
   *
   * @param word 0 to 3
   * @return as read by the last {@link #resolve} that gave {@link #VALID} or C_BAD_STE
   */
  public long entry(int word) {
    return plan.stream[word];
  }

  /** Log2 of the number of CDs of the last valid STE, whose stage 1 translates. */
  public int contextBits() {
    return plan.contextBits;
  }

  /** Log2 of the number of CDs that a leaf of its CD table holds, or the table, if it is linear. */
  public int leafBits() {
    return ContextResolver.leafBits(plan);
  }

  /**
   * Reads a CD of the last valid STE, whose stage 1 translates. Stage 2 may set flags on the way,
   * unless the memory is read-only.
   *
   * @param index below 2^{@link #contextBits}
   * @return {@link #VALID}; C_BAD_CD; C_BAD_SUBSTREAMID if the leaf is missing that would hold it;
   *     or the event of a read that failed
   */
  public int context(int index) {
    fault.clear();
    Arrays.fill(plan.context, 0);
    return Translation.code(contexts.resolve(plan, index));
  }

  /**
   * A word of the CD.
   *
   * @param word 0 to 2
   * @return as read by {@link #context} since the last {@link #resolve}, 0 if it was not reached
   */
  public long contextWord(int word) {
    return plan.context[word];
  }

  /** Address of the fetch that failed in the last {@link #resolve}. */
  public long fetchAddress() {
    return fault.address;
  }
}
