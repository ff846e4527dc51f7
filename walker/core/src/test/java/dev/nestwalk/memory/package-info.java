/** Tests of guest memory and of the files it comes from. */
@NullMarked
package dev.nestwalk.memory;

import org.jspecify.annotations.NullMarked;
