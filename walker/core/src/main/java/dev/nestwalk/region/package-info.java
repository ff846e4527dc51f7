/**
 * Reserved regions: what a device may not use as an I/O virtual address, how the regions of several
 * devices come together, and what is left. Knows no walker and no table format.
 *
 * <p>Threads: everything here is immutable.
 */
@NullMarked
package dev.nestwalk.region;

import org.jspecify.annotations.NullMarked;
