/**
 * The reference walkers. They follow the specification step by step, record each read, and are
 * written for clarity rather than speed.
 */
@NullMarked
package dev.nestwalk.explain;

import org.jspecify.annotations.NullMarked;
