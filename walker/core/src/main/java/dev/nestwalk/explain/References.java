package dev.nestwalk.explain;

import dev.nestwalk.memory.GuestMemory;
import java.util.Map;

/** Makes reference walkers. */
public final class References {
  /**
   * The reference walker of a VT-d unit.
   *
   * @param memory guest memory; flags are updated in it unless it is read-only
   * @param registers by architectural name: CAP, ECAP, GSTS, RTADDR; optional PMEN, PLMBASE,
   *     PLMLIMIT, PHMBASE, PHMLIMIT
   * @param hostAddressWidth 32 to 52 bits, or -1 for CAP.MGAW + 1
   * @throws IllegalArgumentException for a missing register or capabilities that exclude each other
   */
  public static Reference vtd(
      GuestMemory memory, Map<String, Long> registers, int hostAddressWidth) {
    return new VtdReference(memory, registers, hostAddressWidth);
  }

  /**
   * The reference walker of an SMMUv3.
   *
   * @param memory guest memory; flags are updated in it unless it is read-only
   * @param registers by architectural name: IDR0, IDR1, IDR5, CR0; optional IDR3, CR2, GBPA,
   *     STRTAB_BASE, STRTAB_BASE_CFG
   * @throws IllegalArgumentException for a missing register or capabilities that exclude each other
   */
  public static Reference smmuv3(GuestMemory memory, Map<String, Long> registers) {
    return new SmmuReference(memory, registers);
  }

  private References() {}
}
