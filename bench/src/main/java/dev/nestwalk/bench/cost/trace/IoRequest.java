package dev.nestwalk.bench.cost.trace;

/**
 * A request of a trace that holds sizes: a packet, or a command to a disk.
 *
 * @param nanoseconds since the beginning of the trace; never falls
 * @param unit which device of the trace, from 0 by first appearance
 * @param write whether it was written to disk, or sent
 * @param bytes of data
 */
record IoRequest(long nanoseconds, int unit, boolean write, long bytes) {}
