package dev.nestwalk.explain;

import dev.nestwalk.dma.Outcome;
import dev.nestwalk.vtd.FaultReason;

/** VT-d refusals in words. */
final class Reasons {
  static String of(int code) {
    if (Outcome.isLibraryCode(code)) {
      return Outcome.of(code).text();
    }
    FaultReason reason = FaultReason.of(code);
    return reason == null
        ? "fault 0x%x".formatted(code)
        : "%s (0x%x): %s".formatted(reason.mnemonic(), code, reason.condition());
  }

  private Reasons() {}
}
