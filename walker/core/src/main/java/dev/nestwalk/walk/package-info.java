/**
 * The fast walk: one template for every format, defined as a class of its own for each shape in
 * use. A format says what its tables look like in a page of masks ({@link
 * dev.nestwalk.walk.Stage}); what is not the plain case gets no answer here, and the full walker of
 * the format tells what it is.
 */
@NullMarked
package dev.nestwalk.walk;

import org.jspecify.annotations.NullMarked;
