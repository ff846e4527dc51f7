package dev.nestwalk.smmu;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.iotlb.WalkNotes;
import dev.nestwalk.memory.GuestMemory;

/**
 * The stage 1 walk (DDI 0487, D8; IHI 0070, 3.4), alone or nested over stage 2, where the address
 * of each descriptor and the output are intermediate addresses.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class Stage1Walk {
  /**
   * Combined with rights: a translation request, which is answered with the rights that exist.
   * WRITE then means that its No-Write bit is clear.
   */
  static final int QUERY = 16;

  private static final long NO_RIGHTS = Outcome.NO_RIGHTS.packed();

  private static final long NOT_GLOBAL = Stage1Descriptor.NG.mask();
  private static final long AF = Stage1Descriptor.AF.mask();
  private static final long READ_ONLY = Stage1Descriptor.AP2.mask();

  private final GuestMemory memory;
  private final Stage2Walk second;
  private final SmmuFault fault;
  private final Stage1Rights rights = new Stage1Rights();

  private final WalkNotes notes;
  private final WalkCounters counters;

  // The current descriptor: its address in stage 1's output space, and its place in memory.
  private long descriptorAt;
  private long host;
  private int run;

  Stage1Walk(
      GuestMemory memory,
      Stage2Walk second,
      SmmuFault fault,
      WalkNotes notes,
      WalkCounters counters) {
    this.notes = notes;
    this.memory = memory;
    this.counters = counters;
    this.second = second;
    this.fault = fault;
  }

  /**
   * Walks once.
   *
   * @param need rights asked for, as {@link Stage2Walk} defines them
   * @return a packed answer or refusal, or {@link Stage2Walk#LOST}
   */
  long walk(SmmuPlan plan, long address, int need) {
    boolean upper = plan.twoPrivileges && address << 8 < 0;
    Regime regime = upper ? plan.upper : plan.lower;
    boolean off = upper ? plan.upperOff : plan.lowerOff;
    boolean ignoresTop = upper ? plan.upperTopByteIgnored : plan.lowerTopByteIgnored;
    boolean noUser = upper ? plan.upperNoUser : plan.lowerNoUser;
    if (off || noUser && (need & Stage2Walk.PRIVILEGED) == 0) {
      return fault.first(EventCode.F_TRANSLATION, off ? 0 : regime.start);
    }
    // All bits above the input size have to equal the bit that selected the range.
    long extended = ignoresTop ? address << 8 >> 8 : address;
    long sign = upper ? -1 : 0;
    if (extended >> regime.inputBits != sign) {
      return fault.first(EventCode.F_TRANSLATION, regime.start);
    }
    boolean flat = upper ? plan.upperFlat : plan.lowerFlat;
    return walkTables(plan, regime, flat, extended, need);
  }

  private long walkTables(SmmuPlan plan, Regime regime, boolean flat, long address, int need) {
    long table = regime.base;
    int level = regime.start;
    long inside = address & (1L << regime.inputBits) - 1;
    long hierarchy = 0;
    while (true) {
      int lsb = regime.lsb(level);
      long slots = level == regime.start ? -1 : (1L << regime.stride) - 1;
      long refusal = reach(plan, table + ((inside >>> lsb & slots) << 3), level);
      if (refusal != 0) {
        return refusal;
      }
      long raw = memory.load(run, host);
      long entry = regime.bigEndian ? Long.reverseBytes(raw) : raw;
      int type = (int) entry & 3;
      boolean leaf = level == 3 ? type == 3 : type == 1 && (regime.blockLevels >>> level & 1) != 0;
      if (!leaf && type != 3) {
        return fault.first(EventCode.F_TRANSLATION, level);
      }
      long output = regime.address(entry, leaf ? lsb : regime.granule);
      if (output >>> regime.outputBits != 0) {
        return fault.first(EventCode.F_ADDR_SIZE, level);
      }
      if (leaf) {
        long page = output | address & (1L << lsb) - 1;
        long answer = finish(plan, regime, entry, raw, flat ? 0 : hierarchy, level, page, need);
        if (!Translation.isFault(answer)) {
          notes.inputSpan(lsb);
          notes.intermediate(page);
          notes.global((entry & NOT_GLOBAL) == 0);
          counters.addReferences(level - regime.start + 1);
        }
        return answer;
      }
      hierarchy |= entry;
      table = output;
      level++;
    }
  }

  /**
   * Finds a descriptor in memory, through stage 2 if that is on.
   *
   * @return 0, a refusal or LOST
   */
  private long reach(SmmuPlan plan, long at, int level) {
    descriptorAt = at;
    host = at;
    if (plan.stage2) {
      long answer = second.walk(plan, at, Stage2Walk.READ, SmmuFault.TT);
      if (Translation.isFault(answer)) {
        return answer;
      }
      long refusal = second.commit(plan, false, SmmuFault.TT, at);
      if (refusal != 0) {
        return refusal;
      }
      host = Translation.address(answer);
    }
    run = memory.find(host);
    return run < 0 ? fault.external(1, level, SmmuFault.TT, host) : 0;
  }

  private long finish(
      SmmuPlan plan,
      Regime regime,
      long entry,
      long raw,
      long hierarchy,
      int level,
      long page,
      int need) {
    if ((entry & AF) == 0 && !plan.ha && plan.accessFlagFaults) {
      return fault.first(EventCode.F_ACCESS, level);
    }
    rights.judge(plan, entry, hierarchy, (need & Stage2Walk.PRIVILEGED) != 0);
    if ((need & QUERY) != 0) {
      return query(plan, regime, entry, raw, level, page, need);
    }
    if (!rights.allow(need)) {
      fault.walkRead = rights.deniesReadOnly(need);
      return fault.first(EventCode.F_PERMISSION, level);
    }
    long wanted = plan.ha ? entry | AF : entry;
    boolean writes = (need & Access.WRITE) != 0;
    if (writes) {
      // Clear already, unless a clean page becomes dirty.
      wanted &= ~READ_ONLY;
    }
    int granted = rights.data();
    int lsb = regime.lsb(level);
    if (!plan.stage2) {
      long refusal = wanted == entry ? 0 : set(regime, raw, wanted, level);
      return refusal != 0 ? refusal : Translation.ok(page, lsb, granted);
    }
    long answer = second.walk(plan, page, need, SmmuFault.IN);
    if (Translation.isFault(answer)) {
      return answer;
    }
    if (wanted != entry) {
      long refusal = setBehindLeaf(plan, regime, raw, wanted, level);
      if (refusal != 0) {
        return refusal;
      }
    }
    long refusal = second.commit(plan, writes, SmmuFault.IN, page);
    if (refusal != 0) {
      return refusal;
    }
    int span = Math.min(lsb, Translation.spanLog2(answer));
    return Translation.ok(Translation.address(answer), span, granted & Translation.rights(answer));
  }

  /**
   * Completes a translation request (13.7.1) with the rights that exist, and sets the flags for
   * those that it grants. Stage 2 is not consulted if stage 1 grants nothing (3.9.1.2).
   */
  private long query(
      SmmuPlan plan, Regime regime, long entry, long raw, int level, long page, int need) {
    boolean writes = (need & Access.WRITE) != 0;
    boolean clean = plan.hd && (entry & READ_ONLY) != 0;
    int mine = clean && !writes ? rights.all() & ~Access.WRITE : rights.all();
    int granted = AtsRights.of(mine, plan.instruction, need);
    int span = regime.lsb(level);
    long output = page;
    if (granted != 0 && plan.stage2) {
      long answer = second.walk(plan, page, 0, SmmuFault.IN);
      if (Translation.isFault(answer)) {
        return answer;
      }
      boolean privileged = (need & Stage2Walk.PRIVILEGED) != 0;
      int both = mine & second.granted(plan, privileged, writes);
      granted = AtsRights.of(both, plan.instruction, need);
      span = Math.min(span, Translation.spanLog2(answer));
      output = plan.ats == SmmuPlan.SPLIT_STAGE ? page : Translation.address(answer);
    }
    if (granted == 0) {
      return NO_RIGHTS;
    }
    boolean dirties = writes && (granted & Access.WRITE) != 0;
    long wanted = plan.ha ? entry | AF : entry;
    if (dirties && clean) {
      wanted &= ~READ_ONLY;
    }
    if (wanted != entry) {
      long refusal =
          plan.stage2
              ? setBehindLeaf(plan, regime, raw, wanted, level)
              : set(regime, raw, wanted, level);
      if (refusal != 0) {
        return refusal;
      }
    }
    long refusal = plan.stage2 ? second.commit(plan, dirties, SmmuFault.IN, page) : 0;
    return refusal != 0 ? refusal : Translation.ok(output, span, granted);
  }

  /** Updates a stage 1 leaf; the stage 2 leaf of the final address is updated afterwards. */
  private long setBehindLeaf(SmmuPlan plan, Regime regime, long raw, long wanted, int level) {
    int finalRun = second.leafRun();
    long finalAt = second.leafAt();
    long finalRaw = second.leafRaw();
    int finalLevel = second.leafLevel();
    long answer = second.walk(plan, descriptorAt, Access.ATOMIC, SmmuFault.TT);
    if (Translation.isFault(answer)) {
      return answer;
    }
    long refusal = second.commit(plan, true, SmmuFault.TT, descriptorAt);
    if (refusal != 0) {
      return refusal;
    }
    second.restore(plan, finalRun, finalAt, finalRaw, finalLevel);
    return set(regime, raw, wanted, level);
  }

  private long set(Regime regime, long raw, long wanted, int level) {
    long replacement = regime.bigEndian ? Long.reverseBytes(wanted) : wanted;
    return switch (memory.update(run, host, raw, replacement)) {
      case GuestMemory.LOST -> fault.lost(1, level, SmmuFault.TT, host);
      case GuestMemory.REFUSED -> fault.external(1, level, SmmuFault.TT, host);
      default -> 0;
    };
  }
}
