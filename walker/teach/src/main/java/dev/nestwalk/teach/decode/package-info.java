/**
 * Explains fault lines of kernels, event and fault records, descriptors, commands and structures.
 *
 * <p>Texts come from logs of any origin: lines that are not recognised are skipped, and quoted text
 * is cut and made printable.
 *
 * <p>Threads: {@link dev.nestwalk.teach.decode.FaultLog} belongs to one thread; everything else is
 * immutable.
 */
@NullMarked
package dev.nestwalk.teach.decode;

import org.jspecify.annotations.NullMarked;
