/**
 * IOMMUs as an emulator plugs them in: a {@code Unit} has the registers, queues, faults and
 * interrupts; a {@code Port} is a device's way through it to memory.
 *
 * <pre>
 *   vCPU ── mmioRead, mmioWrite ──► Unit ── reconfigure, invalidate, sync ──► Iommu
 *   device ── read, write, translate ──► Port ── Translator, Endpoint ──► answer | refusal → Unit
 *   Unit ── messages, wires ──► InterruptSink
 * </pre>
 *
 * <p>Threads: vCPUs touch registers from any thread, under the unit's lock. A port belongs to the
 * thread that asked for it; it takes the lock only to report a refusal or a page request, and never
 * holds it while it waits. The unit waits for device threads outside the lock.
 */
@NullMarked
package dev.nestwalk.device;

import org.jspecify.annotations.NullMarked;
