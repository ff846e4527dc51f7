/**
 * Named bit ranges, declared once: {@link dev.nestwalk.format.Field}, and the {@link
 * dev.nestwalk.format.Structure} that fields make up. Decoders, reserved masks, explanations and
 * documentation are derived from these declarations.
 *
 * <p>Threads: everything here is immutable.
 */
@NullMarked
package dev.nestwalk.format;

import org.jspecify.annotations.NullMarked;
