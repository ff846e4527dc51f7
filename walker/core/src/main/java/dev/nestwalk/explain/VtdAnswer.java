package dev.nestwalk.explain;

import dev.nestwalk.vtd.FaultCode;

/** A translation before it is packed. Only answers to translation requests have execute rights. */
record VtdAnswer(
    long output, int spanLog2, boolean readable, boolean writable, boolean executable) {
  VtdAnswer(long output, int spanLog2, boolean readable, boolean writable) {
    this(output, spanLog2, readable, writable, false);
  }

  /** Refuses an output address in the interrupt range (VT-d 3.15). */
  static void refuseInterrupt(Recorder recorder, long output, boolean legacy) {
    boolean hit = VtdUnit.isInterrupt(output);
    int code = legacy ? FaultCode.LGN_4 : FaultCode.SGN_8;
    recorder.decided(
        "output address",
        "HPA",
        output,
        hit ? Reasons.of(code) : "outside the interrupt range",
        "VT-d 3.15");
    if (hit) {
      throw Refusal.of(code);
    }
  }
}
