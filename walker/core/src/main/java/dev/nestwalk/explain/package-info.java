/**
 * The reference walkers: the specification's steps one by one, each read recorded, written without
 * any thought of speed.
 */
@NullMarked
package dev.nestwalk.explain;

import org.jspecify.annotations.NullMarked;
