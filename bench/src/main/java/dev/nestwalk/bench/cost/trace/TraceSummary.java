package dev.nestwalk.bench.cost.trace;

import java.util.Locale;

/**
 * What a trace holds.
 *
 * @param format its form
 * @param digest SHA-256 of its uncompressed bytes, hexadecimal
 * @param requesters devices (of a trace of sizes: disks or interfaces)
 * @param pasids PASIDs of the device that has most, requests without one counted as one more where
 *     both occur; 0 if there are none
 * @param requests ends of requests; where the trace tells none, accesses
 * @param accesses reads and writes, or of a trace of sizes requests
 * @param bytes that they carry
 * @param invalidations that it holds
 * @param skipped lines that are none of its events
 * @param nanoseconds from its first event to its last
 */
public record TraceSummary(
    TraceFormat format,
    String digest,
    int requesters,
    int pasids,
    long requests,
    long accesses,
    long bytes,
    long invalidations,
    long skipped,
    long nanoseconds) {

  /** One line for a person. */
  public String line() {
    return String.format(
        Locale.ROOT,
        "%s trace: %d %s of %d %s%s, %d bytes, %d invalidations, %.6f s%s",
        format.label(),
        accesses,
        format.holdsSizes() ? "requests" : "accesses",
        requesters,
        requesters == 1 ? "device" : "devices",
        pasids == 0 ? "" : " with up to %d PASIDs each".formatted(pasids),
        bytes,
        invalidations,
        nanoseconds / 1e9,
        skipped == 0 ? "" : ", %d other lines".formatted(skipped));
  }
}
