/** What an embedder touches: {@code Iommu}, {@code Translator}, {@code Endpoint}. */
@NullMarked
package dev.nestwalk;

import org.jspecify.annotations.NullMarked;
