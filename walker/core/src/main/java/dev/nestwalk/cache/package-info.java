/** What an embedder says to a translator's caches and hears of them: geometry, counters, drops. */
@NullMarked
package dev.nestwalk.cache;

import org.jspecify.annotations.NullMarked;
