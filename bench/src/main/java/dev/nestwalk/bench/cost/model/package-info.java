/** The counted engine: real tables, the reference walker's reads, modelled caches. */
@NullMarked
package dev.nestwalk.bench.cost.model;

import org.jspecify.annotations.NullMarked;
