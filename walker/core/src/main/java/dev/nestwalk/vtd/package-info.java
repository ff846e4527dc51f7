/**
 * VT-d: the structures of the specification, configuration checked into plans, the hot walker,
 * fault reasons and records.
 */
@NullMarked
package dev.nestwalk.vtd;

import org.jspecify.annotations.NullMarked;
