package dev.nestwalk.explain;

import dev.nestwalk.dma.Outcome;

/**
 * A translation request in progress, and the rights that its completion grants (IHI 0070, 13.7).
 *
 * @param write its No-Write bit is clear
 * @param execute Execute_Requested of its PASID
 * @param privileged effective privilege, after PRIVCFG
 * @param instruction effective INSTCFG
 * @param split whether the completion holds the intermediate address
 */
record SmmuAts(
    boolean write, boolean execute, boolean privileged, long instruction, boolean split) {
  /** The read, write and execute rights of the completion, from those that all stages grant. */
  boolean[] completion(boolean[] granted) {
    boolean read = granted[0];
    boolean fetch = granted[2];
    return switch ((int) instruction) {
      case 3 -> new boolean[] {fetch, granted[1], execute && fetch};
      case 2 -> new boolean[] {read, granted[1], execute && read};
      default -> new boolean[] {read, granted[1], execute && read && fetch};
    };
  }

  /** Records the completion's rights; refuses the request if there are none. */
  boolean[] complete(Recorder recorder, boolean[] granted) {
    boolean[] rights = completion(granted);
    boolean some = rights[0] || rights[1] || rights[2];
    recorder.decided(
        "translation completion",
        "",
        0,
        some ? Recorder.rights(rights[0], rights[1], rights[2]) : "no rights",
        "SMMUv3 13.7.1");
    if (!some) {
      throw SmmuRefusal.config(Outcome.NO_RIGHTS.code(), 0);
    }
    return rights;
  }

  /** The rights that are in both sets. */
  static boolean[] both(boolean[] first, boolean[] second) {
    return new boolean[] {
      first[0] && second[0], first[1] && second[1], first[2] && second[2],
    };
  }

  /** The rights that walks have to check: none, at the effective privilege. */
  SmmuStage2Steps.Want nothing() {
    return new SmmuStage2Steps.Want(false, false, false, privileged);
  }

  /** Translates a request that skips stage 1 through stage 2 alone. */
  VtdAnswer throughStage2(SmmuStage2Steps stage2, Recorder recorder, long address) {
    SmmuStage2Steps.Leaf leaf = stage2.walk("", address, nothing(), 2);
    boolean[] rights = complete(recorder, stage2.granted(leaf, this));
    stage2.settle(leaf, write && rights[1], 2);
    return new VtdAnswer(
        split ? address : leaf.output(), leaf.spanLog2(), rights[0], rights[1], rights[2]);
  }
}
