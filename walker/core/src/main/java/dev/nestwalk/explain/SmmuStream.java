package dev.nestwalk.explain;

import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.EventCode;
import dev.nestwalk.smmu.Idr0;
import dev.nestwalk.smmu.Idr1;
import dev.nestwalk.smmu.Idr3;
import dev.nestwalk.smmu.Idr5;
import dev.nestwalk.smmu.L1StreamDescriptor;
import dev.nestwalk.smmu.StreamTableEntry;
import org.jspecify.annotations.Nullable;

/**
 * Resolves a StreamID to an STE, with the rules that make an STE illegal (IHI 0070, 3.3.1, 5.1,
 * 5.2).
 */
final class SmmuStream {
  private final SmmuUnit unit;
  private final GuestMemory memory;
  private final Recorder recorder;

  SmmuStream(SmmuUnit unit, GuestMemory memory, Recorder recorder) {
    this.unit = unit;
    this.memory = memory;
    this.recorder = recorder;
  }

  /** A legal STE; an empty array means "abort, no event". */
  long[] find(long streamId) {
    if (VtdUnit.exceeds(streamId, (int) unit.streamBits())) {
      recorder.decided(
          "StreamID", "", streamId, SmmuStage2Steps.name(EventCode.C_BAD_STREAMID), "SMMUv3 3.3.1");
      throw SmmuRefusal.config(EventCode.C_BAD_STREAMID, 0);
    }
    long at = unit.streamTable() + 64 * streamId;
    if (unit.twoLevel()) {
      at = throughLevel1(streamId);
    }
    long[] entry = words(at);
    String title = "STE of StreamID 0x%x".formatted(streamId);
    boolean two = unit.twoLevel();
    int top = two ? unit.split() - 1 : (int) unit.streamBits() - 1;
    Recorder.Reading reading =
        new Recorder.Reading(title, 0, 0, "PA", at)
            .because(
                two
                    ? "the level 1 descriptor points to this table of STEs"
                    : "STRTAB_BASE is the stream table")
            .selectedBy("StreamID", streamId, Math.max(0, top), 0);
    Structure structure = StreamTableEntry.STRUCTURE;
    if (entry == null) {
      recorder.read(reading, structure, new long[0], SmmuStage2Steps.name(EventCode.F_STE_FETCH));
      throw SmmuRefusal.config(EventCode.F_STE_FETCH, at);
    }
    boolean aborts = get(StreamTableEntry.V, entry) == 1 && get(StreamTableEntry.CONFIG, entry) < 4;
    String problem = aborts ? "" : problem(entry);
    String rule = aborts ? "Config aborts, no event" : problem.isEmpty() ? "legal" : problem;
    recorder.read(reading, structure, entry, rule);
    if (!problem.isEmpty()) {
      throw SmmuRefusal.config(EventCode.C_BAD_STE, 0);
    }
    lead(entry, aborts);
    return aborts ? new long[0] : entry;
  }

  private void lead(long[] entry, boolean aborts) {
    if (!aborts && usesStage1(entry)) {
      String space = usesStage2(entry) ? "IPA" : "PA";
      long pointer = get(StreamTableEntry.S1CONTEXTPTR, entry) * 64;
      recorder.leadingTo("context descriptors", space, pointer);
    } else if (!aborts && usesStage2(entry)) {
      recorder.leadingTo("stage 2 tables", "PA", get(StreamTableEntry.S2TTB, entry) * 16);
    }
  }

  static long get(Field field, long[] entry) {
    return field.get(entry[field.word()]);
  }

  private long @Nullable [] words(long at) {
    long[] entry = new long[8];
    for (int i = 0; i < entry.length; i++) {
      int run = memory.find(at + 8L * i);
      if (run < 0) {
        return null;
      }
      entry[i] = memory.load(run, at + 8L * i);
    }
    return entry;
  }

  private long throughLevel1(long streamId) {
    int split = unit.split();
    long at = unit.streamTable() + (streamId >>> split) * 8;
    Recorder.Reading reading =
        new Recorder.Reading("level 1 stream table descriptor", 0, 0, "PA", at)
            .because("STRTAB_BASE is the level 1 stream table")
            .selectedBy("StreamID", streamId, Math.max(split, (int) unit.streamBits() - 1), split);
    int run = memory.find(at);
    if (run < 0) {
      recorder.read(
          reading,
          L1StreamDescriptor.STRUCTURE,
          new long[0],
          SmmuStage2Steps.name(EventCode.F_STE_FETCH));
      throw SmmuRefusal.config(EventCode.F_STE_FETCH, at);
    }
    long word = memory.load(run, at);
    long span = L1StreamDescriptor.SPAN.get(word);
    long index = streamId % (1L << split);
    boolean legal = span >= 1 && span <= 11 && span <= split + 1 && index < 1L << span - 1;
    recorder.read(
        reading,
        L1StreamDescriptor.STRUCTURE,
        new long[] {word},
        legal
            ? "leaf of %d STEs".formatted(1L << span - 1)
            : SmmuStage2Steps.name(EventCode.C_BAD_STREAMID));
    if (!legal) {
      throw SmmuRefusal.config(EventCode.C_BAD_STREAMID, 0);
    }
    long pointer = L1StreamDescriptor.L2PTR.get(word) * 64;
    long leaf = pointer - Long.remainderUnsigned(pointer, 64L << span - 1);
    recorder.leadingTo("table of STEs", "PA", leaf);
    return leaf + index * 64;
  }

  static boolean usesStage1(long[] entry) {
    return (get(StreamTableEntry.CONFIG, entry) & 1) == 1;
  }

  static boolean usesStage2(long[] entry) {
    return (get(StreamTableEntry.CONFIG, entry) & 2) == 2;
  }

  /** Whether the stream belongs to EL2 or EL2-E2H (5.2, STRW). */
  boolean isEl2(long[] entry) {
    return worldCounts(entry) && get(StreamTableEntry.STRW, entry) == 2;
  }

  private boolean worldCounts(long[] entry) {
    return usesStage1(entry) && !usesStage2(entry) && unit.idr0(Idr0.HYP) == 1;
  }

  /** Number of SubstreamID bits of the stream's CD table. */
  long contextBits(long[] entry) {
    return unit.idr1(Idr1.SSIDSIZE) == 0 ? 0 : get(StreamTableEntry.S1CDMAX, entry);
  }

  /** Why the STE is illegal, or empty if it is legal (5.2.2). */
  private String problem(long[] entry) {
    if (get(StreamTableEntry.V, entry) == 0) {
      return "not valid: C_BAD_STE";
    }
    boolean s1 = usesStage1(entry);
    boolean s2 = usesStage2(entry);
    if (s1 && unit.idr0(Idr0.S1P) == 0 || s2 && unit.idr0(Idr0.S2P) == 0) {
      return "a stage that the unit does not have: C_BAD_STE";
    }
    if (unit.idr0(Idr0.ATS) == 1 && (s1 || s2) && atsIsIllegal(entry, s1 && s2, s2)) {
      return "EATS not legal here: C_BAD_STE";
    }
    if (worldCounts(entry) && get(StreamTableEntry.STRW, entry) % 2 == 1) {
      return "STRW reserved: C_BAD_STE";
    }
    if (s1 && stage1IsIllegal(entry, s2)) {
      return "stage 1 fields: C_BAD_STE";
    }
    if (s2 && stage2IsIllegal(entry)) {
      return "stage 2 fields: C_BAD_STE";
    }
    boolean tagged = (s1 || s2) && !isEl2(entry) && unit.idr0(Idr0.S2P) == 1;
    if (tagged && unit.idr0(Idr0.VMID16) == 0 && get(StreamTableEntry.S2VMID, entry) > 255) {
      return "VMID of more than 8 bits: C_BAD_STE";
    }
    return "";
  }

  private boolean atsIsIllegal(long[] entry, boolean nested, boolean s2) {
    long eats = get(StreamTableEntry.EATS, entry);
    boolean stalls = get(StreamTableEntry.S2S, entry) == 1;
    return eats == 2 && (!nested || stalls || unit.idr0(Idr0.NS1ATS) == 1)
        || eats == 1 && s2 && stalls;
  }

  private boolean stage1IsIllegal(long[] entry, boolean nested) {
    long bits = contextBits(entry);
    long format = get(StreamTableEntry.S1FMT, entry);
    boolean twoLevel = bits > 0 && (format == 1 || format == 2);
    long pointer = get(StreamTableEntry.S1CONTEXTPTR, entry) * 64;
    return get(StreamTableEntry.S1STALLD, entry) == 1 && unit.idr0(Idr0.STALL_MODEL) != 0
        || bits > unit.idr1(Idr1.SSIDSIZE)
        || twoLevel && unit.idr0(Idr0.CD2L) == 0
        || !nested && VtdUnit.exceeds(pointer, unit.oas());
  }

  boolean endianIsIllegal(boolean big) {
    long model = unit.idr0(Idr0.TTENDIAN);
    return big && model == 2 || !big && model == 3;
  }

  private boolean stage2IsIllegal(long[] entry) {
    long model = unit.idr0(Idr0.STALL_MODEL);
    boolean stalls = get(StreamTableEntry.S2S, entry) == 1;
    boolean ha = get(StreamTableEntry.S2HA, entry) == 1;
    boolean hd = get(StreamTableEntry.S2HD, entry) == 1;
    long httu = unit.idr0(Idr0.HTTU);
    if (get(StreamTableEntry.S2AA64, entry) == 0
        || stalls && model == 1
        || !stalls && model == 2
        || (ha || hd) && httu == 0
        || hd && httu == 1
        || endianIsIllegal(get(StreamTableEntry.S2ENDI, entry) == 1)) {
      return true;
    }
    SmmuTables tables = stage2Tables(entry);
    return tables == null || VtdUnit.exceeds(tables.base(), tables.outputLimit());
  }

  /** Stage 2's geometry, or null if it is illegal (3.4; DDI 0487, D8.1). */
  @Nullable SmmuTables stage2Tables(long[] entry) {
    int[] granules = {12, 16, 14, 0};
    int granule = granules[(int) get(StreamTableEntry.S2TG, entry)];
    boolean ds = unit.idr5(Idr5.DS) == 1 && get(StreamTableEntry.S2DS, entry) == 1 && granule != 16;
    boolean dsAsked = unit.idr5(Idr5.DS) == 1 && get(StreamTableEntry.S2DS, entry) == 1;
    boolean small = unit.idr3(Idr3.STT) == 1;
    int size = (int) get(StreamTableEntry.S2T0SZ, entry);
    int floor = granule == 16 || dsAsked ? 12 : 16;
    int ceiling = small ? (granule == 16 ? 47 : 48) : 39;
    long sl = get(StreamTableEntry.S2SL0, entry);
    boolean high = granule == 12 && dsAsked && get(StreamTableEntry.S2SL0_2, entry) == 1;
    int start = startLevel(granule, high ? sl + 4 : sl, small, dsAsked);
    if (!unit.offers(granule)
        || size < floor
        || size < 64 - unit.ias()
        || size > ceiling
        || start > 3) {
      return null;
    }
    boolean wide = granule == 16 && unit.oas() == 52;
    int output = Math.min(unit.oas(), SmmuUnit.bits(get(StreamTableEntry.S2PS, entry)));
    SmmuTables tables =
        new SmmuTables(
            granule,
            start,
            64 - size,
            get(StreamTableEntry.S2TTB, entry) * 16,
            output,
            ds,
            wide,
            get(StreamTableEntry.S2ENDI, entry) == 1,
            (int) get(StreamTableEntry.S2SH0, entry));
    int first = tables.inputBits() - tables.offsetBits(start);
    return first >= 1 && first <= granule - 3 + 4 ? tables : null;
  }

  private int startLevel(int granule, long sl, boolean small, boolean ds) {
    int illegal = 9;
    int pa = unit.oas();
    if (granule == 12) {
      int[] levels = {2, 1, pa < 44 ? illegal : 0, small ? 3 : illegal, pa < 52 ? illegal : -1};
      return sl < 5 ? levels[(int) sl] : illegal;
    }
    if (granule == 14) {
      int[] levels = {3, 2, pa < 42 ? illegal : 1, ds && pa == 52 ? 0 : illegal};
      return sl < 4 ? levels[(int) sl] : illegal;
    }
    int[] levels = {3, 2, pa < 44 ? illegal : 1};
    return sl < 3 ? levels[(int) sl] : illegal;
  }
}
