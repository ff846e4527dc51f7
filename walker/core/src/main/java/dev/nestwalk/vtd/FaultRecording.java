package dev.nestwalk.vtd;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import org.jspecify.annotations.Nullable;

/** Builds the 128-bit fault record of a refusal (VT-d 7.2, {@link FaultRecordFormat}). */
final class FaultRecording {
  private static final long WRITE = 0;
  private static final long READ = FaultRecordFormat.T1.mask();
  private static final long ATOMIC = READ | FaultRecordFormat.T2.mask();

  /**
   * Fills {@code fault}.
   *
   * @param hidden whether a structure on the way has FPD set
   */
  static void fill(
      FaultRecord fault,
      int sourceId,
      int pasid,
      long iova,
      int access,
      long refusal,
      long intermediate,
      boolean hidden) {
    fault.begin(sourceId, pasid, iova, access, refusal);
    fault.setIntermediate(intermediate);
    int code = Translation.code(refusal);
    if (Outcome.isLibraryCode(code)) {
      return;
    }
    @Nullable FaultReason reason = FaultReason.of(code);
    if (hidden && reason != null && reason.isQualified()) {
      return;
    }
    fault.record(iova & FaultRecordFormat.FI.mask(), high(sourceId, pasid, access, code), 0, 0);
  }

  private static long high(int sourceId, int pasid, int access, int code) {
    long high =
        FaultRecordFormat.F.mask()
            | type(access)
            | put(FaultRecordFormat.SID.lo(), sourceId)
            | put(FaultRecordFormat.FR.lo(), code);
    if ((access & Access.TRANSLATION_REQUEST) != 0) {
      high |= put(FaultRecordFormat.AT.lo(), 1);
    }
    if ((access & Access.TRANSLATED) != 0) {
      high |= put(FaultRecordFormat.AT.lo(), 2);
    }
    if (pasid >= 0) {
      high |= FaultRecordFormat.PP.mask() | put(FaultRecordFormat.PV.lo(), pasid);
      high |= (access & Access.PRIVILEGED) != 0 ? FaultRecordFormat.PRIV.mask() : 0;
      high |= (access & Access.EXECUTE) != 0 ? FaultRecordFormat.EXE.mask() : 0;
    }
    return high;
  }

  private static long type(int access) {
    if ((access & Access.TRANSLATION_REQUEST) != 0) {
      return READ;
    }
    return switch (access & Access.ATOMIC) {
      case Access.READ -> READ;
      case Access.WRITE -> WRITE;
      default -> ATOMIC;
    };
  }

  /** {@code value} at bit {@code lo} of the record; this bit is in the high half. */
  private static long put(int lo, long value) {
    return value << (lo - 64);
  }

  private FaultRecording() {}
}
