package dev.nestwalk.explain;

import dev.nestwalk.format.Structure;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.vtd.Cap;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.FaultCode;
import dev.nestwalk.vtd.FirstStageEntry;
import dev.nestwalk.vtd.PasidTableEntry;
import dev.nestwalk.vtd.SecondStageEntry;
import org.jspecify.annotations.Nullable;

/**
 * The first stage, entry by entry (VT-d 3.6, 9.7), on host addresses or, when nested, on
 * guest-physical ones (3.8).
 */
final class FirstStageSteps {
  /** A first-stage entry: its own address, its address in host memory, and its content. */
  private record Entry(
      int level, long at, long host, int run, long word, SecondStageSteps.@Nullable Leaf through) {}

  private final VtdUnit unit;
  private final GuestMemory memory;
  private final Recorder recorder;
  private final VtdContext context;
  private final @Nullable SecondStageSteps second;
  private final int levels;

  FirstStageSteps(
      VtdUnit unit,
      GuestMemory memory,
      Recorder recorder,
      VtdContext context,
      @Nullable SecondStageSteps second) {
    this.unit = unit;
    this.memory = memory;
    this.recorder = recorder;
    this.context = context;
    this.second = second;
    levels = PasidTableEntry.FSPM.get(context.first()) == 0 ? 4 : 5;
  }

  VtdAnswer walk(VtdWish wish, long iova) {
    canonical(iova);
    long table = PasidTableEntry.FSPTPTR.get(context.first()) * 4096;
    boolean user = true;
    boolean writable = true;
    boolean executeDisabled = false;
    for (int level = levels; ; level--) {
      long index = VtdLevels.index(iova, level);
      Entry entry = fetch(level, table + index * 8, index);
      Structure structure = shape(level, entry.word);
      Recorder.Reading reading =
          reading(entry, index)
              .selectedBy("IOVA", iova, VtdLevels.highest(level), VtdLevels.lowest(level));
      int code =
          !FirstStageEntry.P.in(entry.word)
              ? FaultCode.SFS_2
              : isReserved(structure, level, entry.word) ? FaultCode.SFS_3 : 0;
      boolean leaf = isLeaf(level, entry.word);
      recorder.read(
          reading,
          structure,
          new long[] {entry.word},
          code != 0 ? Reasons.of(code) : leaf ? "page" : "points to the next table");
      if (code != 0) {
        throw new Refusal(code, 1, level, 0);
      }
      user &= FirstStageEntry.US.in(entry.word);
      writable &= FirstStageEntry.RW.in(entry.word);
      executeDisabled |= FirstStageEntry.XD.in(entry.word);
      boolean executable = !(executeDisabled && PasidTableEntry.NXE.in(context.first()));
      recorder.granting(
          Recorder.rights(true, writable, executable) + (user ? " user" : " supervisor"));
      lead(entry, leaf, iova);
      if (leaf) {
        boolean mayWrite = judge(wish, level, user, writable, executeDisabled);
        return second == null
            ? finishAlone(wish, iova, entry, mayWrite)
            : finishNested(second, wish, iova, entry, mayWrite);
      }
      long used = usedFlags();
      if ((entry.word & used) != used) {
        mayUpdate(entry);
        if (second != null && entry.through != null) {
          second.settle(accessed(entry.through), true, entry.at);
        }
        setFlags(entry, used);
      }
      table = FirstStageEntry.ADDR.get(entry.word) * 4096;
    }
  }

  /** The leaf with A set, as it is since the table was read. */
  private static SecondStageSteps.Leaf accessed(SecondStageSteps.Leaf leaf) {
    return new SecondStageSteps.Leaf(
        leaf.output(),
        leaf.spanLog2(),
        leaf.readable(),
        leaf.writable(),
        leaf.level(),
        leaf.at(),
        leaf.run(),
        leaf.entry() | SecondStageEntry.A.mask());
  }

  private void canonical(long iova) {
    int top = levels == 4 ? 47 : 56;
    boolean canonical = iova >> top == 0 || iova >> top == -1;
    recorder.decided(
        "canonical address",
        "IOVA",
        iova,
        canonical ? "bits 63:%d are all equal".formatted(top) : Reasons.of(FaultCode.SGN_1),
        "VT-d 3.6");
    if (!canonical) {
      throw new Refusal(FaultCode.SGN_1, 1, 0, 0);
    }
  }

  private String space() {
    return second == null ? "HPA" : "GPA";
  }

  private Recorder.Reading reading(Entry entry, long index) {
    return new Recorder.Reading(
            "first stage, index " + index, 1, entry.level, space(), entry.at, entry.host)
        .because(
            entry.level == levels
                ? "the PASID entry's FSPTPTR is the first stage's root table"
                : "the entry above points to this table");
  }

  private void lead(Entry entry, boolean leaf, long iova) {
    if (leaf) {
      String what = second == null ? "output" : "guest-physical address of the byte";
      recorder.leadingTo(what, space(), output(entry, iova));
    } else {
      recorder.leadingTo(
          "first-stage table of level " + (entry.level - 1),
          space(),
          FirstStageEntry.ADDR.get(entry.word) * 4096);
    }
  }

  private Entry fetch(int level, long at, long index) {
    long host = at;
    SecondStageSteps.Leaf through = null;
    if (second != null) {
      through = throughSecondStage(second, level, at);
      host = through.output();
    }
    int run = memory.find(host);
    if (run < 0) {
      int code = level == levels ? FaultCode.SFS_4 : FaultCode.SFS_1;
      recorder.decided("first stage, index " + index, "HPA", host, Reasons.of(code), "VT-d 3.6");
      throw new Refusal(code, 1, level, 0);
    }
    return new Entry(level, at, host, run, memory.load(run, host), through);
  }

  private SecondStageSteps.Leaf throughSecondStage(SecondStageSteps stage, int level, long at) {
    if (stage.isTooWide(at)) {
      recorder.decided(
          "first-stage table address", "GPA", at, Reasons.of(FaultCode.SFS_5), "VT-d 3.8");
      throw new Refusal(FaultCode.SFS_5, 1, level, at);
    }
    try {
      String purpose = ", for the first-stage entry of level " + level;
      SecondStageSteps.Leaf leaf = stage.walk(purpose, at, SecondStageSteps.Want.READ);
      stage.settle(leaf, false, at);
      return leaf;
    } catch (Refusal refusal) {
      if (refusal.code == FaultCode.SGN_7) {
        throw new Refusal(level == levels ? FaultCode.SFS_6 : FaultCode.SFS_7, 1, level, at);
      }
      throw refusal;
    }
  }

  private boolean isLeaf(int level, long word) {
    return level == 1
        || level == 2 && FirstStageEntry.PS.in(word)
        || level == 3 && FirstStageEntry.PS.in(word) && unit.hasCap(Cap.FS1GP);
  }

  private Structure shape(int level, long word) {
    if (level == 1) {
      return FirstStageEntry.PAGE_4K;
    }
    if (level > 3) {
      return FirstStageEntry.TOP;
    }
    if (isLeaf(level, word)) {
      return level == 2 ? FirstStageEntry.PAGE_2M : FirstStageEntry.PAGE_1G;
    }
    return FirstStageEntry.TABLE;
  }

  private boolean isReserved(Structure structure, int level, long word) {
    boolean unsupportedPage = level == 3 && FirstStageEntry.PS.in(word) && !isLeaf(level, word);
    boolean executeDisable =
        unit.has(Ecap.ERS)
            && !PasidTableEntry.NXE.in(context.first())
            && FirstStageEntry.XD.in(word);
    return unsupportedPage
        || executeDisable
        || VtdUnit.hasUnnamed(structure, 0, word)
        || unit.pointsBeyondHost(FirstStageEntry.ADDR, word);
  }

  /**
   * Checks the first-stage rights.
   *
   * @return whether the mapping may be written
   */
  private boolean judge(
      VtdWish wish, int level, boolean user, boolean writable, boolean executeDisabled) {
    boolean supervisor = context.privileged();
    boolean protect = PasidTableEntry.WPE.in(context.first());
    boolean mayWrite = writable || supervisor && !protect;
    boolean noExecute = PasidTableEntry.NXE.in(context.first()) && executeDisabled;
    boolean smep = supervisor && user && PasidTableEntry.SMEP.in(context.first());
    boolean writeIsNeeded = wish.write() && (!wish.oneIsEnough() || !wish.read());
    int code = 0;
    if (!supervisor && !user) {
      code = FaultCode.SGN_2;
    } else if (writeIsNeeded && !mayWrite) {
      code = FaultCode.SGN_6;
    } else if (wish.execute() && (noExecute || smep)) {
      code = FaultCode.SGN_3;
    }
    recorder.decided(
        "first-stage rights",
        "",
        0,
        code != 0
            ? Reasons.of(code)
            : "%s page, %s".formatted(user ? "user" : "supervisor", mayWrite ? "rw" : "r"),
        "VT-d 3.6.1");
    if (code != 0) {
      throw new Refusal(code, 1, level, 0);
    }
    return mayWrite;
  }

  private static long output(Entry entry, long iova) {
    int shift = VtdLevels.lowest(entry.level);
    return (FirstStageEntry.ADDR.get(entry.word) * 4096 & -1L << shift)
        + (iova & (1L << shift) - 1);
  }

  private VtdAnswer finishAlone(VtdWish wish, long iova, Entry entry, boolean mayWrite) {
    long output = output(entry, iova);
    VtdAnswer.refuseInterrupt(recorder, output, false);
    boolean dirty = wish.write() && mayWrite;
    setMissing(entry, usedFlags() | (dirty ? FirstStageEntry.D.mask() : 0));
    return new VtdAnswer(output, VtdLevels.lowest(entry.level), true, mayWrite);
  }

  private VtdAnswer finishNested(
      SecondStageSteps stage, VtdWish wish, long iova, Entry entry, boolean mayWrite) {
    long guest = output(entry, iova);
    if (stage.isTooWide(guest)) {
      recorder.decided("first-stage output", "GPA", guest, Reasons.of(FaultCode.SFS_5), "VT-d 3.8");
      throw new Refusal(FaultCode.SFS_5, 1, entry.level, guest);
    }
    SecondStageSteps.Leaf last =
        stage.walk(", for the final address", guest, wish.ofSecondStage(mayWrite));
    boolean dirty = wish.write() && mayWrite && last.writable();
    if (stage.flagsAreDue(last, dirty) && !context.mayUpdate()) {
      throw new Refusal(FaultCode.SSS_5, 2, last.level(), guest);
    }
    VtdAnswer.refuseInterrupt(recorder, last.output(), false);
    long flags = usedFlags() | (dirty ? FirstStageEntry.D.mask() : 0);
    if ((entry.word & flags) != flags) {
      mayUpdate(entry);
      if (context.flags()) {
        settleTableWrite(stage, entry);
      }
      setFlags(entry, flags);
    }
    stage.settle(last, dirty, guest);
    int span = Math.min(VtdLevels.lowest(entry.level), last.spanLog2());
    return new VtdAnswer(last.output(), span, last.readable(), mayWrite && last.writable());
  }

  /** Records the flag update in the second stage, since it writes guest memory. */
  private void settleTableWrite(SecondStageSteps stage, Entry entry) {
    try {
      SecondStageSteps.Leaf leaf =
          stage.walk(", for the flag update", entry.at, SecondStageSteps.Want.WRITE);
      stage.settle(leaf, true, entry.at);
    } catch (Refusal refusal) {
      throw refusal.code == FaultCode.SGN_6
          ? new Refusal(FaultCode.SFS_8, 1, entry.level, entry.at)
          : refusal;
    }
  }

  private long usedFlags() {
    boolean extended = PasidTableEntry.EAFE.in(context.first());
    return FirstStageEntry.A.mask() | (extended ? FirstStageEntry.EA.mask() : 0);
  }

  private void setMissing(Entry entry, long flags) {
    if ((entry.word & flags) != flags) {
      mayUpdate(entry);
      setFlags(entry, flags);
    }
  }

  private long guest(Entry entry) {
    return second == null ? 0 : entry.at;
  }

  private void mayUpdate(Entry entry) {
    if (!context.mayUpdate()) {
      throw new Refusal(FaultCode.SFS_9, 1, entry.level, guest(entry));
    }
    if (entry.through != null && !entry.through.writable()) {
      throw new Refusal(FaultCode.SFS_8, 1, entry.level, guest(entry));
    }
  }

  private void setFlags(Entry entry, long flags) {
    int outcome = memory.update(entry.run, entry.host, entry.word, entry.word | flags);
    Refusal failed = new Refusal(FaultCode.SFS_10, 1, entry.level, guest(entry));
    if (outcome == GuestMemory.LOST) {
      throw new Restart(failed);
    }
    recorder.decided(
        "first-stage flags",
        "HPA",
        entry.host,
        outcome == GuestMemory.REFUSED
            ? Reasons.of(FaultCode.SFS_10)
            : "0x%016x becomes 0x%016x".formatted(entry.word, entry.word | flags),
        "VT-d 3.6.2");
    if (outcome == GuestMemory.REFUSED) {
      throw failed;
    }
  }
}
