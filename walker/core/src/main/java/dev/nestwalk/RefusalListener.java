package dev.nestwalk;

import dev.nestwalk.dma.FaultRecord;

/**
 * Hears of the refusals of a batch, one after the other, while the batch goes on. Answers that the
 * batch gave before stay in use meanwhile. To translate the address again instead would end their
 * use.
 *
 * <p>Threads: called on the translator's thread, from within the call that translates. It must not
 * use the translator.
 */
@FunctionalInterface
public interface RefusalListener {
  /**
   * An address was refused.
   *
   * @param index its place in the arrays
   * @param fault what is to be recorded; filled again by the next refusal
   */
  void refused(int index, FaultRecord fault);
}
