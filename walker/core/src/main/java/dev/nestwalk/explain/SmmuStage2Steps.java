package dev.nestwalk.explain;

import dev.nestwalk.format.Structure;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.EventCode;
import dev.nestwalk.smmu.EventType;
import dev.nestwalk.smmu.Idr3;
import dev.nestwalk.smmu.MemoryAttributes;
import dev.nestwalk.smmu.Stage2Descriptor;
import dev.nestwalk.smmu.StreamTableEntry;
import org.jspecify.annotations.Nullable;

/** Stage 2, descriptor by descriptor (DDI 0487, D8; IHI 0070, 3.4). */
final class SmmuStage2Steps {
  /** A leaf: where it leads, which rights it grants, and where the descriptor is. */
  record Leaf(
      long output,
      int spanLog2,
      boolean readable,
      boolean writable,
      int level,
      long at,
      int run,
      long word) {}

  /** The rights that an access needs. */
  record Want(boolean read, boolean write, boolean execute, boolean privileged) {
    static final Want TABLE_READ = new Want(true, false, false, false);
    static final Want TABLE_UPDATE = new Want(true, true, false, false);
  }

  /** The attributes of a request without stage 1: write-back, inner shareable. */
  private static final MemoryAttributes INCOMING = MemoryAttributes.ofStage1(0xff, 3);

  private final SmmuUnit unit;
  private final GuestMemory memory;
  private final Recorder recorder;
  private final SmmuTables tables;
  private final long w1;
  private final long w2;
  private final boolean nested;

  SmmuStage2Steps(
      SmmuUnit unit,
      GuestMemory memory,
      Recorder recorder,
      SmmuTables tables,
      long[] entry,
      boolean nested) {
    this.unit = unit;
    this.memory = memory;
    this.recorder = recorder;
    this.tables = tables;
    this.w1 = entry[1];
    this.w2 = entry[2];
    this.nested = nested;
  }

  private boolean updatesAccess() {
    return StreamTableEntry.S2HA.in(w2);
  }

  private boolean updatesDirty() {
    return updatesAccess() && StreamTableEntry.S2HD.in(w2);
  }

  Leaf walk(String purpose, long ipa, Want want, int kind) {
    if (VtdUnit.exceeds(ipa, tables.inputBits())) {
      recorder.decided(
          "stage 2 input" + purpose, "IPA", ipa, name(EventCode.F_TRANSLATION), "SMMUv3 3.4");
      throw SmmuRefusal.second(EventCode.F_TRANSLATION, tables.start(), kind, ipa, true);
    }
    long table = tables.startTable();
    for (int level = tables.start(); ; level++) {
      long at = table + tables.index(ipa, level) * 8;
      Recorder.Reading reading =
          new Recorder.Reading(
                  "stage 2, index %d%s".formatted(tables.index(ipa, level), purpose),
                  2,
                  level,
                  "PA",
                  at)
              .because(
                  level == tables.start()
                      ? "S2TTB is stage 2's start table" + purpose
                      : "the descriptor above points to this table" + purpose)
              .selectedBy("IPA", ipa, tables.highestBit(level), tables.offsetBits(level));
      int run = memory.find(at);
      if (run < 0) {
        recorder.read(
            reading, Stage2Descriptor.STRUCTURE, new long[0], name(EventCode.F_WALK_EABT));
        throw new SmmuRefusal(EventCode.F_WALK_EABT, 2, level, kind, at, false);
      }
      long word = tables.order(memory.load(run, at));
      boolean table3 = level < 3 && (word & 3) == 3;
      boolean leaf = level == 3 ? (word & 3) == 3 : (word & 3) == 1 && tables.allowsBlock(level);
      int code = !table3 && !leaf ? EventCode.F_TRANSLATION : 0;
      long next = tables.output(word, table3 ? tables.granule() : tables.offsetBits(level));
      if (code == 0 && VtdUnit.exceeds(next, tables.outputLimit())) {
        code = EventCode.F_ADDR_SIZE;
      }
      if (code == 0 && leaf) {
        code = judge(word, want, kind);
      }
      Structure structure = level == 3 ? Stage2Descriptor.AT_LEVEL_3 : Stage2Descriptor.STRUCTURE;
      String fine = kind(level, leaf);
      recorder.read(reading, structure, new long[] {word}, code == 0 ? fine : name(code));
      if (leaf) {
        boolean executable = !neverExecutes(word, want.privileged());
        recorder.granting(
            Recorder.rights(Stage2Descriptor.S2AP0.in(word), mayWrite(word), executable));
      }
      if (code != 0) {
        // If only the read of an atomic access is denied, the event says so (13.1.1).
        boolean readOnly = want.write() && kind == 2 && mayWrite(word);
        boolean read = code != EventCode.F_PERMISSION || !want.write() || readOnly;
        throw SmmuRefusal.second(code, level, kind, ipa, read);
      }
      if (leaf) {
        int span = tables.offsetBits(level);
        long output = next + (ipa & (1L << span) - 1);
        recorder.leadingTo(
            purpose.isEmpty() ? "output" : "physical address of the byte", "PA", output);
        return new Leaf(
            output, span, Stage2Descriptor.S2AP0.in(word), mayWrite(word), level, at, run, word);
      }
      recorder.leadingTo("stage 2 table of level " + (level + 1), "PA", next);
      table = next;
    }
  }

  /** The architecture's name for a valid descriptor. */
  static String kind(int level, boolean leaf) {
    return !leaf ? "points to the next table" : level == 3 ? "page" : "block";
  }

  static String name(int code) {
    EventType event = EventType.of(code);
    return event == null
        ? "event 0x%x".formatted(code)
        : "%s (0x%02x): %s".formatted(event, code, event.condition());
  }

  private boolean mayWrite(long word) {
    return Stage2Descriptor.S2AP1.in(word) || updatesDirty() && Stage2Descriptor.DBM.in(word);
  }

  private int judge(long word, Want want, int kind) {
    boolean accessed = Stage2Descriptor.AF.in(word);
    if (!accessed && !updatesAccess() && !StreamTableEntry.S2AFFD.in(w2)) {
      return EventCode.F_ACCESS;
    }
    boolean walking = kind != 2;
    if (nested && StreamTableEntry.S2PTW.in(w2) && walking && isDevice(word)) {
      return EventCode.F_PERMISSION;
    }
    boolean denied =
        want.read() && !Stage2Descriptor.S2AP0.in(word)
            || want.write() && !mayWrite(word)
            || want.execute() && neverExecutes(word, want.privileged());
    return denied ? EventCode.F_PERMISSION : 0;
  }

  private boolean isDevice(long word) {
    long type = Stage2Descriptor.MEMATTR.get(word);
    boolean forced = unit.idr3(Idr3.FWB) == 1 && StreamTableEntry.S2FWB.in(w1);
    return forced ? type % 8 < 4 : type < 4;
  }

  private boolean neverExecutes(long word, boolean privileged) {
    long never = Stage2Descriptor.XN.get(word);
    if (unit.idr3(Idr3.XNX) == 0) {
      return never >= 2;
    }
    return never == 2 || never == 1 && privileged || never == 3 && !privileged;
  }

  /** The combined memory attributes of both stages; stage 1 may be off. */
  MemoryAttributes attributes(@Nullable MemoryAttributes first, Leaf leaf) {
    int type = (int) Stage2Descriptor.MEMATTR.get(leaf.word);
    int sh = tables.shareability(leaf.word);
    boolean forced = unit.idr3(Idr3.FWB) == 1 && StreamTableEntry.S2FWB.in(w1);
    if (first == null) {
      return forced ? INCOMING.forcedBy(type, sh) : MemoryAttributes.ofStage2(type, sh);
    }
    return forced ? first.forcedBy(type, sh) : first.combine(MemoryAttributes.ofStage2(type, sh));
  }

  /** The read, write and execute rights that a leaf grants to a translation request. */
  boolean[] granted(Leaf leaf, SmmuAts ats) {
    boolean writable = Stage2Descriptor.S2AP1.in(leaf.word) || ats.write() && mayWrite(leaf.word);
    boolean executable = !neverExecutes(leaf.word, ats.privileged());
    return new boolean[] {Stage2Descriptor.S2AP0.in(leaf.word), writable, executable};
  }

  /** Updates access flag and dirty state of a leaf that was used. */
  void settle(Leaf leaf, boolean writes, int kind) {
    long wanted = leaf.word;
    if (updatesAccess()) {
      wanted |= Stage2Descriptor.AF.mask();
    }
    if (writes && updatesDirty() && Stage2Descriptor.DBM.in(leaf.word)) {
      wanted |= Stage2Descriptor.S2AP1.mask();
    }
    if (wanted != leaf.word) {
      long before = tables.order(leaf.word);
      int outcome = memory.update(leaf.run, leaf.at, before, tables.order(wanted));
      SmmuRefusal failed =
          new SmmuRefusal(EventCode.F_WALK_EABT, 2, leaf.level, kind, leaf.at, false);
      if (outcome == GuestMemory.LOST) {
        throw new Restart(failed);
      }
      if (outcome == GuestMemory.REFUSED) {
        throw failed;
      }
      recorder.decided(
          "stage 2 flags",
          "PA",
          leaf.at,
          "0x%016x becomes 0x%016x".formatted(leaf.word, wanted),
          "SMMUv3 3.13");
    }
  }
}
