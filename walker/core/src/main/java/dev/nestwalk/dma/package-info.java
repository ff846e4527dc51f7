/**
 * The vocabulary of one DMA, shared by every walker, cache and caller: what is asked ({@link
 * dev.nestwalk.dma.Access}), what is answered ({@link dev.nestwalk.dma.Translation}, {@link
 * dev.nestwalk.dma.Outcome}, {@link dev.nestwalk.dma.AtsReply} for a translation request) and what
 * is recorded of a refusal ({@link dev.nestwalk.dma.FaultRecord}).
 *
 * <p>Threads: {@code FaultRecord} is mutable and belongs to the thread of its translator; the rest
 * is stateless.
 */
@NullMarked
package dev.nestwalk.dma;

import org.jspecify.annotations.NullMarked;
