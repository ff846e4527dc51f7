package dev.nestwalk.explain;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.vtd.Cap;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.FaultCode;
import dev.nestwalk.vtd.FaultReason;
import dev.nestwalk.vtd.RootTableAddress;
import java.io.Serial;
import java.util.Map;

/**
 * VT-d step by step, from the interrupt range to the fault record (VT-d 3.4 to 3.8, 3.15, 7.1 to
 * 7.3).
 */
final class VtdReference implements Reference {
  /** Number of walks with a lost flag update after which the update counts as failed. */
  private static final int MAX_RESTARTS = 64;

  private final VtdUnit unit;
  private final GuestMemory memory;

  VtdReference(GuestMemory memory, Map<String, Long> registers, int haw, int protectedMemoryLog2) {
    this.unit = new VtdUnit(registers, haw, protectedMemoryLog2);
    this.memory = memory;
  }

  @Override
  public Trace translate(int sourceId, int pasid, long iova, int access) {
    Recorder recorder = new Recorder(iova);
    VtdConfiguration configuration = new VtdConfiguration(unit, memory, recorder);
    FaultRecord fault = new FaultRecord();
    long answer;
    try {
      answer = pack(decide(configuration, recorder, sourceId, pasid, iova, access), pasid, iova);
      if (isQuery(access)) {
        answer = completion(recorder, answer, wanted(access), pasid);
      }
      recorder.decided("result", "HPA", Translation.address(answer), "translated", "");
    } catch (UntranslatedOnly window) {
      recorder.decided(
          "translation completion", "IOVA", iova, "untranslated requests only", "VT-d 7.1.3");
      answer = Translation.untranslatedOnly(iova);
    } catch (Refusal refusal) {
      boolean unanswered = isQuery(access) && isRecoverable(refusal.code);
      Refusal last = unanswered ? Refusal.of(Outcome.NO_RIGHTS.code()) : refusal;
      answer = Translation.fault(last.code, last.stage, last.level);
      if (isQuery(access)) {
        Completion status = status(last.code);
        answer = Translation.completed(answer, status);
        recorder.decided("translation completion", "IOVA", iova, status.text(), "VT-d 7.1.3");
      }
      fault.begin(sourceId, pasid, iova, access, answer);
      fault.setIntermediate(last.intermediate);
      boolean recorded = isRecorded(last.code, configuration.faultsDisabled);
      if (recorded) {
        fault.record(iova & -4096L, recordHigh(sourceId, pasid, access, last.code), 0, 0);
      }
      String how = recorded ? "; recorded" : "; not recorded";
      recorder.decided("refused", "IOVA", iova, Reasons.of(last.code) + how, "VT-d 7.1");
    }
    return new Trace(answer, iova, fault, recorder.steps());
  }

  private static boolean isQuery(int access) {
    return (access & Access.TRANSLATION_REQUEST) != 0;
  }

  /**
   * The rights that a translation request asks for: read, and write if its No-Write bit is clear or
   * ignored.
   */
  private int wanted(int access) {
    boolean readOnly = unit.has(Ecap.NWFS) && (access & Access.WRITE) == 0;
    return access | Access.READ | (readOnly ? 0 : Access.WRITE);
  }

  private static long completion(Recorder recorder, long answer, int wanted, int pasid) {
    int rights = Translation.rights(answer) & wanted;
    boolean executes = pasid >= 0 && (wanted & Access.EXECUTE) != 0 && (rights & Access.READ) != 0;
    rights |= executes ? Access.EXECUTE : 0;
    recorder.decided("translation completion", "", 0, Access.describe(rights), "VT-d 4.2.3");
    return Translation.ok(Translation.address(answer), Translation.spanLog2(answer), rights);
  }

  /**
   * Faults that complete a translation request with success and without rights (VT-d 7.1.3, Table
   * 30).
   */
  private static boolean isRecoverable(int code) {
    boolean legacy = code >= FaultCode.LGN_1 && code <= FaultCode.LGN_3;
    boolean pasid =
        code == FaultCode.SPD_2
            || code == FaultCode.SPT_2
            || code == FaultCode.SPT_5
            || code == FaultCode.SPT_6;
    boolean first = code >= FaultCode.SFS_1 && code <= FaultCode.SFS_8 || code == FaultCode.SFS_9;
    boolean general = code >= FaultCode.SGN_1 && code <= FaultCode.SGN_7;
    return legacy || pasid || first || general || code == FaultCode.SSS_2;
  }

  private static Completion status(int code) {
    if (code == Outcome.UNSUPPORTED_REQUEST.code()) {
      return Completion.UNSUPPORTED_REQUEST;
    }
    if (Outcome.isLibraryCode(code) || code == FaultCode.SFS_10) {
      return Completion.SUCCESS;
    }
    int[] unsupported = {
      FaultCode.LRT_2,
      FaultCode.LCT_2,
      FaultCode.LCT_5,
      FaultCode.RTA_2,
      FaultCode.RTA_4,
      FaultCode.SRT_2,
      FaultCode.SCT_2,
      FaultCode.SCT_5,
      FaultCode.SCT_6,
      FaultCode.SCT_7,
      FaultCode.SGN_10
    };
    for (int one : unsupported) {
      if (one == code) {
        return Completion.UNSUPPORTED_REQUEST;
      }
    }
    return Completion.COMPLETER_ABORT;
  }

  /** Thrown for an address in the interrupt range, which only untranslated writes may access. */
  private static final class UntranslatedOnly extends RuntimeException {
    @Serial private static final long serialVersionUID = 1;

    UntranslatedOnly() {
      super("interrupt range", null, false, false);
    }
  }

  private static boolean isRecorded(int code, boolean disabled) {
    FaultReason reason = FaultReason.of(code);
    return !Outcome.isLibraryCode(code) && !(disabled && reason != null && reason.isQualified());
  }

  /** Builds bits 127:64 of the record (VT-d 11.4.7.6) bit by bit. */
  private static long recordHigh(int sourceId, int pasid, int access, int code) {
    boolean query = (access & Access.TRANSLATION_REQUEST) != 0;
    boolean read = query || (access & Access.READ) != 0;
    boolean write = !query && (access & Access.WRITE) != 0;
    long high = 1L << 63 | sourceId & 0xffff | (long) code << 32;
    high |= read ? 1L << 62 : 0;
    high |= read && write ? 1L << 28 : 0;
    high |= query ? 1L << 60 : 0;
    high |= (access & Access.TRANSLATED) != 0 ? 2L << 60 : 0;
    if (pasid >= 0) {
      high |= 1L << 31 | (long) pasid << 40;
      high |= (access & Access.PRIVILEGED) != 0 ? 1L << 29 : 0;
      high |= (access & Access.EXECUTE) != 0 ? 1L << 30 : 0;
    }
    return high;
  }

  /** Limits the span so that it does not overlap the interrupt range. */
  private static long pack(VtdAnswer answer, int pasid, long iova) {
    int span = answer.spanLog2();
    boolean cut = span > 20 && (touches(answer.output(), span) || pasid < 0 && touches(iova, span));
    int rights = (answer.readable() ? Access.READ : 0) | (answer.writable() ? Access.WRITE : 0);
    return Translation.ok(answer.output(), cut ? 20 : span, rights);
  }

  private static boolean touches(long address, int span) {
    long first = address & -1L << span;
    long last = first | (1L << span) - 1;
    return first >= 0 && first <= 0xfeef_ffffL && last >= 0xfee0_0000L;
  }

  private VtdAnswer decide(
      VtdConfiguration configuration,
      Recorder recorder,
      int sourceId,
      int pasid,
      long iova,
      int access) {
    boolean query = (access & Access.TRANSLATION_REQUEST) != 0;
    boolean translated = (access & Access.TRANSLATED) != 0;
    boolean on = unit.translationIsOn();
    if (pasid < 0 && VtdUnit.isInterrupt(iova) && !query && !translated) {
      throw noted(recorder, iova, Outcome.INTERRUPT);
    }
    if (!on) {
      boolean servable =
          !query && !translated && !unit.isBeyondHost(iova) && !VtdUnit.isInterrupt(iova);
      if (!servable) {
        throw noted(recorder, iova, Outcome.UNSUPPORTED_REQUEST);
      }
      recorder.decided("translation is off", "IOVA", iova, "the address stays", "VT-d 11.4.4");
      return identity(recorder, iova);
    }
    modeIsLegal(recorder, pasid);
    VtdContext context =
        unit.mode() == 0
            ? configuration.legacy(sourceId, access)
            : configuration.scalable(sourceId, pasid, access);
    int wanted = query ? wanted(access) : access;
    if (query && VtdUnit.isInterrupt(iova)) {
      refuseInterrupts(recorder, context, pasid, iova, wanted);
    }
    return switch (context.kind()) {
      case HOST_ADDRESS, PASS_THROUGH -> passThrough(recorder, context, iova);
      default -> {
        VtdWish wish = VtdWish.of(wanted, pasid >= 0, unit.hasCap(Cap.ZLR));
        yield walk(recorder, context, wish, iova);
      }
    };
  }

  /**
   * Applies the special conditions S.1 to S.3, for a device that asks for the address of its
   * interrupts.
   */
  private static void refuseInterrupts(
      Recorder recorder, VtdContext context, int pasid, long iova, int wanted) {
    if (pasid < 0 && (wanted & Access.WRITE) != 0) {
      throw new UntranslatedOnly();
    }
    if (pasid < 0 || context.kind() == VtdContext.Kind.PASS_THROUGH) {
      throw noted(recorder, iova, Outcome.NO_RIGHTS);
    }
  }

  private static Refusal noted(Recorder recorder, long iova, Outcome outcome) {
    recorder.decided("before the tables", "IOVA", iova, outcome.text(), "VT-d 3.15");
    return Refusal.of(outcome.code());
  }

  private void modeIsLegal(Recorder recorder, int pasid) {
    int code =
        switch (unit.mode()) {
          case 0 -> pasid >= 0 ? FaultCode.RTA_2 : 0;
          case 1 -> unit.has(Ecap.SMTS) ? 0 : FaultCode.RTA_1;
          case 3 -> unit.has(Ecap.ADMS) ? FaultCode.RTA_4 : FaultCode.RTA_1;
          default -> FaultCode.RTA_1;
        };
    String mode = unit.mode() == 0 ? "legacy mode" : "scalable mode";
    long register = unit.rootTableAddress();
    recorder.decidedBy(
        RootTableAddress.STRUCTURE,
        register,
        "translation table mode",
        "the register RTADDR, 0x%x, says where the tables begin and of which mode they are"
            .formatted(register),
        code == 0 ? mode : Reasons.of(code),
        "VT-d 11.4.5");
    if (code != 0) {
      throw Refusal.of(code);
    }
    recorder.leadingTo("root table", "HPA", unit.rootTable());
  }

  private VtdAnswer passThrough(Recorder recorder, VtdContext context, long iova) {
    boolean narrow = context.legacy() && context.kind() == VtdContext.Kind.PASS_THROUGH;
    if (unit.isBeyondHost(iova)
        || narrow && VtdUnit.exceeds(iova, unit.secondStageWidth(context.aw()))) {
      throw Refusal.of(context.legacy() ? FaultCode.LGN_1 : FaultCode.SGN_4);
    }
    VtdAnswer.refuseInterrupt(recorder, iova, context.legacy());
    return identity(recorder, iova);
  }

  private VtdAnswer identity(Recorder recorder, long iova) {
    if (unit.isProtected(iova)) {
      throw noted(recorder, iova, Outcome.PROTECTED_MEMORY);
    }
    boolean nearInterrupts = iova >>> 30 == 3;
    int span = unit.protectsMemory() ? 12 : nearInterrupts ? 20 : 30;
    return new VtdAnswer(iova, span, true, true);
  }

  private VtdAnswer walk(Recorder recorder, VtdContext context, VtdWish wish, long iova) {
    for (int restarts = 0; ; restarts++) {
      try {
        return walkOnce(recorder, context, wish, iova);
      } catch (Restart restart) {
        if (restarts == MAX_RESTARTS) {
          throw restart.refusal;
        }
        recorder.decided("an entry changed", "IOVA", iova, "the walk starts again", "VT-d 3.6.2");
      }
    }
  }

  private VtdAnswer walkOnce(Recorder recorder, VtdContext context, VtdWish wish, long iova) {
    SecondStageSteps second = new SecondStageSteps(unit, memory, recorder, context);
    if (context.kind() == VtdContext.Kind.FIRST) {
      return new FirstStageSteps(unit, memory, recorder, context, null).walk(wish, iova);
    }
    if (context.kind() == VtdContext.Kind.NESTED) {
      return new FirstStageSteps(unit, memory, recorder, context, second).walk(wish, iova);
    }
    if (second.isTooWide(iova)) {
      int code = context.legacy() ? FaultCode.LGN_1 : FaultCode.SGN_5;
      recorder.decided("address width", "IOVA", iova, Reasons.of(code), "VT-d 3.7");
      throw new Refusal(code, 2, 0, 0);
    }
    SecondStageSteps.Leaf leaf = second.walk("", iova, wish.ofSecondStage(true));
    VtdAnswer.refuseInterrupt(recorder, leaf.output(), context.legacy());
    second.settle(leaf, wish.write() && leaf.writable(), iova);
    return new VtdAnswer(leaf.output(), leaf.spanLog2(), leaf.readable(), leaf.writable());
  }
}
