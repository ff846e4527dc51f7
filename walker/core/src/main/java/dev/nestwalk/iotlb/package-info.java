/** IOTLB, page-walk caches and their invalidations; nothing here depends on a format. */
@NullMarked
package dev.nestwalk.iotlb;

import org.jspecify.annotations.NullMarked;
