package dev.nestwalk.explain;

import dev.nestwalk.dma.FaultRecord;
import java.util.List;

/**
 * A complete walk.
 *
 * @param translation the packed answer
 * @param input the input address without the bits that the configuration ignores (SMMUv3: under TBI
 *     the top byte is replaced by copies of bit 55)
 * @param fault the refusal; empty if the answer is ok
 * @param steps what was read and decided, in order
 */
public record Trace(long translation, long input, FaultRecord fault, List<Step> steps) {
  /** Copies the steps. */
  public Trace {
    steps = List.copyOf(steps);
  }
}
