package dev.nestwalk.smmu;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;

/**
 * Translates DMA through SMMUv3 structures without a cache: every call reads the tables (IHI 0070,
 * 3.3). Total: any memory content gives a translation or a refusal. Allocates nothing after
 * construction.
 *
 * <p>Threads: belongs to one thread; several walkers may share configuration and memory.
 */
public final class SmmuWalker {
  private static final int MAX_LOSSES = 64;
  private static final int OF_ATS = Access.TRANSLATION_REQUEST | Access.TRANSLATED;
  private static final long ABORTED = Outcome.ABORTED.packed();
  private static final long NO_RIGHTS = Outcome.NO_RIGHTS.packed();

  private final SmmuConfig config;
  private final SmmuFault fault = new SmmuFault();
  private final StreamResolver streams;
  private final ContextResolver contexts;
  private final Stage2Walk second;
  private final Stage1Walk first;
  private final SmmuPlan plan = new SmmuPlan();
  private final FaultRecord record = new FaultRecord();

  // The request after PRIVCFG and INSTCFG.
  private int effective;

  /** A walker over {@code memory}, configured by {@code config}. */
  public SmmuWalker(SmmuConfig config, GuestMemory memory) {
    this.config = config;
    second = new Stage2Walk(config, memory, fault);
    first = new Stage1Walk(memory, second, fault);
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
    if (!Translation.isFault(answer)) {
      return answer;
    }
    int code = Translation.code(answer);
    boolean translation = code >= 0x10 && code <= 0x13;
    if (translation && (access & Access.TRANSLATION_REQUEST) != 0) {
      answer = NO_RIGHTS;
    }
    boolean stalls = translation && !fault.always && stallsOn();
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
        isRecorded(code, stalls));
    return answer;
  }

  /** The last refusal; filled again by the next one. */
  public FaultRecord fault() {
    return record;
  }

  private boolean stallsOn() {
    return fault.stage2 ? plan.secondStalls : plan.stalls;
  }

  private boolean isRecorded(int code, boolean stalls) {
    if (!config.recordsEvents) {
      return false;
    }
    if (code == 0x02) {
      return config.recordsBadStreamId;
    }
    if (code < 0x10 || code > 0x13 || fault.always || stalls) {
      return true;
    }
    return fault.stage2 ? plan.secondRecords : plan.records;
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
    effective = override(access);
    if (plan.stage1) {
      long refusal = contexts.resolve(plan, context);
      if (refusal != 0) {
        return refusal;
      }
      return first.walk(plan, address, need(effective));
    }
    return bypassed(address);
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
      return secondOnly(address);
    }
    return address >>> config.unit.outputSize() != 0 ? ABORTED : identity(address);
  }

  /** PRIVCFG, INSTCFG; a write is never an instruction (13.1.2). */
  private int override(int access) {
    int result = access;
    if (plan.privilege >= 2) {
      result &= ~Access.PRIVILEGED;
      result |= plan.privilege == 3 ? Access.PRIVILEGED : 0;
    }
    if ((access & Access.WRITE) != 0) {
      return result & ~Access.EXECUTE;
    }
    if (plan.instruction >= 2) {
      result &= ~Access.EXECUTE;
      result |= plan.instruction == 3 ? Access.EXECUTE : 0;
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

  private long bypassed(long address) {
    int width =
        plan.nested || plan.stage2 || plan.bypassedStage1
            ? config.unit.intermediateSize()
            : config.unit.outputSize();
    if (address >>> width != 0) {
      fault.always = true;
      return fault.first(0x11, 0);
    }
    if (plan.stage2) {
      return secondOnly(address);
    }
    return identity(address & (1L << config.unit.outputSize()) - 1);
  }

  private long secondOnly(long address) {
    long answer = second.walk(plan, address, need(effective), SmmuFault.IN);
    if (Translation.isFault(answer)) {
      return answer;
    }
    boolean write = (effective & Access.WRITE) != 0;
    long refusal = second.commit(plan, write, SmmuFault.IN, address);
    return refusal != 0 ? refusal : answer;
  }
}
