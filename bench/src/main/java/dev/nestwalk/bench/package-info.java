/** Benchmarks: one class per question, whose name says what is measured. */
@NullMarked
package dev.nestwalk.bench;

import org.jspecify.annotations.NullMarked;
