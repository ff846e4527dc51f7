/**
 * Fault lines of kernels, event and fault records, descriptors, commands and structures, in words.
 *
 * <p>Texts come from anybody's logs: what is not recognised is skipped, what is shown of it is cut
 * and printable.
 *
 * <p>Threads: everything but {@link dev.nestwalk.teach.decode.FaultLog} is immutable.
 */
@NullMarked
package dev.nestwalk.teach.decode;

import org.jspecify.annotations.NullMarked;
