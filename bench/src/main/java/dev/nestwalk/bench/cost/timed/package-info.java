/** The timed engine: the product's translator, by the clock. */
@NullMarked
package dev.nestwalk.bench.cost.timed;

import org.jspecify.annotations.NullMarked;
