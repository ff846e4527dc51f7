package dev.nestwalk.smmu;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.cache.CachedPlan;
import dev.nestwalk.cache.StructureCaches;
import dev.nestwalk.cache.Tag;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;
import java.util.Arrays;

/**
 * Translates DMA through SMMUv3 structures (IHI 0070, 3.3). {@link #translate} reads everything
 * anew; {@link #resolve} and {@link #walk} split it, so that configuration can be kept. Total: any
 * memory content gives a translation or a refusal. Allocates nothing after construction.
 *
 * <p>Threads: belongs to one thread; several walkers may share configuration and memory.
 */
public final class SmmuWalker {
  private static final int MAX_LOSSES = 64;
  private static final int OF_ATS = Access.TRANSLATION_REQUEST | Access.TRANSLATED;
  private static final long ABORTED = Outcome.ABORTED.packed();
  private static final Tag NO_TAG = new Tag();
  private static final long NO_RIGHTS = Outcome.NO_RIGHTS.packed();

  private final SmmuConfig config;
  private final SmmuFault fault = new SmmuFault();
  private final StreamResolver streams;
  private final ContextResolver contexts;
  private final Stage2Walk second;
  private final Stage1Walk first;
  private final SmoothWalk smooth;
  private final ShortenedWalk shortened;
  private final SmallPageWalk small;
  private final SmallPageLockstep smallLockstep;
  private final LockstepWalk lockstep;
  private final boolean shortens;
  private final SmmuPlan plan = new SmmuPlan();
  private final FaultRecord record;

  // The request after PRIVCFG and INSTCFG.
  private int effective;

  /** A walker over {@code memory}, configured by {@code config}. */
  public SmmuWalker(SmmuConfig config, GuestMemory memory) {
    this(config, memory, new StructureCaches(CacheOptions.NONE), new FaultRecord());
  }

  /**
   * A walker with caches that shorten walks with a resolved plan.
   *
   * @param record filled by each refusal
   */
  public SmmuWalker(
      SmmuConfig config, GuestMemory memory, StructureCaches caches, FaultRecord record) {
    this.config = config;
    this.record = record;
    second = new Stage2Walk(config, memory, fault, caches);
    first = new Stage1Walk(memory, second, fault, caches);
    smooth = new SmoothWalk(config, memory);
    shortened = new ShortenedWalk(smooth, second, caches);
    small = new SmallPageWalk(memory, smooth);
    smallLockstep = new SmallPageLockstep(memory, smooth);
    lockstep = new LockstepWalk(memory, CachedPlan.LANES);
    shortens = caches.shorten();
    streams = new StreamResolver(config, memory, fault);
    contexts = new ContextResolver(config, memory, second, fault);
  }

  /**
   * Translates one byte of DMA.
   *
   * @param streamId StreamID, 32 bits unsigned
   * @param substreamId SubstreamID, 20 bits, or -1 for a request without one
   * @param address byte address as presented, all 64 bits significant
   * @param access valid {@link Access} bits
   * @return a packed {@link Translation}; after a refusal {@link #fault()} has the whole of it
   */
  public long translate(int streamId, int substreamId, long address, int access) {
    fault.clear();
    effective = access;
    long answer = ABORTED;
    for (int losses = 0; losses <= MAX_LOSSES; losses++) {
      answer = answer(streamId, substreamId, address, access);
      if (answer != Stage2Walk.LOST) {
        break;
      }
      answer = fault.external(1, 0, SmmuFault.TT, 0);
    }
    return Translation.isFault(answer)
        ? refuse(plan, streamId, substreamId, address, access, answer)
        : answer;
  }

  /**
   * Resolves what requests without further attributes need, for {@link #walk}.
   *
   * @return whether there is a configuration; without one {@link #translate} tells the fault
   */
  public boolean resolve(SmmuPlan into, int streamId, int substreamId) {
    fault.clear();
    into.disabled = !config.enabled;
    into.firstTag = NO_TAG;
    into.secondTag = NO_TAG;
    if (into.disabled) {
      into.describe(0, false, false);
      return true;
    }
    if (streams.resolve(into, streamId) != 0) {
      return false;
    }
    boolean el2 = streams.isEl2(into, into.stream[1]);
    boolean checked = into.nested || into.stage2 || into.stage1;
    int index = contexts.select(into, substreamId);
    if (index < 0 || into.stage1 && contexts.resolve(into, index) != 0) {
      return false;
    }
    into.describe(index, el2, checked);
    return true;
  }

  /**
   * Translates a request that only reads or writes, with a resolved plan. Its table walk is helped
   * by the structure caches where the plan has tags.
   */
  public long walk(SmmuPlan with, int streamId, int substreamId, long address, int access) {
    fault.clear();
    effective = access;
    if (with.disabled) {
      long answer = disabled(address, access);
      return Translation.isFault(answer)
          ? refuse(with, streamId, substreamId, address, access, answer)
          : answer;
    }
    effective = override(with, access);
    long answer = ABORTED;
    for (int losses = 0; losses <= MAX_LOSSES; losses++) {
      answer = with.stage1 ? first.walk(with, address, need(effective)) : bypassed(with, address);
      if (answer != Stage2Walk.LOST) {
        break;
      }
      answer = fault.external(1, 0, SmmuFault.TT, 0);
    }
    if (Translation.isFault(answer)) {
      return refuse(with, streamId, substreamId, address, access, answer);
    }
    if (!with.stage1) {
      with.global = false;
    }
    return answer;
  }

  /**
   * Translates as {@link #walk} does if no descriptor faults or has a flag to set; else gives 0 and
   * has done nothing. Counts nothing.
   */
  public long walkSmoothly(SmmuPlan with, long address, int access) {
    return shortens ? shortened.walk(with, address, access) : smooth.walk(with, address, access);
  }

  /** The same where it is soon done; else 0, and {@link #walk} knows more. */
  public long walkQuickly(SmmuPlan with, long address, int access) {
    return shortens ? small.walk(with, address, access) : smooth.walk(with, address, access);
  }

  /**
   * The same for several addresses.
   *
   * @param iovas those from {@code from} on are used, at most {@link CachedPlan#LANES}
   * @param answers at the same places: packed answers, or 0
   * @param spans what the plan has as {@code inputSpan}, from 0 on
   */
  public void walkSmoothly(
      SmmuPlan with, long[] iovas, long[] answers, int from, int[] spans, int count, int access) {
    if (with.smooth && !shortens) {
      if (smallLockstep.walk(with, iovas, answers, from, spans, count, access)) {
        return;
      }
      if (with.stage1 && with.stage2) {
        lockstep.nested(with, iovas, answers, from, spans, count, access);
        return;
      }
    }
    if (shortens) {
      small.walk(with, iovas, answers, from, count, access);
    } else {
      Arrays.fill(answers, from, from + count, 0);
    }
    for (int i = 0; i < count; i++) {
      if (answers[from + i] == 0) {
        long iova = iovas[from + i];
        long answer =
            shortens ? shortened.walk(with, iova, access) : smooth.walk(with, iova, access);
        answers[from + i] = answer;
        spans[i] = with.stage1 ? with.inputSpan : Translation.spanLog2(answer);
      } else {
        Regime regime = with.stage1 ? SmoothWalk.regime(with, iovas[from + i]) : with.second;
        spans[i] = regime.granule;
      }
    }
  }

  private long refuse(
      SmmuPlan with, int streamId, int substreamId, long address, int access, long refusal) {
    long answer = refusal;
    int code = Translation.code(answer);
    boolean translation = code >= 0x10 && code <= 0x13;
    if (translation && (access & Access.TRANSLATION_REQUEST) != 0) {
      answer = NO_RIGHTS;
    }
    boolean stalls = translation && !fault.always && stallsOn(with);
    EventWriting.fill(
        record,
        streamId,
        substreamId,
        address,
        access,
        effective,
        answer,
        fault,
        stalls,
        isRecorded(with, code, stalls));
    return answer;
  }

  /** Intermediate address of the last {@link #translate} that passed two stages, else -1. */
  public long intermediate() {
    return plan.stage1 && plan.stage2 ? plan.intermediate : -1;
  }

  /** An address without what the configuration of the last {@link #translate} ignores. */
  public long untagged(long address) {
    boolean upper = address << 8 < 0;
    boolean ignored = upper ? plan.upperTopByteIgnored : plan.lowerTopByteIgnored;
    return plan.stage1 && ignored ? address << 8 >> 8 : address;
  }

  /** The last refusal; filled again by the next one. */
  public FaultRecord fault() {
    return record;
  }

  private boolean stallsOn(SmmuPlan with) {
    return fault.stage2 ? with.secondStalls : with.stalls;
  }

  private boolean isRecorded(SmmuPlan with, int code, boolean stalls) {
    if (!config.recordsEvents) {
      return false;
    }
    if (code == 0x02) {
      return config.recordsBadStreamId;
    }
    if (code < 0x10 || code > 0x13 || fault.always || stalls) {
      return true;
    }
    return fault.stage2 ? with.secondRecords : with.records;
  }

  private long answer(int streamId, int substreamId, long address, int access) {
    if (!config.enabled) {
      return disabled(address, access);
    }
    int code = streams.resolve(plan, streamId);
    if (code == StreamResolver.ABORT) {
      return ABORTED;
    }
    if (code != 0) {
      return SmmuFault.config(code);
    }
    if ((access & OF_ATS) != 0) {
      if ((access & Access.TRANSLATION_REQUEST) != 0 && plan.ats == 0) {
        return SmmuFault.config(0x05);
      }
      if ((access & Access.TRANSLATED) != 0) {
        return translated(address);
      }
    }
    int context = contexts.select(plan, substreamId);
    if (context < 0) {
      return SmmuFault.config(-context);
    }
    effective = override(plan, access);
    if (plan.stage1) {
      long refusal = contexts.resolve(plan, context);
      if (refusal != 0) {
        return refusal;
      }
      return first.walk(plan, address, need(effective));
    }
    return bypassed(plan, address);
  }

  private long disabled(long address, int access) {
    if ((access & Access.TRANSLATION_REQUEST) != 0) {
      return SmmuFault.config(0x05);
    }
    if ((access & Access.TRANSLATED) != 0) {
      return SmmuFault.config(0x07);
    }
    boolean beyond = address >>> config.unit.outputSize() != 0;
    return config.bypassAborts || beyond ? ABORTED : identity(address);
  }

  private static long identity(long address) {
    return Translation.ok(address, 30, Access.ATOMIC);
  }

  /** An address that the device translated before (3.9.1). */
  private long translated(long address) {
    if (config.checksTranslated && plan.ats == 0) {
      return SmmuFault.config(0x07);
    }
    if (config.checksTranslated && plan.ats == 2) {
      return secondOnly(plan, address);
    }
    return address >>> config.unit.outputSize() != 0 ? ABORTED : identity(address);
  }

  /** PRIVCFG, INSTCFG; a write is never an instruction (13.1.2). */
  private int override(SmmuPlan with, int access) {
    int result = access;
    if (with.privilege >= 2) {
      result &= ~Access.PRIVILEGED;
      result |= with.privilege == 3 ? Access.PRIVILEGED : 0;
    }
    if ((access & Access.WRITE) != 0) {
      return result & ~Access.EXECUTE;
    }
    if (with.instruction >= 2) {
      result &= ~Access.EXECUTE;
      result |= with.instruction == 3 ? Access.EXECUTE : 0;
    }
    return result;
  }

  /** The rights that a request needs: an instruction fetch needs execute instead of read. */
  private static int need(int access) {
    int privileged = (access & Access.PRIVILEGED) != 0 ? Stage2Walk.PRIVILEGED : 0;
    return (access & Access.EXECUTE) != 0
        ? Stage2Walk.EXECUTE | privileged
        : access & Access.ATOMIC | privileged;
  }

  private long bypassed(SmmuPlan with, long address) {
    int width =
        with.nested || with.stage2 || with.bypassedStage1
            ? config.unit.intermediateSize()
            : config.unit.outputSize();
    if (address >>> width != 0) {
      fault.always = true;
      return fault.first(0x11, 0);
    }
    if (with.stage2) {
      return secondOnly(with, address);
    }
    return identity(address & (1L << config.unit.outputSize()) - 1);
  }

  private long secondOnly(SmmuPlan with, long address) {
    long answer = second.walk(with, address, need(effective), SmmuFault.IN);
    if (Translation.isFault(answer)) {
      return answer;
    }
    boolean write = (effective & Access.WRITE) != 0;
    long refusal = second.commit(with, write, SmmuFault.IN, address);
    return refusal != 0 ? refusal : answer;
  }
}
