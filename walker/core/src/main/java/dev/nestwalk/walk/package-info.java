/**
 * The fast walk: one template for every format, defined again as a class for each shape in use. A
 * format describes its tables in a page of masks ({@link dev.nestwalk.walk.Stage}). Anything but
 * the plain case gets no answer here and is left to the full walker of the format.
 */
@NullMarked
package dev.nestwalk.walk;

import org.jspecify.annotations.NullMarked;
