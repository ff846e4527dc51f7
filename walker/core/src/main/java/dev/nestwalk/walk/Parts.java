package dev.nestwalk.walk;

import org.jspecify.annotations.Nullable;

/**
 * A shape with its stages at work.
 *
 * @param top the stage that has input addresses, null if none is on
 * @param below the second stage below a first, or null
 */
record Parts(Shape shape, @Nullable StageWalk top, @Nullable StageWalk below) {}
