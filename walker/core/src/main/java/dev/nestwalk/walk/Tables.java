package dev.nestwalk.walk;

/**
 * A resolved configuration in the form of the fast walk: the stages, and where their first tables
 * are. Immutable.
 *
 * @param first first stage, or {@link Stage#NONE}
 * @param firstRoot address of its first table; intermediate if there is a second stage
 * @param upper first stage of the upper range of input addresses, or {@link Stage#NONE}
 * @param upperRoot address of its first table
 * @param second second stage, or {@link Stage#NONE}
 * @param secondRoot address of its first table
 * @param hole index of a block of 1 MiB whose addresses are left to the full walker, or -1
 * @param holeInInput whether the hole applies to input addresses too
 */
public record Tables(
    Stage first,
    long firstRoot,
    Stage upper,
    long upperRoot,
    Stage second,
    long secondRoot,
    long hole,
    boolean holeInInput) {

  /** Tables of a configuration that the fast walk does not answer. */
  public static final Tables NONE =
      new Tables(Stage.NONE, 0, Stage.NONE, 0, Stage.NONE, 0, -1, false);

  /** Tables of a configuration with a single range of input addresses. */
  public static Tables of(
      Stage first, long firstRoot, Stage second, long secondRoot, long hole, boolean holeInInput) {
    return new Tables(first, firstRoot, Stage.NONE, 0, second, secondRoot, hole, holeInInput);
  }
}
