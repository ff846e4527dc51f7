package dev.nestwalk.walk;

import org.jspecify.annotations.Nullable;

/**
 * A shape and its stages.
 *
 * @param top the stage that translates input addresses, or null if none is on
 * @param below the second stage below a first, or null
 */
record Parts(Shape shape, @Nullable StageWalk top, @Nullable StageWalk below) {}
