/** The API of an embedder: {@code Iommu}, {@code Translator}, {@code Endpoint}. */
@NullMarked
package dev.nestwalk;

import org.jspecify.annotations.NullMarked;
