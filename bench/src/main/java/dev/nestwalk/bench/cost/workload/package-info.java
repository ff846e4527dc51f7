/** Models of what devices and drivers do. */
@NullMarked
package dev.nestwalk.bench.cost.workload;

import org.jspecify.annotations.NullMarked;
