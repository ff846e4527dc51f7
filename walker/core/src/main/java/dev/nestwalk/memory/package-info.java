/**
 * Guest-physical memory over {@link java.lang.foreign.MemorySegment}s, and the files it comes from:
 * dumps (ELF core, LiME, kdump) and raw memory files.
 *
 * <p>Threads: a {@link dev.nestwalk.memory.GuestMemory} may be read and updated from any thread
 * that may use its segments.
 */
@NullMarked
package dev.nestwalk.memory;

import org.jspecify.annotations.NullMarked;
