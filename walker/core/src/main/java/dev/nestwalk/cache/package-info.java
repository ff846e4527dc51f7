/** IOTLB and structure caches: bits in, bits out; knows no format. */
@NullMarked
package dev.nestwalk.cache;

import org.jspecify.annotations.NullMarked;
