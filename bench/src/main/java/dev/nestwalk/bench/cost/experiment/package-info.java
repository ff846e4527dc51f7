/** The experiments: cells, expected shapes, judges, plots. */
@NullMarked
package dev.nestwalk.bench.cost.experiment;

import org.jspecify.annotations.NullMarked;
