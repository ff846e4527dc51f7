/**
 * What a recording of JDK Flight Recorder shows of a unit: refused translations, invalidations,
 * waits for translators and changes of registers. The events are off unless a recording asks for
 * them; where the runtime has no module {@code jdk.jfr} there are none.
 */
@NullMarked
package dev.nestwalk.flight;

import org.jspecify.annotations.NullMarked;
