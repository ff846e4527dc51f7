/**
 * Named bit ranges, declared once: {@link dev.nestwalk.format.Field} and the {@link
 * dev.nestwalk.format.Structure} they make up. Decoders, reserved masks, explanations and
 * documentation derive from these declarations.
 *
 * <p>Threads: everything here is immutable.
 */
@NullMarked
package dev.nestwalk.format;

import org.jspecify.annotations.NullMarked;
