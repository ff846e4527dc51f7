/**
 * VT-d: the structures of the specification, the resolution of configuration into checked plans,
 * the walker, and fault reasons and records.
 */
@NullMarked
package dev.nestwalk.vtd;

import org.jspecify.annotations.NullMarked;
