/**
 * SMMUv3: the structures of the specification, configuration checked into plans, the hot walker,
 * events. Non-secure programming interface, VMSAv8-64 tables.
 */
@NullMarked
package dev.nestwalk.smmu;

import org.jspecify.annotations.NullMarked;
