/**
 * SMMUv3: the structures of the specification, the resolution of configuration into checked plans,
 * the walker, and events. Covers the Non-secure programming interface and VMSAv8-64 tables.
 */
@NullMarked
package dev.nestwalk.smmu;

import org.jspecify.annotations.NullMarked;
