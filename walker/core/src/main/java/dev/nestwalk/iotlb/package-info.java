/** IOTLB, page-walk caches and their invalidations: bits in, bits out; knows no format. */
@NullMarked
package dev.nestwalk.iotlb;

import org.jspecify.annotations.NullMarked;
