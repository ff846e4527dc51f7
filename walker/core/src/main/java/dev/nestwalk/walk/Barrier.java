package dev.nestwalk.walk;

/** Addresses that DMA must not touch. */
public interface Barrier {
  /**
   * Whether no address of a block is barred.
   *
   * @param input an input address in the block
   * @param intermediate the address between the stages that it leads to, or -1
   * @param span log2 of the block's size
   */
  boolean isFree(long input, long intermediate, int span);
}
