package dev.nestwalk.teach;

import dev.nestwalk.format.Field;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.ContextDescriptor;
import dev.nestwalk.smmu.EventType;
import dev.nestwalk.smmu.StreamProbe;
import dev.nestwalk.smmu.StreamTableEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Lists the streams of an SMMUv3's tables that are valid and do not just abort, and their
 * substreams (IHI 0070, 5.1 to 5.4). It only finds them; whether they are legal is the walker's to
 * say. An STE that is not legal is listed without substreams.
 */
final class SmmuEndpoints {
  private static final long MOST_STREAMS = 1 << 24;
  private static final int BAD_STREAM = EventType.C_BAD_STREAMID.code();
  private static final int BAD_ENTRY = EventType.C_BAD_STE.code();
  private static final int BAD_SUBSTREAM = EventType.C_BAD_SUBSTREAMID.code();

  // S1DSS: what becomes of a request without SubstreamID.
  private static final int BYPASS_STAGE_1 = 1;
  private static final int USE_CD_0 = 2;

  private final StreamProbe probe;
  private final Budget budget;
  private final List<Endpoint> found = new ArrayList<>();
  private boolean stopped;

  private SmmuEndpoints(StreamProbe probe, Budget budget) {
    this.probe = probe;
    this.budget = budget;
  }

  /**
   * Lists all endpoints, or those of one StreamID.
   *
   * @param onlyStream StreamID, unsigned; null for all of the first 2^24
   */
  static List<Endpoint> list(
      GuestMemory memory,
      Map<String, Long> registers,
      @Nullable Integer onlyStream,
      Budget budget) {
    // A listing sets no flags.
    StreamProbe probe = new StreamProbe(memory.asReadOnly(), registers);
    SmmuEndpoints endpoints = new SmmuEndpoints(probe, budget);
    boolean all = onlyStream == null;
    long first = onlyStream == null ? 0 : Integer.toUnsignedLong(onlyStream);
    long end = Math.min(probe.streams(), all ? MOST_STREAMS : first + 1);
    for (long id = first; id < end && endpoints.reads(); id++) {
      int code = probe.resolve((int) id);
      if (code == BAD_STREAM) {
        id |= probe.group() - 1;
      } else if (code == StreamProbe.VALID || code == BAD_ENTRY) {
        endpoints.stream((int) id, code == StreamProbe.VALID);
      }
    }
    return endpoints.found;
  }

  /** Counts a read of a structure; false once the budget is used up. */
  private boolean reads() {
    stopped |= !budget.read();
    return !stopped;
  }

  private long get(Field field) {
    return field.get(probe.entry(field.word()));
  }

  private boolean usesStage1() {
    return (get(StreamTableEntry.CONFIG) & 1) != 0;
  }

  private boolean usesStage2() {
    return (get(StreamTableEntry.CONFIG) & 2) != 0;
  }

  /** A stream with an STE, which may abort. */
  private void stream(int id, boolean legal) {
    if (get(StreamTableEntry.V) == 0 || get(StreamTableEntry.CONFIG) < 4) {
      return;
    }
    boolean first = legal && usesStage1();
    if (!first || probe.contextBits() == 0) {
      if (first && reads()) {
        probe.context(0);
      }
      add(id, -1, usesStage1());
      return;
    }
    int without = (int) get(StreamTableEntry.S1DSS);
    if (without == BYPASS_STAGE_1) {
      add(id, -1, false);
    } else if (without == USE_CD_0 && reads()) {
      probe.context(0);
      add(id, -1, true);
    }
    // CD 0 then belongs to requests without a SubstreamID alone (5.2, S1DSS).
    for (int sub = without == USE_CD_0 ? 1 : 0; sub < 1 << probe.contextBits() && reads(); sub++) {
      if (probe.context(sub) == BAD_SUBSTREAM) {
        sub |= (1 << probe.leafBits()) - 1;
      } else if (ContextDescriptor.V.in(probe.contextWord(0))) {
        add(id, sub, true);
      }
    }
  }

  /** Lists a stream or one of its substreams, of which the probe has read the CD. */
  private void add(int id, int substream, boolean first) {
    if (stopped || !budget.endpoint()) {
      stopped = true;
      return;
    }
    boolean second = usesStage2();
    long word0 = first ? probe.contextWord(0) : 0;
    long word1 = first ? probe.contextWord(1) : 0;
    long word2 = first ? probe.contextWord(2) : 0;
    String granule1 = granule(ContextDescriptor.lowerGranule(word0));
    String granule2 = granule(StreamTableEntry.granule(probe.entry(StreamTableEntry.S2TG.word())));
    String type;
    if (first) {
      type =
          second
              ? "nested, stage 1 %s over stage 2 %s".formatted(granule1, granule2)
              : "stage 1, %s granule".formatted(granule1);
    } else {
      type = second ? "stage 2, %s granule".formatted(granule2) : "pass-through";
    }
    long domain = second ? get(StreamTableEntry.S2VMID) : ContextDescriptor.ASID.get(word0);
    long table =
        first
            ? word1 & ContextDescriptor.TTB0.mask()
            : second ? probe.entry(3) & StreamTableEntry.S2TTB.mask() : 0;
    found.add(
        new Endpoint(
            id,
            substream,
            (int) domain,
            type,
            first && second,
            first || second,
            table,
            List.of(
                probe.entry(0),
                probe.entry(1),
                probe.entry(2),
                probe.entry(3),
                word0,
                word1,
                word2)));
  }

  private static String granule(int log2) {
    return log2 == 0 ? "reserved" : (1 << log2 - 10) + "K";
  }
}
