package dev.nestwalk.explain;

import dev.nestwalk.format.Structure;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.vtd.Cap;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.FaultCode;
import dev.nestwalk.vtd.SecondStageEntry;

/** The second stage, entry by entry (VT-d 3.7, 9.8). */
final class SecondStageSteps {
  /** The rights that a walk needs: all of them, or any one of read and write. */
  record Want(boolean read, boolean write, boolean execute, boolean oneIsEnough) {
    static final Want READ = new Want(true, false, false, false);
    static final Want WRITE = new Want(false, true, false, false);

    /** The fault reason of the first right that is missing so far, or 0. */
    int missing(boolean readable, boolean writable, boolean executable) {
      if (oneIsEnough) {
        boolean some = read && readable || write && writable;
        return some ? (execute && !executable ? FaultCode.SGN_3 : 0) : FaultCode.SGN_7;
      }
      if (write && !writable) {
        return FaultCode.SGN_6;
      }
      if (read && !readable) {
        return FaultCode.SGN_7;
      }
      return execute && !executable ? FaultCode.SGN_3 : 0;
    }
  }

  /** A leaf: where it leads, which rights it grants, and where the entry is. */
  record Leaf(
      long output,
      int spanLog2,
      boolean readable,
      boolean writable,
      int level,
      long at,
      int run,
      long entry) {}

  private final VtdUnit unit;
  private final GuestMemory memory;
  private final Recorder recorder;
  private final VtdContext context;
  private final boolean nested;

  SecondStageSteps(VtdUnit unit, GuestMemory memory, Recorder recorder, VtdContext context) {
    this.unit = unit;
    this.memory = memory;
    this.recorder = recorder;
    this.context = context;
    this.nested = context.kind() == VtdContext.Kind.NESTED;
  }

  /** Whether an address is too wide for this second stage. */
  boolean isTooWide(long address) {
    return VtdUnit.exceeds(address, unit.secondStageWidth(context.aw()));
  }

  Leaf walk(String purpose, long address, Want want) {
    long table = context.secondRoot();
    boolean readable = true;
    boolean writable = true;
    boolean executable = true;
    int levels = context.aw() + 2;
    int level = levels;
    while (true) {
      long index = VtdLevels.index(address, level);
      long at = table + index * 8;
      Recorder.Reading reading =
          new Recorder.Reading(
                  "second stage, index %d%s".formatted(index, purpose), 2, level, "HPA", at)
              .because(
                  level == levels
                      ? "SSPTPTR is the second stage's root table" + purpose
                      : "the entry above points to this table" + purpose)
              .selectedBy(
                  nested ? "GPA" : "IOVA",
                  address,
                  VtdLevels.highest(level),
                  VtdLevels.lowest(level));
      int run = memory.find(at);
      if (run < 0) {
        int code = unreadable(context.legacy(), level == levels);
        throw refuse(reading, Structure.of("entry", "VT-d 3.7", 1), new long[0], code, address);
      }
      long entry = memory.load(run, at);
      boolean leaf = level == 1 || pageIsSupported(level) && SecondStageEntry.PS.in(entry);
      Structure structure = shape(level, leaf);
      readable &= SecondStageEntry.R.in(entry);
      writable &= SecondStageEntry.W.in(entry);
      executable &= SecondStageEntry.X.in(entry);
      int missing = want.missing(readable, writable, executable || !context.execute());
      if (missing != 0) {
        Refusal refusal =
            refuse(reading, structure, new long[] {entry}, denial(missing, entry), address);
        recorder.granting(granted(readable, writable, executable));
        throw refusal;
      }
      if (isReserved(structure, entry, leaf)) {
        int code = context.legacy() ? FaultCode.LSS_2 : FaultCode.SSS_3;
        throw refuse(reading, structure, new long[] {entry}, code, address);
      }
      if (leaf) {
        int shift = VtdLevels.lowest(level);
        long offset = address & (1L << shift) - 1;
        long output = (SecondStageEntry.ADDR.get(entry) * 4096 & -1L << shift) + offset;
        recorder
            .read(reading, structure, new long[] {entry}, "page; output 0x%x".formatted(output))
            .granting(granted(readable, writable, executable))
            .leadingTo(purpose.isEmpty() ? "output" : "host address of the byte", "HPA", output);
        return new Leaf(output, shift, readable, writable, level, at, run, entry);
      }
      recorder
          .read(reading, structure, new long[] {entry}, "points to the next table")
          .granting(granted(readable, writable, executable))
          .leadingTo(
              "second-stage table of level " + (level - 1),
              "HPA",
              SecondStageEntry.ADDR.get(entry) * 4096);
      if (context.flags() && !SecondStageEntry.A.in(entry)) {
        setFlags(run, at, entry, level, SecondStageEntry.A.mask(), address);
      }
      table = SecondStageEntry.ADDR.get(entry) * 4096;
      level--;
    }
  }

  private String granted(boolean readable, boolean writable, boolean executable) {
    return Recorder.rights(readable, writable, executable || !context.execute());
  }

  private Refusal refuse(
      Recorder.Reading reading, Structure structure, long[] words, int code, long address) {
    recorder.read(reading, structure, words, Reasons.of(code));
    return new Refusal(code, 2, reading.level(), nested ? address : 0);
  }

  private static int unreadable(boolean legacy, boolean root) {
    if (legacy) {
      return root ? FaultCode.LCT_4 : FaultCode.LSS_1;
    }
    return root ? FaultCode.SSS_4 : FaultCode.SSS_1;
  }

  private int denial(int missing, long entry) {
    if (context.legacy()) {
      return missing == FaultCode.SGN_6 ? FaultCode.LGN_2 : FaultCode.LGN_3;
    }
    boolean absent =
        !SecondStageEntry.R.in(entry)
            && !SecondStageEntry.W.in(entry)
            && !(context.execute() && SecondStageEntry.X.in(entry));
    return absent ? FaultCode.SSS_2 : missing;
  }

  private boolean pageIsSupported(int level) {
    return level == 2 && (unit.cap(Cap.SSLPS) & 1) != 0
        || level == 3 && (unit.cap(Cap.SSLPS) & 2) != 0;
  }

  private static Structure shape(int level, boolean leaf) {
    if (level == 1) {
      return SecondStageEntry.PAGE_4K;
    }
    if (leaf) {
      return level == 2 ? SecondStageEntry.PAGE_2M : SecondStageEntry.PAGE_1G;
    }
    return level > 3 ? SecondStageEntry.TOP : SecondStageEntry.TABLE;
  }

  private boolean isReserved(Structure structure, long entry, boolean leaf) {
    boolean unsupportedPage =
        structure.equals(SecondStageEntry.TABLE) && SecondStageEntry.PS.in(entry);
    boolean snoop = leaf && SecondStageEntry.SNP.in(entry) && !unit.has(Ecap.SC);
    return unsupportedPage
        || snoop
        || VtdUnit.hasUnnamed(structure, 0, entry)
        || unit.pointsBeyondHost(SecondStageEntry.ADDR, entry);
  }

  /** Whether the leaf's flags have to be written. */
  boolean flagsAreDue(Leaf leaf, boolean dirty) {
    boolean accessed = SecondStageEntry.A.in(leaf.entry());
    boolean written = SecondStageEntry.D.in(leaf.entry());
    return context.flags() && (!accessed || dirty && !written);
  }

  /** Sets A, and D if {@code dirty}, in a leaf. */
  void settle(Leaf leaf, boolean dirty, long address) {
    if (flagsAreDue(leaf, dirty)) {
      long flags = SecondStageEntry.A.mask() | (dirty ? SecondStageEntry.D.mask() : 0);
      setFlags(leaf.run(), leaf.at(), leaf.entry(), leaf.level(), flags, address);
    }
  }

  private void setFlags(int run, long at, long entry, int level, long flags, long address) {
    if (!context.mayUpdate()) {
      throw new Refusal(FaultCode.SSS_5, 2, level, nested ? address : 0);
    }
    int outcome = memory.update(run, at, entry, entry | flags);
    Refusal failed = new Refusal(FaultCode.SSS_6, 2, level, nested ? address : 0);
    if (outcome == GuestMemory.LOST) {
      throw new Restart(failed);
    }
    recorder.decided(
        "second-stage flags",
        "HPA",
        at,
        outcome == GuestMemory.REFUSED
            ? Reasons.of(FaultCode.SSS_6)
            : "0x%016x becomes 0x%016x".formatted(entry, entry | flags),
        "VT-d 3.7.2");
    if (outcome == GuestMemory.REFUSED) {
      throw failed;
    }
  }
}
