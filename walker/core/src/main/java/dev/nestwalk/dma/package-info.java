/**
 * The types that describe one DMA, shared by every walker, cache and caller: the request ({@link
 * dev.nestwalk.dma.Access}), the answer ({@link dev.nestwalk.dma.Translation}, {@link
 * dev.nestwalk.dma.Outcome}, and {@link dev.nestwalk.dma.AtsReply} for a translation request) and
 * the record of a refusal ({@link dev.nestwalk.dma.FaultRecord}).
 *
 * <p>Threads: {@code FaultRecord} is mutable and belongs to the thread of its translator; the rest
 * is stateless.
 */
@NullMarked
package dev.nestwalk.dma;

import org.jspecify.annotations.NullMarked;
