/**
 * Traces: where the DMA of a real machine went, or how large its packets and disk requests were.
 * The product's own form, and readers of others. A trace is read as a stream, twice: {@link
 * dev.nestwalk.bench.cost.trace.TraceFile#scan} looks it over, {@link
 * dev.nestwalk.bench.cost.trace.TraceFile#workload} plays it. Memory is bounded whatever the file
 * holds; what cannot be read is told in one line with the file and the place.
 *
 * <p>Threads: a reader belongs to one.
 */
@NullMarked
package dev.nestwalk.bench.cost.trace;

import org.jspecify.annotations.NullMarked;
