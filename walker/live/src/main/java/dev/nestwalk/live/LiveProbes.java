package dev.nestwalk.live;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What is recorded or watched while a machine runs.
 *
 * @param record file for the register trace, in the form that {@code replay-registers} reads
 * @param trace file for the addresses of DMA, one line each
 * @param watches whether each DMA is compared with a walk without caches, so that a missing
 *     invalidation is reported
 */
public record LiveProbes(@Nullable Path record, @Nullable Path trace, boolean watches) {
  /** Nothing. */
  public static final LiveProbes NONE = new LiveProbes(null, null, false);
}
