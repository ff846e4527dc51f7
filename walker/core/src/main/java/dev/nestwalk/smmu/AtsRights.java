package dev.nestwalk.smmu;

import dev.nestwalk.dma.Access;

/** The rights that a translation completion grants (IHI 0070, 13.7.1). */
final class AtsRights {
  private static final int DATA = 2;
  private static final int INSTRUCTION = 3;

  /**
   * Rights of the completion.
   *
   * @param granted {@link Access#READ}, {@link Access#WRITE}, {@link Access#EXECUTE} that every
   *     enabled stage grants at the request's effective privilege
   * @param instruction effective INSTCFG
   * @param asked {@link Access} bits of the request
   */
  static int of(int granted, int instruction, int asked) {
    boolean reads = (granted & Access.READ) != 0;
    boolean fetches = (granted & Access.EXECUTE) != 0;
    // If every read is an instruction fetch, executable pages are readable and vice versa.
    boolean readable = instruction == INSTRUCTION ? fetches : reads;
    boolean executable = readable && (fetches || instruction == DATA);
    int rights = granted & Access.WRITE | (readable ? Access.READ : 0);
    return executable ? rights | asked & Access.EXECUTE : rights;
  }

  private AtsRights() {}
}
