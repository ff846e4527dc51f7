package dev.nestwalk.walk;

/** Addresses that DMA must not meet. */
public interface Barrier {
  /**
   * Whether nothing is barred in a block.
   *
   * @param input an input address in it
   * @param intermediate the address between the stages that it leads to, or -1
   * @param span log2 of the block's size
   */
  boolean isFree(long input, long intermediate, int span);
}
