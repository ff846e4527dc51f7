package dev.nestwalk.smmu;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;

/** Builds the 32-byte event record of a refusal (IHI 0070, 7.3, {@link EventRecord}). */
final class EventWriting {
  /**
   * Fills {@code record}.
   *
   * @param access the request after overrides
   * @param stalls whether the access would be stalled (CD.S or STE.S2S)
   * @param recorded whether the architecture writes an event
   */
  static void fill(
      FaultRecord record,
      int streamId,
      int substreamId,
      long address,
      int asked,
      int access,
      long refusal,
      SmmuFault fault,
      boolean stalls,
      boolean recorded) {
    record.begin(streamId, substreamId, address, asked, refusal);
    int code = Translation.code(refusal);
    boolean translation = EventCode.isTranslationFault(code);
    if (fault.stage2 && translation) {
      record.setIntermediate(fault.address);
    }
    if (!recorded || Outcome.isLibraryCode(code)) {
      return;
    }
    long w0 = code | (long) streamId << 32;
    // A translated request counts as one without SubstreamID (3.9.1.3, IDR3.PASIDTT = 0).
    boolean tagged = substreamId >= 0 && (asked & Access.TRANSLATED) == 0;
    if (tagged && code != EventCode.F_STREAM_DISABLED) {
      w0 |=
          (long) substreamId << 12
              | (code == EventCode.C_BAD_SUBSTREAMID ? 0 : EventRecord.SSV.mask());
    }
    long w1 = 0;
    long w2 = 0;
    long w3 = 0;
    boolean walked = translation || code == EventCode.F_WALK_EABT;
    if (walked) {
      w1 |= requester(access, fault, code);
      w2 = address;
    }
    if (code == EventCode.F_TRANSL_FORBIDDEN) {
      w1 |= (access & Access.WRITE) == 0 ? EventRecord.RNW.mask() : 0;
      w2 = address;
    }
    if (walked) {
      w1 |= fault.stage2 ? EventRecord.S2.mask() : 0;
      w1 |= (long) fault.kind << (EventRecord.CLASS.lo() - 64);
    }
    if (translation) {
      w1 |= stalls ? EventRecord.STALL.mask() : 0;
      boolean walkAccess =
          code == EventCode.F_PERMISSION && fault.stage2 && fault.kind == SmmuFault.TT;
      w1 |= walkAccess && fault.walkRead ? EventRecord.TTRNW.mask() : 0;
      w3 = fault.stage2 ? fault.address & EventRecord.IPA.mask() : 0;
    } else if (code == EventCode.F_STE_FETCH
        || code == EventCode.F_CD_FETCH
        || code == EventCode.F_WALK_EABT) {
      w3 = fault.address & EventRecord.FETCHADDR.mask();
    } else if (code == EventCode.F_BAD_ATS_TREQ) {
      w2 = address & -4096;
    }
    record.record(w0, w1, w2, w3);
  }

  private static long requester(int access, SmmuFault fault, int code) {
    boolean write = (access & Access.WRITE) != 0;
    // An atomic access counts as a write, unless it may write and only the read is denied (3.7).
    boolean atomicRead =
        (access & Access.ATOMIC) == Access.ATOMIC
            && code == EventCode.F_PERMISSION
            && fault.kind == SmmuFault.IN
            && fault.walkRead;
    long bits = !write || atomicRead ? EventRecord.RNW.mask() : 0;
    bits |= (access & Access.EXECUTE) != 0 ? EventRecord.IND.mask() : 0;
    return bits | ((access & Access.PRIVILEGED) != 0 ? EventRecord.PNU.mask() : 0);
  }

  private EventWriting() {}
}
