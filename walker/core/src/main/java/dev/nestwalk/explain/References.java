package dev.nestwalk.explain;

import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.vtd.VtdConfig;
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
    return vtd(memory, registers, hostAddressWidth, VtdConfig.PROTECTED_MEMORY_LOG2);
  }

  /**
   * The reference walker of a VT-d unit whose protected memory regions have a granule other than 2
   * MiB.
   *
   * @param memory guest memory; flags are updated in it unless it is read-only
   * @param registers by architectural name: CAP, ECAP, GSTS, RTADDR; optional PMEN, PLMBASE,
   *     PLMLIMIT, PHMBASE, PHMLIMIT
   * @param hostAddressWidth 32 to 52 bits, or -1 for CAP.MGAW + 1
   * @param protectedMemoryLog2 log2 of the granule, 12 to 31
   * @throws IllegalArgumentException for a missing register, capabilities that exclude each other
   *     or a granule out of range
   */
  public static Reference vtd(
      GuestMemory memory,
      Map<String, Long> registers,
      int hostAddressWidth,
      int protectedMemoryLog2) {
    return new VtdReference(memory, registers, hostAddressWidth, protectedMemoryLog2);
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
