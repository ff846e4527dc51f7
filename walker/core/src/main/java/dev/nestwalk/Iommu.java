package dev.nestwalk;

import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.SmmuConfig;
import dev.nestwalk.smmu.SmmuWalker;
import dev.nestwalk.vtd.VtdConfig;
import dev.nestwalk.vtd.VtdWalker;
import java.util.Map;
import java.util.function.Supplier;

/**
 * An IOMMU: registers and the guest memory that holds its tables.
 *
 * <p>Threads: immutable; give each thread a {@link Translator} of its own.
 */
public final class Iommu {
  private final Supplier<Translator> translators;

  private Iommu(Supplier<Translator> translators) {
    this.translators = translators;
  }

  /**
   * An Intel VT-d remapping unit.
   *
   * @param memory guest memory; the tables' flags are updated in it unless it is read-only
   * @param registers by architectural name: CAP, ECAP, GSTS, RTADDR; optional PMEN, PLMBASE,
   *     PLMLIMIT, PHMBASE, PHMLIMIT
   * @param hostAddressWidth 32 to 52 bits, or -1 for CAP.MGAW + 1
   * @throws IllegalArgumentException for a missing register or capabilities that exclude each other
   */
  public static Iommu vtd(GuestMemory memory, Map<String, Long> registers, int hostAddressWidth) {
    VtdConfig config = VtdConfig.of(registers, hostAddressWidth);
    return new Iommu(() -> new VtdTranslator(new VtdWalker(config, memory)));
  }

  /**
   * An Arm SMMUv3, Non-secure programming interface.
   *
   * @param memory guest memory; the tables' flags are updated in it unless it is read-only
   * @param registers by architectural name: IDR0, IDR1, IDR5, CR0; optional IDR3, CR2, GBPA,
   *     STRTAB_BASE, STRTAB_BASE_CFG
   * @throws IllegalArgumentException for a missing register or capabilities that exclude each other
   */
  public static Iommu smmuv3(GuestMemory memory, Map<String, Long> registers) {
    SmmuConfig config = SmmuConfig.of(registers);
    return new Iommu(() -> new SmmuTranslator(new SmmuWalker(config, memory)));
  }

  /** A translator for the calling thread. */
  public Translator newTranslator() {
    return translators.get();
  }
}
