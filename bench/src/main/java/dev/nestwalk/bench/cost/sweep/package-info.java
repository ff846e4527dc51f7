/**
 * Many cells: the cross product of any axes, dealt out to shards, run with what is finished kept in
 * a folder, and merged again.
 *
 * <p>Threads: a folder's file is written by one process at a time, which a lock on it holds.
 */
@NullMarked
package dev.nestwalk.bench.cost.sweep;

import org.jspecify.annotations.NullMarked;
