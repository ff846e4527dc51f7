package dev.nestwalk.vtd;

import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;

/**
 * How a translation request ends that finds no translation (VT-d 7.1.3, Table 30 of revision 5.1,
 * columns of translation requests).
 */
final class TranslationCompletion {
  private static final long NO_RIGHTS = Outcome.NO_RIGHTS.packed();

  /**
   * The completion for a refusal. A recoverable fault becomes a success without rights and without
   * a code; any other fault keeps its code, with a status.
   */
  static long of(long refusal) {
    int code = Translation.code(refusal);
    FaultReason reason = FaultReason.of(code);
    if (reason == null) {
      return ofLibrary(refusal, code);
    }
    if (isRecoverable(reason)) {
      return NO_RIGHTS;
    }
    // SFS.10 completes with success and without rights, but is recorded nevertheless.
    Completion status =
        reason == FaultReason.SFS_10
            ? Completion.SUCCESS
            : isUnsupported(reason) ? Completion.UNSUPPORTED_REQUEST : Completion.COMPLETER_ABORT;
    return Translation.completed(refusal, status);
  }

  /** The completion for a refusal that is none of the architecture's. */
  private static long ofLibrary(long refusal, int code) {
    boolean unsupported = code == Outcome.UNSUPPORTED_REQUEST.code();
    return Translation.completed(
        refusal, unsupported ? Completion.UNSUPPORTED_REQUEST : Completion.SUCCESS);
  }

  /** Faults that software can remedy, after which the device asks again; they are not recorded. */
  private static boolean isRecoverable(FaultReason reason) {
    return switch (reason) {
      case LGN_1, LGN_2, LGN_3 -> true;
      case SPD_2, SPT_2, SPT_5, SPT_6 -> true;
      case SFS_1, SFS_2, SFS_3, SFS_4, SFS_5, SFS_6, SFS_7, SFS_8, SFS_9 -> true;
      case SSS_2, SGN_1, SGN_2, SGN_3, SGN_4, SGN_5, SGN_6, SGN_7 -> true;
      default -> false;
    };
  }

  /** Faults that mean that this requester must not send translation requests. */
  private static boolean isUnsupported(FaultReason reason) {
    return switch (reason) {
      case LRT_2, LCT_2, LCT_5, RTA_2, RTA_4, SRT_2, SCT_2, SCT_5, SCT_6, SCT_7, SGN_10 -> true;
      default -> false;
    };
  }

  private TranslationCompletion() {}
}
