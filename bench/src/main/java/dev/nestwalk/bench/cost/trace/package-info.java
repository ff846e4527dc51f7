/**
 * Traces of the DMA addresses of a real machine, or of the sizes of its packets and disk requests:
 * the product's own format, and readers of others. A trace is read as a stream, twice: {@link
 * dev.nestwalk.bench.cost.trace.TraceFile#scan} examines it, {@link
 * dev.nestwalk.bench.cost.trace.TraceFile#workload} plays it. Memory is bounded whatever the file
 * holds; errors are reported in one line with the file and the place.
 *
 * <p>Threads: a reader belongs to one.
 */
@NullMarked
package dev.nestwalk.bench.cost.trace;

import org.jspecify.annotations.NullMarked;
