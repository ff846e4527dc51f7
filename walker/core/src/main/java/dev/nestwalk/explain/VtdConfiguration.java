package dev.nestwalk.explain;

import dev.nestwalk.dma.Access;
import dev.nestwalk.format.Field;
import dev.nestwalk.format.Structure;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.vtd.Cap;
import dev.nestwalk.vtd.ContextEntry;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.FaultCode;
import dev.nestwalk.vtd.PasidDirectoryEntry;
import dev.nestwalk.vtd.PasidTableEntry;
import dev.nestwalk.vtd.RootEntry;
import dev.nestwalk.vtd.ScalableContextEntry;
import dev.nestwalk.vtd.ScalableRootEntry;
import org.jspecify.annotations.Nullable;

/** Root, context, PASID directory and PASID table entries, in the order of their checks. */
final class VtdConfiguration {
  private final VtdUnit unit;
  private final GuestMemory memory;
  private final Recorder recorder;

  /** OR of the FPD bits read so far. */
  boolean faultsDisabled;

  VtdConfiguration(VtdUnit unit, GuestMemory memory, Recorder recorder) {
    this.unit = unit;
    this.memory = memory;
    this.recorder = recorder;
  }

  /** Reads an entry; null if any of its words is outside memory. */
  private long @Nullable [] fetch(long address, int words) {
    long[] entry = new long[words];
    for (int i = 0; i < words; i++) {
      int run = memory.find(address + i * 8L);
      if (run < 0) {
        return null;
      }
      entry[i] = memory.load(run, address + i * 8L);
    }
    return entry;
  }

  private long[] read(Recorder.Reading reading, Structure structure, int unreadable) {
    long[] words = fetch(reading.address(), structure.words());
    if (words == null) {
      recorder.read(reading, structure, new long[0], "not in memory: unreadable");
      throw Refusal.of(unreadable);
    }
    return words;
  }

  private static Recorder.Reading at(String title, long address, String why) {
    return new Recorder.Reading(title, 0, 0, "HPA", address).because(why);
  }

  /** Records the outcome of an entry's checks; refuses the request if {@code code} is not 0. */
  private void judge(
      Recorder.Reading reading, Structure structure, long[] words, int code, String rule) {
    recorder.read(reading, structure, words, rule);
    if (code != 0) {
      throw Refusal.of(code);
    }
  }

  VtdContext legacy(int sourceId, int access) {
    int bus = sourceId >> 8 & 0xff;
    long address = unit.rootTable() + bus * 16L;
    Recorder.Reading reading =
        at("root entry of bus 0x%02x".formatted(bus), address, "RTADDR points to the root table")
            .selectedBy("source id", sourceId, 15, 8);
    long[] root = read(reading, RootEntry.STRUCTURE, FaultCode.LRT_1);
    boolean bad =
        VtdUnit.hasUnnamed(RootEntry.STRUCTURE, 0, root[0])
            || VtdUnit.hasUnnamed(RootEntry.STRUCTURE, 1, root[1])
            || unit.pointsBeyondHost(RootEntry.CTP, root[0]);
    int code = RootEntry.P.get(root[0]) == 0 ? FaultCode.LRT_2 : bad ? FaultCode.LRT_3 : 0;
    judge(reading, RootEntry.STRUCTURE, root, code, verdict(code, "context table found"));
    long table = RootEntry.CTP.get(root[0]) * 4096;
    recorder.leadingTo("context table", "HPA", table);
    return legacyContext(table, sourceId, access);
  }

  private static String verdict(int code, String fine) {
    return code == 0 ? fine : Reasons.of(code);
  }

  private VtdContext legacyContext(long table, int sourceId, int access) {
    int function = sourceId & 0xff;
    Recorder.Reading reading =
        at(
                "context entry of function 0x%02x".formatted(function),
                table + function * 16L,
                "the root entry points to this context table")
            .selectedBy("source id", sourceId, 7, 0);
    long[] entry = read(reading, ContextEntry.STRUCTURE, FaultCode.LCT_1);
    faultsDisabled = ContextEntry.FPD.get(entry[0]) == 1;
    int type = (int) ContextEntry.TT.get(entry[0]);
    int aw = (int) ContextEntry.AW.get(entry[1]);
    int code = legacyFault(entry, type, aw, access);
    VtdContext.Kind kind =
        type == ContextEntry.TT_PASS_THROUGH
            ? VtdContext.Kind.PASS_THROUGH
            : VtdContext.Kind.SECOND;
    String rule = verdict(code, "translation type %d, width code %d".formatted(type, aw));
    judge(reading, ContextEntry.STRUCTURE, entry, code, rule);
    if ((access & Access.TRANSLATED) != 0) {
      return VtdContext.untouched(true);
    }
    long root = ContextEntry.SSPTPTR.get(entry[0]) * 4096;
    if (kind == VtdContext.Kind.SECOND) {
      recorder.leadingTo("second-stage table of level " + (aw + 2), "HPA", root);
    }
    return VtdContext.legacy(kind, aw, root);
  }

  private int legacyFault(long[] entry, int type, int aw, int access) {
    if (ContextEntry.P.get(entry[0]) == 0) {
      return FaultCode.LCT_2;
    }
    if (VtdUnit.hasUnnamed(ContextEntry.STRUCTURE, 0, entry[0])
        || VtdUnit.hasUnnamed(ContextEntry.STRUCTURE, 1, entry[1])
        || unit.pointsBeyondHost(ContextEntry.SSPTPTR, entry[0])
        || unit.domainIsTooWide(ContextEntry.DID.get(entry[1]))) {
      return FaultCode.LCT_3;
    }
    boolean typeIsLegal =
        type == ContextEntry.TT_UNTRANSLATED
            || type == ContextEntry.TT_DEVICE_TLB && unit.has(Ecap.DT)
            || type == ContextEntry.TT_PASS_THROUGH && unit.has(Ecap.PT);
    boolean widthIsLegal =
        type == ContextEntry.TT_PASS_THROUGH ? unit.widthIsLargest(aw) : unit.widthIsSupported(aw);
    if (!typeIsLegal || !widthIsLegal) {
      return FaultCode.LCT_4;
    }
    boolean fromDeviceTlb = (access & (Access.TRANSLATED | Access.TRANSLATION_REQUEST)) != 0;
    return fromDeviceTlb && type != ContextEntry.TT_DEVICE_TLB ? FaultCode.LCT_5 : 0;
  }

  VtdContext scalable(int sourceId, int pasid, int access) {
    int bus = sourceId >> 8 & 0xff;
    boolean upper = (sourceId & 0x80) != 0;
    long address = unit.rootTable() + bus * 16L;
    String title =
        "%s half of the root entry of bus 0x%02x".formatted(upper ? "upper" : "lower", bus);
    Recorder.Reading reading =
        at(title, address, "RTADDR points to the root table; devices 16 to 31 have its upper half")
            .selectedBy("source id", sourceId, 15, 8);
    long[] root = read(reading, ScalableRootEntry.STRUCTURE, FaultCode.SRT_1);
    int half = upper ? 1 : 0;
    Field present = upper ? ScalableRootEntry.UP : ScalableRootEntry.LP;
    Field pointer = upper ? ScalableRootEntry.UCTP : ScalableRootEntry.LCTP;
    boolean bad =
        VtdUnit.hasUnnamed(ScalableRootEntry.STRUCTURE, half, root[half])
            || unit.pointsBeyondHost(pointer, root[half]);
    int code = present.get(root[half]) == 0 ? FaultCode.SRT_2 : bad ? FaultCode.SRT_3 : 0;
    String rule = verdict(code, "context table found");
    judge(reading, ScalableRootEntry.STRUCTURE, root, code, rule);
    long table = pointer.get(root[half]) * 4096;
    recorder.leadingTo("context table", "HPA", table);
    return scalableContext(table + (sourceId & 0x7f) * 32L, sourceId, pasid, access);
  }

  private VtdContext scalableContext(long address, int sourceId, int pasid, int access) {
    Recorder.Reading reading =
        at(
                "context entry of function 0x%02x".formatted(sourceId & 0xff),
                address,
                "the root entry points to this context table")
            .selectedBy("source id", sourceId, 6, 0);
    Structure structure = ScalableContextEntry.STRUCTURE;
    long[] entry = read(reading, structure, FaultCode.SCT_1);
    faultsDisabled = ScalableContextEntry.FPD.get(entry[0]) == 1;
    long ridPasid = unit.has(Ecap.RPS) ? ScalableContextEntry.RID_PASID.get(entry[1]) : 0;
    int directoryWidth = 13 + (int) ScalableContextEntry.PDTS.get(entry[0]);
    int code = scalableFault(entry, pasid, access);
    if (code == 0 && pasid < 0 && VtdUnit.exceeds(ridPasid, directoryWidth)) {
      code = FaultCode.SCT_9;
    }
    int used = pasid < 0 ? (int) ridPasid : pasid;
    String which = pasid < 0 ? "PASID 0x%x for a request without one" : "PASID 0x%x";
    judge(reading, structure, entry, code, verdict(code, which.formatted(used)));
    if ((access & Access.TRANSLATED) != 0) {
      return VtdContext.untouched(false);
    }
    boolean privileged =
        pasid >= 0
            ? (access & Access.PRIVILEGED) != 0
            : unit.has(Ecap.RPRIVS) && ScalableContextEntry.RID_PRIV.get(entry[1]) == 1;
    boolean execute = pasid >= 0 && (access & Access.EXECUTE) != 0;
    long directory = ScalableContextEntry.PASIDDIRPTR.get(entry[0]) * 4096;
    recorder.leadingTo("PASID directory", "HPA", directory);
    return pasidTable(directoryEntry(directory, used), used, privileged, execute);
  }

  private int scalableFault(long[] entry, int pasid, int access) {
    if (ScalableContextEntry.P.get(entry[0]) == 0) {
      return FaultCode.SCT_2;
    }
    boolean reserved = unit.pointsBeyondHost(ScalableContextEntry.PASIDDIRPTR, entry[0]);
    for (int word = 0; word < entry.length; word++) {
      reserved |= VtdUnit.hasUnnamed(ScalableContextEntry.STRUCTURE, word, entry[word]);
    }
    reserved |= !unit.has(Ecap.DT) && ScalableContextEntry.DTE.in(entry[0]);
    reserved |= !unit.has(Ecap.PASID) && ScalableContextEntry.PASIDE.in(entry[0]);
    reserved |= !unit.has(Ecap.PRS) && ScalableContextEntry.PRE.in(entry[0]);
    if (reserved) {
      return FaultCode.SCT_3;
    }
    boolean deviceTlb = ScalableContextEntry.DTE.in(entry[0]);
    if (!deviceTlb && ScalableContextEntry.PRE.in(entry[0])) {
      return FaultCode.SCT_4;
    }
    boolean fromDeviceTlb = (access & (Access.TRANSLATED | Access.TRANSLATION_REQUEST)) != 0;
    if (fromDeviceTlb && !deviceTlb) {
      return FaultCode.SCT_5;
    }
    if (pasid < 0) {
      return 0;
    }
    if (ScalableContextEntry.PASIDE.get(entry[0]) == 0) {
      return FaultCode.SCT_6;
    }
    int directoryWidth = 13 + (int) ScalableContextEntry.PDTS.get(entry[0]);
    if (VtdUnit.exceeds(pasid, directoryWidth)) {
      return FaultCode.SCT_7;
    }
    return VtdUnit.exceeds(pasid, unit.pasidWidth()) ? FaultCode.SGN_10 : 0;
  }

  private long directoryEntry(long directory, int pasid) {
    Recorder.Reading reading =
        at(
                "PASID directory entry %d".formatted(pasid / 64),
                directory + 8L * (pasid / 64),
                "the context entry points to the PASID directory")
            .selectedBy("PASID", pasid, 19, 6);
    long[] entry = read(reading, PasidDirectoryEntry.STRUCTURE, FaultCode.SPD_1);
    faultsDisabled |= PasidDirectoryEntry.FPD.get(entry[0]) == 1;
    boolean bad =
        VtdUnit.hasUnnamed(PasidDirectoryEntry.STRUCTURE, 0, entry[0])
            || unit.pointsBeyondHost(PasidDirectoryEntry.SMPTBLPTR, entry[0]);
    int code =
        PasidDirectoryEntry.P.get(entry[0]) == 0 ? FaultCode.SPD_2 : bad ? FaultCode.SPD_3 : 0;
    String rule = verdict(code, "PASID table found");
    judge(reading, PasidDirectoryEntry.STRUCTURE, entry, code, rule);
    long table = PasidDirectoryEntry.SMPTBLPTR.get(entry[0]) * 4096;
    recorder.leadingTo("PASID table", "HPA", table);
    return table;
  }

  private VtdContext pasidTable(long table, int pasid, boolean privileged, boolean execute) {
    Recorder.Reading reading =
        at(
                "PASID table entry %d".formatted(pasid % 64),
                table + 64L * (pasid % 64),
                "the PASID directory points to this PASID table")
            .selectedBy("PASID", pasid, 5, 0);
    long[] entry = read(reading, PasidTableEntry.STRUCTURE, FaultCode.SPT_1);
    faultsDisabled |= PasidTableEntry.FPD.get(entry[0]) == 1;
    int type = (int) PasidTableEntry.PGTT.get(entry[0]);
    int code = pasidFault(entry, type, privileged, execute);
    String rule = verdict(code, "translation type %d".formatted(type));
    judge(reading, PasidTableEntry.STRUCTURE, entry, code, rule);
    VtdContext.Kind kind =
        switch (type) {
          case PasidTableEntry.PGTT_FIRST -> VtdContext.Kind.FIRST;
          case PasidTableEntry.PGTT_SECOND -> VtdContext.Kind.SECOND;
          case PasidTableEntry.PGTT_NESTED -> VtdContext.Kind.NESTED;
          default -> VtdContext.Kind.PASS_THROUGH;
        };
    int aw = (int) PasidTableEntry.AW.get(entry[0]);
    long second = PasidTableEntry.SSPTPTR.get(entry[0]) * 4096;
    lead(kind, entry[2], second, aw);
    return new VtdContext(
        kind,
        false,
        privileged,
        aw,
        second,
        PasidTableEntry.SSADE.in(entry[0]),
        PasidTableEntry.SSEE.in(entry[0]),
        entry[2],
        !unit.has(Ecap.SMPWCS) || PasidTableEntry.PWSNP.in(entry[1]));
  }

  private void lead(VtdContext.Kind kind, long firstWord, long second, int aw) {
    if (kind == VtdContext.Kind.SECOND) {
      recorder.leadingTo("second-stage table of level " + (aw + 2), "HPA", second);
    } else if (kind != VtdContext.Kind.PASS_THROUGH) {
      String space = kind == VtdContext.Kind.NESTED ? "GPA" : "HPA";
      int level = PasidTableEntry.FSPM.get(firstWord) == 0 ? 4 : 5;
      long root = PasidTableEntry.FSPTPTR.get(firstWord) * 4096;
      recorder.leadingTo("first-stage table of level " + level, space, root);
    }
  }

  private int pasidFault(long[] entry, int type, boolean privileged, boolean execute) {
    if (PasidTableEntry.P.get(entry[0]) == 0) {
      return FaultCode.SPT_2;
    }
    boolean second = type == 2 || type == 3;
    boolean first = type == 1 || type == 3;
    boolean reserved = hasReserved(entry);
    reserved |= second && unit.pointsBeyondHost(PasidTableEntry.SSPTPTR, entry[0]);
    reserved |= type == 1 && unit.pointsBeyondHost(PasidTableEntry.FSPTPTR, entry[2]);
    if (reserved) {
      return FaultCode.SPT_3;
    }
    int aw = (int) PasidTableEntry.AW.get(entry[0]);
    long mode = PasidTableEntry.FSPM.get(entry[2]);
    boolean legal =
        switch (type) {
          case 1 -> unit.has(Ecap.FSTS);
          case 2 -> unit.has(Ecap.SSTS);
          case 3 -> unit.has(Ecap.NEST);
          case 4 -> unit.has(Ecap.PT) && (!unit.hasSecondStageWidths() || unit.widthIsLargest(aw));
          default -> false;
        };
    legal &= !second || unit.widthIsSupported(aw);
    legal &= !first || mode == 0 || mode == 1 && unit.hasCap(Cap.FS5LP);
    if (!legal) {
      return FaultCode.SPT_4;
    }
    if (execute && !PasidTableEntry.ERE.in(entry[2])) {
      return FaultCode.SPT_5;
    }
    return privileged && !PasidTableEntry.SRE.in(entry[2]) ? FaultCode.SPT_6 : 0;
  }

  private boolean hasReserved(long[] entry) {
    boolean reserved = unit.domainIsTooWide(PasidTableEntry.DID.get(entry[1]));
    for (int word = 0; word < entry.length; word++) {
      reserved |= VtdUnit.hasUnnamed(PasidTableEntry.STRUCTURE, word, entry[word]);
    }
    reserved |= lacks(Ecap.ERS, entry, PasidTableEntry.SSEE, PasidTableEntry.ERE);
    reserved |= lacks(Ecap.ERS, entry, PasidTableEntry.NXE, PasidTableEntry.SMEP);
    reserved |= lacks(Ecap.SSADS, entry, PasidTableEntry.SSADE);
    reserved |= lacks(Ecap.SMPWCS, entry, PasidTableEntry.PWSNP);
    reserved |= lacks(Ecap.SC, entry, PasidTableEntry.PGSNP);
    reserved |= lacks(Ecap.SRS, entry, PasidTableEntry.SRE);
    reserved |= lacks(Ecap.EAFS, entry, PasidTableEntry.EAFE);
    reserved |= lacks(Ecap.MTS, entry, PasidTableEntry.CD, PasidTableEntry.EMTE);
    reserved |= lacks(Ecap.MTS, entry, PasidTableEntry.EMT, PasidTableEntry.PWT);
    return reserved || lacks(Ecap.MTS, entry, PasidTableEntry.PCD, PasidTableEntry.PAT);
  }

  /** Whether a field is set although the unit lacks the capability for it. */
  private boolean lacks(Field capability, long[] entry, Field... fields) {
    boolean found = false;
    for (Field field : fields) {
      found |= field.in(entry[field.word()]);
    }
    return found && !unit.has(capability);
  }
}
