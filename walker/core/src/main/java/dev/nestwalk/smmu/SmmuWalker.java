package dev.nestwalk.smmu;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.iotlb.WalkNotes;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.walk.FullWalker;
import dev.nestwalk.walk.Tables;

/**
 * Translates DMA through SMMUv3 structures (IHI 0070, 3.3). {@link #translate} reads everything
 * anew; {@link #resolve} and {@link #walk} are its two halves, so that the configuration can be
 * cached. Any memory content gives a translation or a refusal. Nothing is allocated after
 * construction.
 *
 * <p>Threads: belongs to one thread; several walkers may share configuration and memory.
 */
public final class SmmuWalker implements FullWalker<SmmuPlan> {
  private static final int MAX_LOSSES = 64;
  private static final int OF_ATS = Access.TRANSLATION_REQUEST | Access.TRANSLATED;
  private static final long ABORTED = Outcome.ABORTED.packed();
  private static final long NO_RIGHTS = Outcome.NO_RIGHTS.packed();
  private static final long UNSUPPORTED = Outcome.UNSUPPORTED_REQUEST.packed();
  private static final int OF_PASID = Access.EXECUTE | Access.PRIVILEGED;

  private final SmmuConfig config;
  private final SmmuFault fault = new SmmuFault();
  private final StreamResolver streams;
  private final ContextResolver contexts;
  private final Stage2Walk second;
  private final Stage1Walk first;
  private final SmmuPlan plan = new SmmuPlan();
  private final FaultRecord record;
  private final WalkNotes notes = new WalkNotes();

  // The request after PRIVCFG and INSTCFG.
  private int effective;

  // The address between the stages in the last translate(), or -1.
  private long intermediate;

  /** A walker over {@code memory}, configured by {@code config}. */
  public SmmuWalker(SmmuConfig config, GuestMemory memory) {
    this(config, memory, new FaultRecord(), new WalkCounters());
  }

  /**
   * A walker over {@code memory}, configured by {@code config}.
   *
   * @param record filled at each refusal
   * @param counters count the entries read
   */
  public SmmuWalker(
      SmmuConfig config, GuestMemory memory, FaultRecord record, WalkCounters counters) {
    this.config = config;
    this.record = record;
    second = new Stage2Walk(config, memory, fault, counters);
    first = new Stage1Walk(memory, second, fault, notes, counters);
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
   * @return a packed {@link Translation}; after a refusal the fault record given has the details
   */
  @Override
  public long translate(int streamId, int substreamId, long address, int access) {
    effective = access;
    long answer = ABORTED;
    for (int losses = 0; losses <= MAX_LOSSES; losses++) {
      fault.clear();
      intermediate = -1;
      answer = answer(streamId, substreamId, address, access);
      if (answer != Stage2Walk.LOST) {
        break;
      }
      answer = fault.lost;
    }
    return Translation.isFault(answer)
        ? refuse(plan, streamId, substreamId, address, access, answer)
        : answer;
  }

  /**
   * Resolves the configuration of requests without further attributes, for {@link #walk}.
   *
   * @return whether there is a configuration; if not, {@link #translate} gives the fault
   */
  @Override
  public boolean resolve(SmmuPlan into, int streamId, int substreamId) {
    if (!config.enabled) {
      into.disable();
      return true;
    }
    if (streams.resolve(into, streamId) != 0) {
      return false;
    }
    boolean el2 = streams.isEl2(into, into.stream[1]);
    int index = contexts.select(into, substreamId);
    if (index < 0 || into.stage1 && contexts.resolve(into, index) != 0) {
      return false;
    }
    into.describe(index, el2, bypassBits(into));
    return true;
  }

  /** Translates a request that only reads or writes, with a resolved plan. */
  @Override
  public long walk(SmmuPlan with, int streamId, int substreamId, long address, int access) {
    notes.clear();
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
      fault.clear();
      answer = with.stage1 ? first.walk(with, address, need(effective)) : bypassed(with, address);
      if (answer != Stage2Walk.LOST) {
        break;
      }
      answer = fault.lost;
    }
    if (Translation.isFault(answer)) {
      return refuse(with, streamId, substreamId, address, access, answer);
    }
    return answer;
  }

  private long refuse(
      SmmuPlan with, int streamId, int substreamId, long address, int access, long refusal) {
    int code = Translation.code(refusal);
    boolean translation = EventCode.isTranslationFault(code);
    boolean query = (access & Access.TRANSLATION_REQUEST) != 0;
    long answer = query ? completed(refusal, translation) : refusal;
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
        isRecorded(with, access, code, stalls));
    return answer;
  }

  /** How a translation request ends (3.9.1.2). */
  private static long completed(long refusal, boolean translation) {
    int code = Translation.code(refusal);
    if (translation || code == Outcome.NO_RIGHTS.code()) {
      return NO_RIGHTS;
    }
    boolean unsupported =
        code == EventCode.F_BAD_ATS_TREQ || code == Outcome.UNSUPPORTED_REQUEST.code();
    return Translation.completed(
        refusal, unsupported ? Completion.UNSUPPORTED_REQUEST : Completion.COMPLETER_ABORT);
  }

  /**
   * Address between the stages in the last {@link #translate}, if the request passed both or was a
   * translated request that begins there; otherwise -1.
   */
  @Override
  public long intermediate() {
    return intermediate;
  }

  @Override
  public long untagged(long address) {
    boolean upper = address << 8 < 0;
    boolean ignored = upper ? plan.upperTopByteIgnored : plan.lowerTopByteIgnored;
    return plan.stage1 && ignored ? address << 8 >> 8 : address;
  }

  @Override
  public WalkNotes notes() {
    return notes;
  }

  @Override
  public int maxSourceId() {
    return -1;
  }

  @Override
  public boolean isOff() {
    return !config.isEnabled();
  }

  @Override
  public SmmuPlan plan() {
    return new SmmuPlan();
  }

  @Override
  public Tables tables(SmmuPlan of) {
    return of.tables();
  }

  private boolean stallsOn(SmmuPlan with) {
    return fault.stage2 ? with.secondStalls : with.stalls;
  }

  private boolean isRecorded(SmmuPlan with, int access, int code, boolean stalls) {
    if (!config.recordsEvents) {
      return false;
    }
    if ((access & OF_ATS) != 0 && isConfigurationError(access, code)) {
      boolean translated = (access & Access.TRANSLATED) != 0;
      boolean counts = code != EventCode.C_BAD_STREAMID || translated || config.recordsBadStreamId;
      return config.recordsAtsErrors && counts;
    }
    if (code == EventCode.C_BAD_STREAMID) {
      return config.recordsBadStreamId;
    }
    if (!EventCode.isTranslationFault(code) || fault.always || stalls) {
      return true;
    }
    return fault.stage2 ? with.secondRecords : with.records;
  }

  /**
   * Whether an ATS request meets this error without an event, which it does unless CR2.REC_CFG_ATS
   * is set (3.9.1.2, 3.9.1.3).
   */
  private static boolean isConfigurationError(int access, int code) {
    boolean translated = (access & Access.TRANSLATED) != 0;
    return code <= EventCode.C_BAD_STE
        || !translated && code < EventCode.F_TRANSLATION && code != EventCode.F_BAD_ATS_TREQ;
  }

  private long answer(int streamId, int substreamId, long address, int access) {
    if (!config.enabled) {
      return disabled(address, access);
    }
    boolean translated = (access & Access.TRANSLATED) != 0;
    boolean query = (access & Access.TRANSLATION_REQUEST) != 0;
    if (translated && !config.checksTranslated) {
      return passed(address);
    }
    int code = streams.resolve(plan, streamId);
    if (code == StreamResolver.ABORT) {
      return query ? UNSUPPORTED : ABORTED;
    }
    if (code != 0) {
      return SmmuFault.config(code);
    }
    if (translated) {
      return translated(address, access);
    }
    if (query && plan.ats == 0) {
      return SmmuFault.config(EventCode.F_BAD_ATS_TREQ);
    }
    int context = contexts.select(plan, substreamId);
    if (context < 0) {
      return SmmuFault.config(-context);
    }
    // A translation request without PASID is for data and unprivileged (13.7).
    int asked = query && substreamId < 0 ? access & ~OF_PASID : access;
    effective = query ? withPrivilege(plan, asked) : override(plan, asked);
    if (plan.stage1) {
      long refusal = contexts.resolve(plan, context);
      if (refusal != 0) {
        return refusal;
      }
      long answer = first.walk(plan, address, query ? ask(effective) : need(effective));
      intermediate = plan.stage2 && !Translation.isFault(answer) ? notes.intermediate() : -1;
      return answer;
    }
    return bypassed(plan, address);
  }

  private long disabled(long address, int access) {
    if ((access & Access.TRANSLATION_REQUEST) != 0) {
      return SmmuFault.config(EventCode.F_BAD_ATS_TREQ);
    }
    if ((access & Access.TRANSLATED) != 0) {
      return SmmuFault.config(EventCode.F_TRANSL_FORBIDDEN);
    }
    boolean beyond = address >>> config.unit.outputSize() != 0;
    return config.bypassAborts || beyond ? ABORTED : identity(address);
  }

  private static long identity(long address) {
    return Translation.ok(address, 30, Access.ATOMIC);
  }

  /** Translates a translated request whose STE.EATS has to be checked (3.9.1.3). */
  private long translated(long address, int access) {
    if (plan.ats == 0) {
      return SmmuFault.config(EventCode.F_TRANSL_FORBIDDEN);
    }
    if (plan.ats != SmmuPlan.SPLIT_STAGE) {
      return passed(address);
    }
    if (address >>> config.unit.intermediateSize() != 0) {
      fault.always = true;
      return fault.first(EventCode.F_ADDR_SIZE, 0);
    }
    // IDR3.PASIDTT = 0: the request is for data and unprivileged, whatever its PASID prefix has.
    effective = override(plan, access & ~OF_PASID);
    intermediate = address;
    return secondOnly(plan, address);
  }

  /**
   * Translates a translated request with a physical address, of which only the size is checked
   * (3.9.1.1).
   */
  private long passed(long address) {
    return address >>> config.unit.outputSize() != 0 ? ABORTED : identity(address);
  }

  /** Applies PRIVCFG. */
  private static int withPrivilege(SmmuPlan with, int access) {
    return switch (with.privilege) {
      case 2 -> access & ~Access.PRIVILEGED;
      case 3 -> access | Access.PRIVILEGED;
      default -> access;
    };
  }

  /** Applies PRIVCFG and INSTCFG; a write is never an instruction fetch (13.1.2). */
  private static int override(SmmuPlan with, int access) {
    int result = withPrivilege(with, access);
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

  /** The rights that a translation request asks for; INSTCFG is applied to its answer instead. */
  private static int ask(int access) {
    int privileged = (access & Access.PRIVILEGED) != 0 ? Stage2Walk.PRIVILEGED : 0;
    return Stage1Walk.QUERY | privileged | access & (Access.WRITE | Access.EXECUTE);
  }

  /** Bits of an address that no stage 1 translates. */
  private int bypassBits(SmmuPlan of) {
    return of.nested || of.stage2 || of.bypassedStage1
        ? config.unit.intermediateSize()
        : config.unit.outputSize();
  }

  private long bypassed(SmmuPlan with, long address) {
    if (address >>> bypassBits(with) != 0) {
      fault.always = true;
      return fault.first(EventCode.F_ADDR_SIZE, 0);
    }
    if (with.stage2) {
      return secondOnly(with, address);
    }
    return identity(address & (1L << config.unit.outputSize()) - 1);
  }

  private long secondOnly(SmmuPlan with, long address) {
    if ((effective & Access.TRANSLATION_REQUEST) != 0) {
      return queryBelow(with, address);
    }
    long answer = second.walk(with, address, need(effective), SmmuFault.IN);
    if (Translation.isFault(answer)) {
      return answer;
    }
    boolean write = (effective & Access.WRITE) != 0;
    long refusal = second.commit(with, write, SmmuFault.IN, address);
    return refusal != 0 ? refusal : answer;
  }

  /** The completion of a translation request that skips stage 1 (13.6.4, 13.6.5). */
  private long queryBelow(SmmuPlan with, long address) {
    long answer = second.walk(with, address, 0, SmmuFault.IN);
    if (Translation.isFault(answer)) {
      return answer;
    }
    boolean writes = (effective & Access.WRITE) != 0;
    boolean privileged = (effective & Access.PRIVILEGED) != 0;
    int all = second.granted(with, privileged, writes);
    int granted = AtsRights.of(all, with.instruction, effective);
    if (granted == 0) {
      return NO_RIGHTS;
    }
    boolean dirties = writes && (granted & Access.WRITE) != 0;
    long refusal = second.commit(with, dirties, SmmuFault.IN, address);
    if (refusal != 0) {
      return refusal;
    }
    boolean split = with.ats == SmmuPlan.SPLIT_STAGE;
    long output = split ? address : Translation.address(answer);
    return Translation.ok(output, Translation.spanLog2(answer), granted);
  }
}
