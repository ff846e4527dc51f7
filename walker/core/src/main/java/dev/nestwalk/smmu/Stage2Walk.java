package dev.nestwalk.smmu;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.memory.GuestMemory;

/**
 * The stage 2 walk (DDI 0487, D8; IHI 0070, 3.4, 3.13), with at most one read per level. The walk
 * itself sets no flags of the leaf; {@link #commit} sets them once every check of the access has
 * passed.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class Stage2Walk {
  /** Right asked for: data read. */
  static final int READ = Access.READ;

  /** Right asked for: data write. */
  static final int WRITE = Access.WRITE;

  /** Right asked for: instruction fetch, instead of a read. */
  static final int EXECUTE = 4;

  /** With {@link #EXECUTE}: by a privileged requester. */
  static final int PRIVILEGED = 8;

  /**
   * A flag update lost to another writer, so there is no answer yet. No packed fault has code 0.
   */
  static final long LOST = Long.MIN_VALUE;

  static final long AF = Stage2Descriptor.AF.mask();
  private static final long WRITABLE = Stage2Descriptor.S2AP1.mask();
  private static final long READABLE = Stage2Descriptor.S2AP0.mask();
  private static final long DBM = Stage2Descriptor.DBM.mask();

  private final GuestMemory memory;
  private final SmmuFault fault;
  private final boolean xnx;

  private final WalkCounters counters;

  // The leaf of the last successful walk, kept for commit().
  private long leafAt;
  private int leafRun;
  private long leafRaw;
  private long leafEntry;
  private int leafLevel;

  Stage2Walk(SmmuConfig config, GuestMemory memory, SmmuFault fault, WalkCounters counters) {
    this.memory = memory;
    this.counters = counters;
    this.fault = fault;
    xnx = Idr3.XNX.in(config.unit.idr3());
  }

  /**
   * Walks.
   *
   * @param ipa intermediate address
   * @param need rights asked for
   * @param kind CLASS of a fault
   */
  long walk(SmmuPlan plan, long ipa, int need, int kind) {
    Regime regime = plan.second;
    if (ipa >>> regime.inputBits != 0) {
      return fault.second(EventCode.F_TRANSLATION, regime.start, kind, ipa);
    }
    long table = regime.base;
    int level = regime.start;
    long index = ipa >>> regime.lsb(level);
    while (true) {
      int lsb = regime.lsb(level);
      long at = table + (index << 3);
      int run = memory.find(at);
      if (run < 0) {
        return fault.external(2, level, kind, at);
      }
      long raw = memory.load(run, at);
      long entry = regime.bigEndian ? Long.reverseBytes(raw) : raw;
      int type = (int) entry & 3;
      boolean leaf = level == 3 ? type == 3 : type == 1 && (regime.blockLevels >>> level & 1) != 0;
      if (!leaf && type != 3) {
        return fault.second(EventCode.F_TRANSLATION, level, kind, ipa);
      }
      long address = regime.address(entry, leaf ? lsb : regime.granule);
      if (address >>> regime.outputBits != 0) {
        return fault.second(EventCode.F_ADDR_SIZE, level, kind, ipa);
      }
      if (leaf) {
        int code = denial(plan, entry, need, kind);
        if (code != 0) {
          fault.second(code, level, kind, ipa);
          // If only the read of an atomic access is denied, the event says so (13.1.1).
          fault.walkRead = (need & WRITE) == 0 || mayWrite(plan, entry);
          return Translation.fault(code, 2, level & 15);
        }
        counters.addReferences(level - regime.start + 1);
        leafAt = at;
        leafRun = run;
        leafRaw = raw;
        leafEntry = entry;
        leafLevel = level;
        long page = address | ipa & (1L << lsb) - 1;
        return Translation.ok(page, lsb, rights(plan, entry));
      }
      level++;
      table = address;
      index = ipa >>> regime.lsb(level) & (1L << regime.stride) - 1;
    }
  }

  /** The read and write rights that a leaf grants. */
  static int rights(SmmuPlan plan, long entry) {
    return ((entry & READABLE) != 0 ? READ : 0) | (mayWrite(plan, entry) ? WRITE : 0);
  }

  private static boolean mayWrite(SmmuPlan plan, long entry) {
    return (entry & WRITABLE) != 0 || plan.secondHd && (entry & DBM) != 0;
  }

  /**
   * The read, write and execute rights that the leaf of the last walk grants to a translation
   * request.
   *
   * @param writes whether the request asks to write, so that a clean page becomes dirty
   */
  int granted(SmmuPlan plan, boolean privileged, boolean writes) {
    boolean writable = (leafEntry & WRITABLE) != 0 || writes && mayWrite(plan, leafEntry);
    return ((leafEntry & READABLE) != 0 ? READ : 0)
        | (writable ? WRITE : 0)
        | (isExecutable(leafEntry, privileged) ? EXECUTE : 0);
  }

  private int denial(SmmuPlan plan, long entry, int need, int kind) {
    if ((entry & AF) == 0 && !plan.secondHa && plan.secondAccessFlagFaults) {
      return EventCode.F_ACCESS;
    }
    if (plan.protectedWalk && kind != SmmuFault.IN && isDevice(plan, entry)) {
      return EventCode.F_PERMISSION;
    }
    int granted = rights(plan, entry);
    int data = need & Access.ATOMIC;
    if ((granted & data) != data) {
      return EventCode.F_PERMISSION;
    }
    return (need & EXECUTE) != 0 && !isExecutable(entry, (need & PRIVILEGED) != 0)
        ? EventCode.F_PERMISSION
        : 0;
  }

  private static boolean isDevice(SmmuPlan plan, long entry) {
    long type = Stage2Descriptor.MEMATTR.get(entry);
    return plan.forcedWriteBack ? (type & 4) == 0 : (type & 12) == 0;
  }

  private boolean isExecutable(long entry, boolean privileged) {
    int never = (int) Stage2Descriptor.XN.get(entry);
    if (!xnx) {
      return (never & 2) == 0;
    }
    return switch (never) {
      case 0 -> true;
      case 1 -> !privileged;
      case 2 -> false;
      default -> privileged;
    };
  }

  /** Level of the last walk's leaf. */
  int leafLevel() {
    return leafLevel;
  }

  /** Address of the last walk's leaf. */
  long leafAt() {
    return leafAt;
  }

  /** Index of the run of memory that holds the last walk's leaf. */
  int leafRun() {
    return leafRun;
  }

  /** The last walk's leaf in memory byte order. */
  long leafRaw() {
    return leafRaw;
  }

  /** Restores a leaf that another walk replaced. */
  void restore(SmmuPlan plan, int run, long at, long raw, int level) {
    leafRun = run;
    leafAt = at;
    leafRaw = raw;
    leafEntry = plan.second.bigEndian ? Long.reverseBytes(raw) : raw;
    leafLevel = level;
  }

  /**
   * Updates the leaf of the last walk if hardware updates are on: sets AF, and for a write the
   * write right of a writable-clean page.
   *
   * @return 0, {@link #LOST} or a packed fault
   */
  long commit(SmmuPlan plan, boolean write, int kind, long ipa) {
    long wanted = leafEntry;
    if (plan.secondHa) {
      wanted |= AF;
    }
    if (write && plan.secondHd && (leafEntry & DBM) != 0) {
      wanted |= WRITABLE;
    }
    if (wanted == leafEntry) {
      return 0;
    }
    long replacement = plan.second.bigEndian ? Long.reverseBytes(wanted) : wanted;
    int outcome = memory.update(leafRun, leafAt, leafRaw, replacement);
    if (outcome == GuestMemory.LOST) {
      return fault.lost(2, leafLevel, kind, leafAt);
    }
    if (outcome == GuestMemory.REFUSED) {
      return fault.external(2, leafLevel, kind, leafAt);
    }
    leafEntry = wanted;
    leafRaw = replacement;
    return 0;
  }
}
