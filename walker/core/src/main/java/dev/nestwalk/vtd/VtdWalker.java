package dev.nestwalk.vtd;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.iotlb.WalkNotes;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.walk.FullWalker;
import dev.nestwalk.walk.Tables;

/**
 * Translates DMA through VT-d structures (VT-d 3.4 to 3.8). {@link #translate} reads everything
 * anew; {@link #resolve} and {@link #walk} are its two halves, so that the configuration can be
 * cached. Any memory content gives a translation or a fault. Nothing is allocated after
 * construction.
 *
 * <p>Threads: belongs to one thread; several walkers may share configuration and memory.
 */
public final class VtdWalker implements FullWalker<VtdPlan> {
  /** Number of consecutive lost flag updates after which the update counts as failed. */
  static final int MAX_LOSSES = 64;

  private static final long INTERRUPT = Outcome.INTERRUPT.packed();
  private static final long NO_RIGHTS = Outcome.NO_RIGHTS.packed();
  private static final long PROTECTED = Outcome.PROTECTED_MEMORY.packed();
  private static final long UNSUPPORTED = Outcome.UNSUPPORTED_REQUEST.packed();
  private static final int OF_DEVICE_TLB = Access.TRANSLATION_REQUEST | Access.TRANSLATED;

  private final VtdConfig config;
  private final boolean zeroLengthReads;
  private final boolean noWriteCounts;
  private final VtdResolver resolver;
  private final SecondStageWalk second;
  private final FirstStageWalk first;
  private final VtdPlan plan = new VtdPlan();
  private final FaultRecord fault;
  private final WalkNotes notes = new WalkNotes();

  // The address between the stages in the last translate(), or -1.
  private long intermediate = -1;

  /** A walker over {@code memory}, configured by {@code config}. */
  public VtdWalker(VtdConfig config, GuestMemory memory) {
    this(config, memory, new FaultRecord(), new WalkCounters());
  }

  /**
   * A walker over {@code memory}, configured by {@code config}.
   *
   * @param fault filled at each refusal
   * @param counters count the entries read
   */
  public VtdWalker(VtdConfig config, GuestMemory memory, FaultRecord fault, WalkCounters counters) {
    this.config = config;
    this.fault = fault;
    zeroLengthReads = Cap.ZLR.in(config.unit.cap());
    noWriteCounts = Ecap.NWFS.in(config.unit.ecap());
    resolver = new VtdResolver(config, memory);
    second = new SecondStageWalk(config, memory, counters);
    first = new FirstStageWalk(memory, second, notes, counters);
  }

  /**
   * Translates one byte of DMA.
   *
   * @param sourceId requester id, 16 bits
   * @param pasid 20 bits, or -1 for a request without PASID
   * @param iova byte address, all 64 bits significant
   * @param access valid {@link Access} bits
   * @return a packed {@link Translation}; after a refusal the fault record given has the details
   */
  @Override
  public long translate(int sourceId, int pasid, long iova, int access) {
    resolver.faultsHidden = false;
    first.reset();
    intermediate = -1;
    long answer = answer(sourceId, pasid, iova, access);
    if (!Translation.isFault(answer)) {
      return answer;
    }
    return refuse(sourceId, pasid, iova, access, answer, resolver.faultsHidden);
  }

  /**
   * Resolves the configuration of requests without further attributes, for {@link #walk}.
   *
   * @return whether there is a configuration; if not, {@link #translate} gives the fault
   */
  @Override
  public boolean resolve(VtdPlan plan, int sourceId, int pasid) {
    if (!config.enabled) {
      plan.untranslated(config.unit.hostAddressWidth());
      return true;
    }
    if (modeFault(pasid < 0) != 0 || resolver.resolve(plan, sourceId, pasid, Access.READ) != 0) {
      return false;
    }
    resolver.describe(plan, pasid);
    return true;
  }

  /** Translates a request that only reads or writes, with a resolved plan. */
  @Override
  public long walk(VtdPlan plan, int sourceId, int pasid, long iova, int access) {
    first.reset();
    notes.clear();
    boolean plain = pasid < 0;
    long answer =
        plain && VtdConfig.isInterrupt(iova)
            ? INTERRUPT
            : switch (plan.kind) {
              case VtdPlan.UNTRANSLATED -> untranslated(iova, access);
              case VtdPlan.IDENTITY -> identity(plan, iova, plan.identityWidth);
              default -> walk(plan, plain, iova, access);
            };
    if (!Translation.isFault(answer)) {
      return answer;
    }
    return refuse(sourceId, pasid, iova, access, answer, plan.faultsHidden);
  }

  private long refuse(
      int sourceId, int pasid, long iova, int access, long refusal, boolean hidden) {
    long answer = refusal;
    if ((access & Access.TRANSLATION_REQUEST) != 0) {
      answer = TranslationCompletion.of(refusal);
      if (answer == NO_RIGHTS) {
        first.reset();
      }
    }
    FaultRecording.fill(fault, sourceId, pasid, iova, access, answer, first.intermediate(), hidden);
    return answer;
  }

  @Override
  public long intermediate() {
    return intermediate;
  }

  @Override
  public WalkNotes notes() {
    return notes;
  }

  @Override
  public long untagged(long address) {
    return address;
  }

  @Override
  public int maxSourceId() {
    return 0xffff;
  }

  @Override
  public boolean isOff() {
    return !config.isEnabled();
  }

  @Override
  public VtdPlan plan() {
    return new VtdPlan();
  }

  @Override
  public Tables tables(VtdPlan of) {
    return of.tables();
  }

  private long answer(int sourceId, int pasid, long iova, int access) {
    boolean plain = pasid < 0;
    if (plain && VtdConfig.isInterrupt(iova) && (access & OF_DEVICE_TLB) == 0) {
      return INTERRUPT;
    }
    if (!config.enabled) {
      return untranslated(iova, access);
    }
    int mode = modeFault(plain);
    if (mode != 0) {
      return Translation.fault(mode, 0, 0);
    }
    int code = resolver.resolve(plan, sourceId, pasid, access);
    if (code != 0) {
      return Translation.fault(code, 0, 0);
    }
    if ((access & Access.TRANSLATED) != 0) {
      return identity(plan, iova, config.unit.hostAddressWidth());
    }
    boolean query = (access & Access.TRANSLATION_REQUEST) != 0;
    int asked = query ? query(access) : access;
    if (query && VtdConfig.isInterrupt(iova) && (plain || plan.kind == VtdPlan.IDENTITY)) {
      // Devices also ask for the addresses of their interrupts, which go untranslated (S.1 to S.3).
      boolean writes = plain && (asked & Access.WRITE) != 0;
      return writes ? Translation.untranslatedOnly(iova) : NO_RIGHTS;
    }
    long answer =
        plan.kind == VtdPlan.IDENTITY
            ? identity(plan, iova, plan.identityWidth)
            : walk(plan, plain, iova, asked);
    if (Translation.isFault(answer)) {
      return answer;
    }
    intermediate = plan.kind == VtdPlan.NESTED ? notes.intermediate() : -1;
    return query ? completed(answer, asked, !plain) : answer;
  }

  /**
   * The rights that a translation request asks for: always read, and write unless its No-Write bit
   * is set on a unit that honours it (4.2.3.1).
   */
  private int query(int access) {
    boolean writes = !noWriteCounts || (access & Access.WRITE) != 0;
    int rest = access & ~Access.ATOMIC;
    return rest | (writes ? Access.ATOMIC : Access.READ);
  }

  /**
   * A translation in the form of a completion, with the rights limited to those asked for (4.2.3).
   */
  private static long completed(long answer, int asked, boolean tagged) {
    int rights = Translation.rights(answer) & asked;
    // Execute was granted only if it was asked for; without read it has no meaning.
    boolean executes = tagged && (rights & Access.READ) != 0;
    rights |= executes ? asked & Access.EXECUTE : 0;
    return Translation.ok(Translation.address(answer), Translation.spanLog2(answer), rights);
  }

  /** Translates while translation is off: addresses pass unchanged, except in protected memory. */
  private long untranslated(long iova, int access) {
    boolean beyond = iova >>> config.unit.hostAddressWidth() != 0;
    if (beyond || (access & OF_DEVICE_TLB) != 0 || VtdConfig.isInterrupt(iova)) {
      return UNSUPPORTED;
    }
    return config.isProtected(iova) ? PROTECTED : identityAnswer(iova);
  }

  private int modeFault(boolean plain) {
    long ecap = config.unit.ecap();
    return switch (config.mode) {
      case RootTableAddress.TTM_LEGACY -> plain ? 0 : FaultCode.RTA_2;
      case RootTableAddress.TTM_SCALABLE -> Ecap.SMTS.in(ecap) ? 0 : FaultCode.RTA_1;
      case RootTableAddress.TTM_ABORT -> Ecap.ADMS.in(ecap) ? FaultCode.RTA_4 : FaultCode.RTA_1;
      default -> FaultCode.RTA_1;
    };
  }

  private long identity(VtdPlan plan, long iova, int width) {
    if (iova >>> Math.min(width, config.unit.hostAddressWidth()) != 0) {
      return Translation.fault(plan.legacy ? FaultCode.LGN_1 : FaultCode.SGN_4, 0, 0);
    }
    if (VtdConfig.isInterrupt(iova)) {
      return Translation.fault(plan.legacy ? FaultCode.LGN_4 : FaultCode.SGN_8, 0, 0);
    }
    return config.isProtected(iova) ? PROTECTED : identityAnswer(iova);
  }

  private long identityAnswer(long iova) {
    int span = config.protects ? 12 : VtdConfig.touchesInterrupt(iova, 30) ? 20 : 30;
    return Translation.ok(iova, span, Access.ATOMIC);
  }

  private long walk(VtdPlan plan, boolean plain, long iova, int access) {
    int asked = access & Access.ATOMIC;
    boolean execute = !plain && (access & Access.EXECUTE) != 0;
    boolean query = (access & Access.TRANSLATION_REQUEST) != 0;
    int need = (query ? 0 : asked) | (execute ? SecondStageWalk.X : 0);
    boolean zero = !query && zeroLengthReads && (access & Access.ZERO_LENGTH) != 0;
    long answer =
        switch (plan.kind) {
          case VtdPlan.SECOND -> secondOnly(plan, iova, need, asked, zero);
          default -> first.walk(plan, iova, need, asked, zero);
        };
    if (Translation.isFault(answer)) {
      return answer;
    }
    int span = Translation.spanLog2(answer);
    long output = Translation.address(answer);
    if (span > 20
        && (VtdConfig.touchesInterrupt(output, span)
            || plain && VtdConfig.touchesInterrupt(iova, span))) {
      // An invalidation of any address in the page concerns the whole page.
      notes.inputSpan(span);
      return Translation.ok(output, 20, Translation.rights(answer));
    }
    return answer;
  }

  private long secondOnly(VtdPlan plan, long iova, int need, int asked, boolean zero) {
    if (iova >>> plan.secondWidth != 0) {
      return Translation.fault(plan.legacy ? FaultCode.LGN_1 : FaultCode.SGN_5, 2, 0);
    }
    int all = zero ? 0 : plan.secondExecute ? need : need & Access.ATOMIC;
    int any = zero ? Access.ATOMIC : asked;
    for (int losses = 0; losses <= MAX_LOSSES; losses++) {
      long answer = second.walk(plan, iova, all, any);
      if (Translation.isFault(answer)) {
        return answer;
      }
      if (VtdConfig.isInterrupt(Translation.address(answer))) {
        return Translation.fault(plan.legacy ? FaultCode.LGN_4 : FaultCode.SGN_8, 0, 0);
      }
      boolean dirty = (asked & Translation.rights(answer) & Access.WRITE) != 0;
      int code = second.commit(plan, dirty);
      if (code == 0) {
        return answer;
      }
      if (code != SecondStageWalk.LOST) {
        return Translation.fault(code, 2, second.leafLevel());
      }
    }
    return Translation.fault(FaultCode.SSS_6, 2, second.leafLevel());
  }
}
