package dev.nestwalk.vtd;

import dev.nestwalk.dma.Completion;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;

/**
 * How a translation request ends that does not find a translation (VT-d 7.1.3, Table 30 of revision
 * 5.1, columns of translation requests).
 */
final class TranslationCompletion {
  private static final long NO_RIGHTS = Outcome.NO_RIGHTS.packed();

  /**
   * The refusal as a completion: recoverable faults are a success without rights and have no code,
   * the others keep theirs beside the status.
   */
  static long of(long refusal) {
    int code = Translation.code(refusal);
    if (isRecoverable(code)) {
      return NO_RIGHTS;
    }
    Completion status = Completion.COMPLETER_ABORT;
    if (code == 0x91 || Outcome.isLibraryCode(code)) {
      // SFS.10 is a success without rights, and recorded all the same.
      boolean unsupported = code == Outcome.UNSUPPORTED_REQUEST.code();
      status = unsupported ? Completion.UNSUPPORTED_REQUEST : Completion.SUCCESS;
    } else if (isUnsupported(code)) {
      status = Completion.UNSUPPORTED_REQUEST;
    }
    return Translation.completed(refusal, status);
  }

  /** Faults that software may mend, so that the device asks again; they are not recorded. */
  private static boolean isRecoverable(int code) {
    return switch (code) {
      // LGN.1, LGN.2, LGN.3
      case 0x04, 0x05, 0x06 -> true;
      // SPD.2, SPT.2, SPT.5, SPT.6
      case 0x51, 0x59, 0x5c, 0x5d -> true;
      // SFS.1 to SFS.9
      case 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x90 -> true;
      // SSS.2, SGN.1 to SGN.7
      case 0x79, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86 -> true;
      default -> code == Outcome.NO_RIGHTS.code();
    };
  }

  /** Faults that say that this requester has no business with translation requests. */
  private static boolean isUnsupported(int code) {
    return switch (code) {
      // LRT.2, LCT.2, LCT.5, RTA.2, RTA.4, SRT.2, SCT.2, SCT.5, SCT.6, SCT.7, SGN.10
      case 0x01, 0x02, 0x0d, 0x31, 0x33, 0x39, 0x41, 0x44, 0x45, 0x46, 0x89 -> true;
      default -> false;
    };
  }

  private TranslationCompletion() {}
}
