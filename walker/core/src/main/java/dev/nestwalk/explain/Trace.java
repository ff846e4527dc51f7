package dev.nestwalk.explain;

import dev.nestwalk.dma.FaultRecord;
import java.util.List;

/**
 * A walk as it was done.
 *
 * @param translation the packed answer
 * @param fault the refusal, empty if the answer is ok
 * @param steps what was read and decided, in order
 */
public record Trace(long translation, FaultRecord fault, List<Step> steps) {
  /** Copies the steps. */
  public Trace {
    steps = List.copyOf(steps);
  }
}
