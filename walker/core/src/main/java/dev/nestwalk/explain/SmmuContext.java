package dev.nestwalk.explain;

import dev.nestwalk.format.Field;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.ContextDescriptor;
import dev.nestwalk.smmu.EventCode;
import dev.nestwalk.smmu.Idr0;
import dev.nestwalk.smmu.Idr3;
import dev.nestwalk.smmu.Idr5;
import dev.nestwalk.smmu.L1ContextDescriptor;
import dev.nestwalk.smmu.StreamTableEntry;
import org.jspecify.annotations.Nullable;

/**
 * Resolves a SubstreamID to a CD, with the rules that make a CD illegal (IHI 0070, 3.3.2, 5.3,
 * 5.4).
 */
final class SmmuContext {
  private final SmmuUnit unit;
  private final GuestMemory memory;
  private final Recorder recorder;
  private final SmmuStream streams;
  private final long[] entry;
  private final @Nullable SmmuStage2Steps second;

  SmmuContext(
      SmmuUnit unit,
      GuestMemory memory,
      Recorder recorder,
      SmmuStream streams,
      long[] entry,
      @Nullable SmmuStage2Steps second) {
    this.unit = unit;
    this.memory = memory;
    this.recorder = recorder;
    this.streams = streams;
    this.entry = entry;
    this.second = second;
  }

  private String space() {
    return second == null ? "PA" : "IPA";
  }

  /** Host address of a CD or L1CD, through stage 2 if that is on. */
  private long reach(String what, long at) {
    long host = at;
    if (second != null) {
      SmmuStage2Steps.Leaf leaf =
          second.walk(", for the " + what, at, SmmuStage2Steps.Want.TABLE_READ, 0);
      second.settle(leaf, false, 0);
      host = leaf.output();
    }
    return host;
  }

  private long[] read(String what, long host, int words) {
    long[] all = new long[words];
    for (int i = 0; i < words; i++) {
      int run = memory.find(host + 8L * i);
      if (run < 0) {
        recorder.decided(
            what, "PA", host, SmmuStage2Steps.name(EventCode.F_CD_FETCH), "SMMUv3 7.3.10");
        throw SmmuRefusal.config(EventCode.F_CD_FETCH, host);
      }
      all[i] = memory.load(run, host + 8L * i);
    }
    return all;
  }

  /** The CD with number {@code index}. */
  long[] fetch(int index) {
    long bits = streams.contextBits(entry);
    long format = bits == 0 ? 0 : SmmuStream.get(StreamTableEntry.S1FMT, entry);
    long table = SmmuStream.get(StreamTableEntry.S1CONTEXTPTR, entry) * 64;
    long at;
    if (format == 1 || format == 2) {
      at = throughLevel1(table, bits, format == 1 ? 64 : 1024, index);
    } else {
      at = table - Long.remainderUnsigned(table, 64L << bits) + 64L * index;
    }
    long host = reach("CD", at);
    long[] words = read("CD", host, 8);
    String problem = problem(words);
    recorder.read(
        new Recorder.Reading("CD %d".formatted(index), 0, 0, space(), at, host)
            .because("the SubstreamID, or 0 without one, is the number of the CD")
            .selectedBy("SubstreamID", index, Math.max(0, leafBits(format, bits) - 1), 0),
        ContextDescriptor.STRUCTURE,
        words,
        problem.isEmpty() ? "legal" : problem + ": C_BAD_CD");
    if (!problem.isEmpty()) {
      throw SmmuRefusal.config(EventCode.C_BAD_CD, 0);
    }
    if (!isOff(words, false)) {
      recorder.leadingTo(
          "stage 1 tables", space(), SmmuStream.get(ContextDescriptor.TTB0, words) * 16);
    }
    return words;
  }

  /** Number of SubstreamID bits that select a CD within its table. */
  private static int leafBits(long format, long bits) {
    return format == 1 ? 6 : format == 2 ? 10 : (int) bits;
  }

  private long throughLevel1(long table, long bits, int leafSize, int index) {
    int leafBits = Integer.numberOfTrailingZeros(leafSize);
    long bytes = bits > leafBits ? 8L << bits - leafBits : 8;
    long base = table - Long.remainderUnsigned(table, Math.max(64, bytes));
    long at = base + 8L * (index / leafSize);
    long host = reach("L1CD", at);
    long word = read("L1CD", host, 1)[0];
    long leaf = L1ContextDescriptor.L2PTR.get(word) * 4096;
    boolean legal =
        L1ContextDescriptor.V.in(word) && (second != null || !VtdUnit.exceeds(leaf, unit.oas()));
    recorder.read(
        new Recorder.Reading("level 1 CD descriptor", 0, 0, space(), at, host)
            .because("S1ContextPtr is the level 1 CD table")
            .selectedBy("SubstreamID", index, Math.max(leafBits, (int) bits - 1), leafBits),
        L1ContextDescriptor.STRUCTURE,
        new long[] {word},
        legal ? "leaf table found" : SmmuStage2Steps.name(EventCode.C_BAD_SUBSTREAMID));
    if (!legal) {
      throw SmmuRefusal.config(EventCode.C_BAD_SUBSTREAMID, 0);
    }
    long descriptors = leaf - Long.remainderUnsigned(leaf, 64L * leafSize);
    recorder.leadingTo("table of CDs", space(), descriptors);
    return descriptors + 64L * (index % leafSize);
  }

  /** EL1&0 and EL2-E2H have two ranges and two privileges; EL2 has one of each. */
  boolean hasTwoPrivileges() {
    return !streams.isEl2(entry) || unit.e2h();
  }

  boolean isOff(long[] cd, boolean upper) {
    if (!hasTwoPrivileges()) {
      return upper;
    }
    return SmmuStream.get(upper ? ContextDescriptor.EPD1 : ContextDescriptor.EPD0, cd) == 1;
  }

  /** Why the CD is illegal, or empty if it is legal (5.4.2). */
  private String problem(long[] cd) {
    boolean stalls = SmmuStream.get(ContextDescriptor.S, cd) == 1;
    long model = unit.idr0(Idr0.STALL_MODEL);
    if (SmmuStream.get(ContextDescriptor.V, cd) == 0) {
      return "not valid";
    }
    if (SmmuStream.get(ContextDescriptor.AA64, cd) == 0) {
      return "AArch32 tables";
    }
    boolean forbidden = SmmuStream.get(StreamTableEntry.S1STALLD, entry) == 1 || model == 1;
    if (stalls && forbidden || !stalls && model == 2) {
      return "stall against the stall model";
    }
    if (unit.idr0(Idr0.TERM_MODEL) == 1 && SmmuStream.get(ContextDescriptor.A, cd) == 0) {
      return "A = 0 on a unit that only aborts";
    }
    boolean anyRange = !isOff(cd, false) || !isOff(cd, true);
    if (anyRange && streams.endianIsIllegal(SmmuStream.get(ContextDescriptor.ENDI, cd) == 1)) {
      return "endianness";
    }
    boolean ha = SmmuStream.get(ContextDescriptor.HA, cd) == 1;
    boolean hd = SmmuStream.get(ContextDescriptor.HD, cd) == 1;
    long httu = unit.idr0(Idr0.HTTU);
    if ((ha || hd) && httu == 0 || hd && httu == 1) {
      return "hardware updates that the unit does not have";
    }
    boolean longAsid = SmmuStream.get(ContextDescriptor.ASID, cd) > 255;
    if (hasTwoPrivileges() && longAsid && unit.idr0(Idr0.ASID16) == 0) {
      return "ASID of more than 8 bits";
    }
    for (boolean upper : new boolean[] {false, true}) {
      if (!isOff(cd, upper)) {
        SmmuTables tables = tables(cd, upper);
        if (tables == null || VtdUnit.exceeds(tables.base(), tables.outputLimit())) {
          return upper ? "geometry of the upper range" : "geometry of the lower range";
        }
      }
    }
    return "";
  }

  /** Geometry of a range, or null if it is illegal (3.2). */
  @Nullable SmmuTables tables(long[] cd, boolean upper) {
    int[] lowerGranules = {12, 16, 14, 0};
    int[] upperGranules = {0, 14, 12, 16};
    Field granuleField = upper ? ContextDescriptor.TG1 : ContextDescriptor.TG0;
    int[] granules = upper ? upperGranules : lowerGranules;
    int granule = granules[(int) SmmuStream.get(granuleField, cd)];
    Field sizeField = upper ? ContextDescriptor.T1SZ : ContextDescriptor.T0SZ;
    int size = (int) SmmuStream.get(sizeField, cd);
    boolean ds = unit.idr5(Idr5.DS) == 1 && SmmuStream.get(ContextDescriptor.DS, cd) == 1;
    boolean wideInput = unit.idr5(Idr5.VAX) != 0 && (granule == 16 || ds);
    boolean small = unit.idr3(Idr3.STT) == 1;
    int ceiling = small ? (granule == 16 ? 47 : 48) : 39;
    if (!unit.offers(granule) || size < (wideInput ? 12 : 16) || size > ceiling) {
      return null;
    }
    int bits = 64 - size;
    int start = 3;
    for (int covered = granule + granule - 3; covered < bits; covered += granule - 3) {
      start--;
    }
    int output = Math.min(unit.oas(), SmmuUnit.bits(SmmuStream.get(ContextDescriptor.IPS, cd)));
    Field baseField = upper ? ContextDescriptor.TTB1 : ContextDescriptor.TTB0;
    return new SmmuTables(
        granule,
        start,
        bits,
        SmmuStream.get(baseField, cd) * 16,
        output,
        ds && granule != 16,
        granule == 16 && unit.oas() == 52,
        SmmuStream.get(ContextDescriptor.ENDI, cd) == 1,
        (int) SmmuStream.get(upper ? ContextDescriptor.SH1 : ContextDescriptor.SH0, cd));
  }
}
