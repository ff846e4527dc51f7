/**
 * Reserved regions: which I/O virtual addresses a device may not use, how the regions of several
 * devices combine, and which addresses remain. This package does not depend on walkers or table
 * formats.
 *
 * <p>Threads: sets and records are immutable; {@link dev.nestwalk.region.Tracker} and {@link
 * dev.nestwalk.region.Ioas} have state and may be used from any thread.
 */
@NullMarked
package dev.nestwalk.region;

import org.jspecify.annotations.NullMarked;
