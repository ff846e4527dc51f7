/** JMH benchmarks: one class per question, the regime in its name. */
@NullMarked
package dev.nestwalk.bench;

import org.jspecify.annotations.NullMarked;
