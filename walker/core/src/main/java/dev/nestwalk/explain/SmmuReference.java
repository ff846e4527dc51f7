package dev.nestwalk.explain;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.ContextDescriptor;
import dev.nestwalk.smmu.EventCode;
import dev.nestwalk.smmu.EventType;
import dev.nestwalk.smmu.Idr0;
import dev.nestwalk.smmu.Idr1;
import dev.nestwalk.smmu.StreamTableEntry;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** SMMUv3 step by step, from the StreamID to the event record (IHI 0070, 3.3, 7.3). */
final class SmmuReference implements Reference {
  /** Number of walks with a lost flag update after which the update counts as failed. */
  private static final int MAX_RESTARTS = 64;

  private final SmmuUnit unit;
  private final GuestMemory memory;

  SmmuReference(GuestMemory memory, Map<String, Long> registers) {
    this.unit = new SmmuUnit(registers);
    this.memory = memory;
  }

  /** One request in progress. */
  private static final class Request {
    final long address;
    final int asked;
    int effective;
    long @Nullable [] entry;
    long @Nullable [] context;
    boolean alwaysRecorded;
    boolean isSplit;

    Request(long address, int access) {
      this.address = address;
      this.asked = access;
      this.effective = access;
    }

    boolean isQuery() {
      return (asked & Access.TRANSLATION_REQUEST) != 0;
    }

    boolean isTranslated() {
      return (asked & Access.TRANSLATED) != 0;
    }
  }

  @Override
  public Trace translate(int sourceId, int pasid, long iova, int access) {
    Recorder recorder = new Recorder(iova);
    FaultRecord fault = new FaultRecord();
    Request request = new Request(iova, access);
    long answer;
    try {
      VtdAnswer found = restarting(request, recorder, sourceId, pasid);
      int rights = (found.readable() ? Access.READ : 0) | (found.writable() ? Access.WRITE : 0);
      rights |= found.executable() ? Access.EXECUTE : 0;
      answer = Translation.ok(found.output(), found.spanLog2(), rights);
      String space = request.isQuery() && request.isSplit ? "IPA" : "PA";
      recorder.decided("result", space, found.output(), "translated", "");
    } catch (SmmuRefusal refusal) {
      answer = refuse(request, recorder, fault, refusal, sourceId, pasid);
    }
    return new Trace(answer, recorder.input(), fault, recorder.steps());
  }

  private VtdAnswer restarting(Request request, Recorder recorder, int sourceId, int pasid) {
    for (int restarts = 0; ; restarts++) {
      try {
        return decide(request, recorder, Integer.toUnsignedLong(sourceId), pasid);
      } catch (Restart restart) {
        if (restarts == MAX_RESTARTS) {
          throw restart.refusal;
        }
        recorder.decided("a descriptor changed", "", 0, "the walk starts again", "SMMUv3 3.13");
      }
    }
  }

  private static SmmuRefusal outcome(Outcome outcome) {
    return SmmuRefusal.config(outcome.code(), 0);
  }

  private VtdAnswer decide(Request request, Recorder recorder, long streamId, int pasid) {
    if (!unit.isOn()) {
      return disabled(request, recorder);
    }
    if (request.isTranslated() && !unit.checksTranslated()) {
      recorder.decided(
          "CR0.ATSCHK = 0", "PA", request.address, "no STE is looked at", "SMMUv3 3.9.1.3");
      return physical(request);
    }
    SmmuStream streams = new SmmuStream(unit, memory, recorder);
    long[] entry = streams.find(streamId);
    if (entry.length == 0) {
      throw outcome(request.isQuery() ? Outcome.UNSUPPORTED_REQUEST : Outcome.ABORTED);
    }
    request.entry = entry;
    boolean first = SmmuStream.usesStage1(entry);
    boolean second = SmmuStream.usesStage2(entry);
    long eats = first || second ? SmmuStream.get(StreamTableEntry.EATS, entry) : 0;
    boolean served = eats == 1 || eats == 2 && unit.checksTranslated();
    long ats = unit.idr0(Idr0.ATS) == 1 && served ? eats : 0;
    request.isSplit = ats == 2;
    if (request.isQuery() && ats == 0) {
      throw SmmuRefusal.config(EventCode.F_BAD_ATS_TREQ, 0);
    }
    SmmuStage2Steps stage2 = second ? stage2(streams, entry, recorder, first) : null;
    if (request.isTranslated()) {
      return translated(request, entry, ats, stage2);
    }
    boolean bypassed = false;
    int index = 0;
    if (first && streams.contextBits(entry) > 0) {
      index = substream(entry, streams.contextBits(entry), pasid, recorder);
      bypassed = index < 0;
    } else if (pasid >= 0) {
      recorder.decided(
          "SubstreamID",
          "",
          pasid,
          SmmuStage2Steps.name(EventCode.C_BAD_SUBSTREAMID),
          "SMMUv3 3.3.2");
      throw SmmuRefusal.config(EventCode.C_BAD_SUBSTREAMID, 0);
    }
    request.effective = override(entry, request.asked);
    SmmuAts completion = request.isQuery() ? query(entry, request, pasid >= 0) : null;
    if (!first || bypassed) {
      return withoutStage1(request, first, stage2, completion, recorder);
    }
    SmmuContext contexts = new SmmuContext(unit, memory, recorder, streams, entry, stage2);
    long[] cd = contexts.fetch(index);
    request.context = cd;
    SmmuStage2Steps.Want want = completion == null ? want(request.effective) : completion.nothing();
    return new SmmuStage1Steps(unit, memory, recorder, contexts, cd, stage2)
        .walk(request.address, want, completion);
  }

  /**
   * The rights that a translation request asks for; without a PASID it is for data and unprivileged
   * (13.7).
   */
  private SmmuAts query(long[] entry, Request request, boolean tagged) {
    boolean applies = unit.idr1(Idr1.ATTR_PERMS_OVR) == 1;
    long privilege = applies ? SmmuStream.get(StreamTableEntry.PRIVCFG, entry) : 0;
    long instruction = applies ? SmmuStream.get(StreamTableEntry.INSTCFG, entry) : 0;
    boolean incoming = tagged && (request.asked & Access.PRIVILEGED) != 0;
    boolean execute = tagged && (request.asked & Access.EXECUTE) != 0;
    boolean privileged = privilege == 3 || privilege != 2 && incoming;
    request.effective =
        request.asked & ~(Access.EXECUTE | Access.PRIVILEGED)
            | (execute ? Access.EXECUTE : 0)
            | (privileged ? Access.PRIVILEGED : 0);
    return new SmmuAts(
        (request.asked & Access.WRITE) != 0, execute, privileged, instruction, request.isSplit);
  }

  private SmmuStage2Steps stage2(
      SmmuStream streams, long[] entry, Recorder recorder, boolean nested) {
    SmmuTables tables = streams.stage2Tables(entry);
    if (tables == null) {
      throw SmmuRefusal.config(EventCode.C_BAD_STE, 0);
    }
    return new SmmuStage2Steps(unit, memory, recorder, tables, entry, nested);
  }

  /** Number of the CD, or -1 if S1DSS bypasses stage 1 (3.3.2, 5.2). */
  private static int substream(long[] entry, long bits, int pasid, Recorder recorder) {
    long rule = SmmuStream.get(StreamTableEntry.S1DSS, entry);
    int code = 0;
    if (pasid >= 0 && VtdUnit.exceeds(pasid, (int) bits)) {
      code = EventCode.C_BAD_SUBSTREAMID;
    } else if (pasid == 0 && rule == 2 || pasid < 0 && (rule == 0 || rule == 3)) {
      code = EventCode.F_STREAM_DISABLED;
    }
    recorder.decided(
        "SubstreamID",
        "",
        pasid,
        code == 0 ? "S1DSS = " + rule : SmmuStage2Steps.name(code),
        "SMMUv3 3.3.2");
    if (code != 0) {
      throw SmmuRefusal.config(code, 0);
    }
    return pasid >= 0 ? pasid : rule == 1 ? -1 : 0;
  }

  private int override(long[] entry, int access) {
    boolean applies = unit.idr1(Idr1.ATTR_PERMS_OVR) == 1;
    long privilege = applies ? SmmuStream.get(StreamTableEntry.PRIVCFG, entry) : 0;
    long instruction = applies ? SmmuStream.get(StreamTableEntry.INSTCFG, entry) : 0;
    boolean privileged = privilege == 3 || privilege != 2 && (access & Access.PRIVILEGED) != 0;
    boolean write = (access & Access.WRITE) != 0;
    boolean fetches =
        !write && (instruction == 3 || instruction != 2 && (access & Access.EXECUTE) != 0);
    int rest = access & ~(Access.PRIVILEGED | Access.EXECUTE);
    return rest | (privileged ? Access.PRIVILEGED : 0) | (fetches ? Access.EXECUTE : 0);
  }

  private static SmmuStage2Steps.Want want(int access) {
    boolean execute = (access & Access.EXECUTE) != 0;
    return new SmmuStage2Steps.Want(
        !execute && (access & Access.READ) != 0,
        (access & Access.WRITE) != 0,
        execute,
        (access & Access.PRIVILEGED) != 0);
  }

  private VtdAnswer disabled(Request request, Recorder recorder) {
    if (request.isQuery()) {
      throw SmmuRefusal.config(EventCode.F_BAD_ATS_TREQ, 0);
    }
    if (request.isTranslated()) {
      throw SmmuRefusal.config(EventCode.F_TRANSL_FORBIDDEN, 0);
    }
    boolean aborts = unit.abortsInBypass() || VtdUnit.exceeds(request.address, unit.oas());
    String rule = aborts ? "aborted, no event" : "the address stays";
    recorder.decided("translation is off", "", request.address, rule, "SMMUv3 3.11");
    if (aborts) {
      throw outcome(Outcome.ABORTED);
    }
    return new VtdAnswer(request.address, 30, true, true);
  }

  /** Translates a translated request for which the STE is read (3.9.1.3). */
  private VtdAnswer translated(
      Request request, long[] entry, long ats, @Nullable SmmuStage2Steps stage2) {
    if (ats == 0) {
      throw SmmuRefusal.config(EventCode.F_TRANSL_FORBIDDEN, 0);
    }
    if (ats == 1 || stage2 == null) {
      return physical(request);
    }
    if (VtdUnit.exceeds(request.address, unit.ias())) {
      request.alwaysRecorded = true;
      throw SmmuRefusal.first(EventCode.F_ADDR_SIZE, 0, false);
    }
    int data = request.asked & ~(Access.EXECUTE | Access.PRIVILEGED);
    request.effective = override(entry, data);
    return stage2Only(request, stage2);
  }

  private VtdAnswer physical(Request request) {
    if (VtdUnit.exceeds(request.address, unit.oas())) {
      throw outcome(Outcome.ABORTED);
    }
    return new VtdAnswer(request.address, 30, true, true);
  }

  private VtdAnswer withoutStage1(
      Request request,
      boolean configured,
      @Nullable SmmuStage2Steps stage2,
      @Nullable SmmuAts completion,
      Recorder recorder) {
    int width = configured || stage2 != null ? unit.ias() : unit.oas();
    if (VtdUnit.exceeds(request.address, width)) {
      request.alwaysRecorded = true;
      throw SmmuRefusal.first(EventCode.F_ADDR_SIZE, 0, false);
    }
    if (stage2 != null) {
      return completion == null
          ? stage2Only(request, stage2)
          : completion.throughStage2(stage2, recorder, request.address);
    }
    return new VtdAnswer(request.address & (1L << unit.oas()) - 1, 30, true, true);
  }

  private static VtdAnswer stage2Only(Request request, SmmuStage2Steps stage2) {
    SmmuStage2Steps.Want want = want(request.effective);
    SmmuStage2Steps.Leaf leaf = stage2.walk("", request.address, want, 2);
    stage2.settle(leaf, want.write(), 2);
    return new VtdAnswer(leaf.output(), leaf.spanLog2(), leaf.readable(), leaf.writable());
  }

  private long refuse(
      Request request,
      Recorder recorder,
      FaultRecord fault,
      SmmuRefusal refusal,
      int streamId,
      int pasid) {
    boolean movable = EventCode.isTranslationFault(refusal.code);
    boolean unanswered = movable && request.isQuery();
    int code = unanswered ? Outcome.NO_RIGHTS.code() : refusal.code;
    long answer = Translation.fault(code, refusal.stage, refusal.level & 15);
    if (request.isQuery()) {
      answer =
          code == Outcome.NO_RIGHTS.code()
              ? Outcome.NO_RIGHTS.packed()
              : Translation.completed(answer, completion(code));
    }
    fault.begin(streamId, pasid, request.address, request.asked, answer);
    if (!unanswered && movable && refusal.stage == 2) {
      fault.setIntermediate(refusal.address);
    }
    boolean recorded = isRecorded(request, refusal) && !Outcome.isLibraryCode(code);
    if (recorded) {
      writeEvent(request, fault, refusal, streamId, pasid);
    }
    if (request.isQuery()) {
      recorder.decided(
          "translation completion", "", 0, Translation.completion(answer).text(), "SMMUv3 3.9.1.2");
    }
    String words =
        Outcome.isLibraryCode(code) ? Outcome.of(code).text() : SmmuStage2Steps.name(code);
    String how = recorded ? "; recorded" : "; not recorded";
    recorder.decided("refused", "", request.address, words + how, "SMMUv3 7.3");
    return answer;
  }

  private static Completion completion(int code) {
    return code == EventCode.F_BAD_ATS_TREQ || code == Outcome.UNSUPPORTED_REQUEST.code()
        ? Completion.UNSUPPORTED_REQUEST
        : Completion.COMPLETER_ABORT;
  }

  /**
   * Whether an ATS request meets this error without an event, as it does unless CR2.REC_CFG_ATS is
   * set.
   */
  private static boolean isSilent(Request request, int code) {
    EventType event = EventType.of(code);
    if (event == null) {
      return false;
    }
    return switch (event) {
      case C_BAD_STREAMID, F_STE_FETCH, C_BAD_STE -> request.isQuery() || request.isTranslated();
      case F_STREAM_DISABLED, C_BAD_SUBSTREAMID, F_CD_FETCH, C_BAD_CD, F_WALK_EABT ->
          request.isQuery();
      default -> false;
    };
  }

  private boolean stalls(Request request, SmmuRefusal refusal) {
    boolean movable = EventCode.isTranslationFault(refusal.code);
    if (!movable || request.alwaysRecorded) {
      return false;
    }
    return refusal.stage == 2
        ? request.entry != null && SmmuStream.get(StreamTableEntry.S2S, request.entry) == 1
        : request.context != null && SmmuStream.get(ContextDescriptor.S, request.context) == 1;
  }

  private boolean isRecorded(Request request, SmmuRefusal refusal) {
    // CR2.RECINVSID is not applied to translated requests (3.9.1.3).
    boolean hidden =
        refusal.code == EventCode.C_BAD_STREAMID
            && !unit.recordsBadStream()
            && !request.isTranslated();
    if (!unit.eventQueueIsOn()
        || hidden
        || isSilent(request, refusal.code) && !unit.recordsAtsErrors()) {
      return false;
    }
    boolean movable = EventCode.isTranslationFault(refusal.code);
    if (!movable || request.alwaysRecorded || stalls(request, refusal)) {
      return true;
    }
    return refusal.stage == 2
        ? request.entry != null && SmmuStream.get(StreamTableEntry.S2R, request.entry) == 1
        : request.context != null && SmmuStream.get(ContextDescriptor.R, request.context) == 1;
  }

  /** Builds the 32 bytes of the event bit by bit (IHI 0070, 7.3). */
  private void writeEvent(
      Request request, FaultRecord fault, SmmuRefusal refusal, int streamId, int pasid) {
    int code = refusal.code;
    boolean movable = EventCode.isTranslationFault(code);
    long w0 = code | (long) streamId << 32;
    if (pasid >= 0 && code != EventCode.F_STREAM_DISABLED && !request.isTranslated()) {
      w0 |= (long) pasid << 12;
      w0 |= code == EventCode.C_BAD_SUBSTREAMID ? 0 : 1L << 11;
    }
    long w1 = 0;
    long w2 = 0;
    if (code == EventCode.F_TRANSL_FORBIDDEN) {
      w1 |= (request.asked & Access.WRITE) == 0 ? 1L << 35 : 0;
      w2 = request.address;
    }
    if (movable || code == EventCode.F_WALK_EABT) {
      boolean write = (request.effective & Access.WRITE) != 0;
      boolean atomic = (request.effective & Access.ATOMIC) == Access.ATOMIC;
      boolean readFailed =
          atomic && code == EventCode.F_PERMISSION && refusal.kind == 2 && refusal.read;
      w1 |= !write || readFailed ? 1L << 35 : 0;
      w1 |= (request.effective & Access.EXECUTE) != 0 ? 1L << 34 : 0;
      w1 |= (request.effective & Access.PRIVILEGED) != 0 ? 1L << 33 : 0;
      w2 = request.address;
    }
    if (movable || code == EventCode.F_WALK_EABT) {
      w1 |= refusal.stage == 2 ? 1L << 39 : 0;
      w1 |= (long) refusal.kind << 40;
    }
    long w3 = 0;
    if (movable) {
      w1 |= stalls(request, refusal) ? 1L << 31 : 0;
      boolean ofWalk = code == EventCode.F_PERMISSION && refusal.stage == 2 && refusal.kind == 1;
      w1 |= ofWalk && refusal.read ? 1L << 44 : 0;
      w3 = refusal.stage == 2 ? refusal.address & 0x000f_ffff_ffff_f000L : 0;
    } else if (code == EventCode.F_STE_FETCH
        || code == EventCode.F_CD_FETCH
        || code == EventCode.F_WALK_EABT) {
      w3 = refusal.address & 0x000f_ffff_ffff_fff8L;
    } else if (code == EventCode.F_BAD_ATS_TREQ) {
      w2 = request.address & -4096L;
    }
    fault.record(w0, w1, w2, w3);
  }
}
