/**
 * An embedder's view of a translator's caches: geometry, counters, and listeners to invalidations.
 */
@NullMarked
package dev.nestwalk.cache;

import org.jspecify.annotations.NullMarked;
