/**
 * The cost of nesting: what nested translation costs a workload.
 *
 * <p>A {@link dev.nestwalk.bench.cost.Cell} describes tables, modelled hardware and workload.
 * {@link dev.nestwalk.bench.cost.Runner} turns it into a {@link dev.nestwalk.bench.cost.CellResult}
 * with one of two engines. The <em>counted</em> engine drives modelled caches with the reads that
 * the reference walker makes in real tables; its counts are equal on every machine. The
 * <em>timed</em> engine drives the product's translator with the same stream of DMA. An {@link
 * dev.nestwalk.bench.cost.Experiment} is a question: cells, the expected shape of the answer, and a
 * check of that shape.
 *
 * <p>Threads: everything here belongs to the thread that uses it; results are immutable.
 */
@NullMarked
package dev.nestwalk.bench.cost;

import org.jspecify.annotations.NullMarked;
