package dev.nestwalk;

import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.smmu.EventType;
import dev.nestwalk.smmu.SmmuConfig;
import dev.nestwalk.smmu.SmmuWalker;
import dev.nestwalk.vtd.FaultReason;
import dev.nestwalk.vtd.VtdConfig;
import dev.nestwalk.vtd.VtdWalker;
import dev.nestwalk.walk.TableWalker;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What an {@link Iommu} has of its format: registers in force, walkers, words for refusals.
 *
 * <p>Threads: any.
 */
abstract sealed class UnitFormat {
  private final String name;
  private final Set<String> capabilities;

  private UnitFormat(String name, Set<String> capabilities) {
    this.name = name;
    this.capabilities = capabilities;
  }

  /** The format's name for readers. */
  final String name() {
    return name;
  }

  /** Names of the registers that do not change as long as the unit exists. */
  final Set<String> capabilities() {
    return capabilities;
  }

  /** Puts registers in force, from a translator's next look at them on. */
  abstract void configure(Map<String, Long> registers);

  /** A unit of this format and with these parameters, with other registers. */
  abstract UnitFormat of(Map<String, Long> registers);

  /** A translator's walker, which follows the registers in force. */
  abstract TableWalker<?> walker(GuestMemory memory, FaultRecord lastFault, WalkCounters counters);

  /** The reference walker under the given registers. */
  abstract Reference reference(GuestMemory memory, Map<String, Long> registers);

  /** The meaning of an architectural code, or null if no translation is refused with it. */
  abstract @Nullable String reason(int code);

  /** An Intel VT-d remapping unit. */
  static final class Vtd extends UnitFormat {
    private final int hostAddressWidth;
    private final int protectedLog2;
    private volatile VtdConfig config;

    Vtd(Map<String, Long> registers, int hostAddressWidth, int protectedLog2) {
      super("VT-d", Set.of("CAP", "ECAP"));
      this.hostAddressWidth = hostAddressWidth;
      this.protectedLog2 = protectedLog2;
      config = VtdConfig.of(registers, hostAddressWidth, protectedLog2);
    }

    /** The registers in force. */
    VtdConfig config() {
      return config;
    }

    @Override
    void configure(Map<String, Long> registers) {
      config = VtdConfig.of(registers, hostAddressWidth, protectedLog2);
    }

    @Override
    UnitFormat of(Map<String, Long> registers) {
      return new Vtd(registers, hostAddressWidth, protectedLog2);
    }

    @Override
    TableWalker<?> walker(GuestMemory memory, FaultRecord lastFault, WalkCounters counters) {
      return new TableWalker<>(() -> new VtdWalker(config, memory, lastFault, counters));
    }

    @Override
    Reference reference(GuestMemory memory, Map<String, Long> registers) {
      return References.vtd(memory, registers, hostAddressWidth, protectedLog2);
    }

    @Override
    @Nullable String reason(int code) {
      FaultReason reason = FaultReason.of(code);
      return reason == null ? null : reason.mnemonic() + ": " + reason.condition();
    }
  }

  /** An Arm SMMUv3, Non-secure programming interface. */
  static final class Smmu extends UnitFormat {
    private volatile SmmuConfig config;

    Smmu(Map<String, Long> registers) {
      super("SMMUv3", Set.of("IDR0", "IDR1", "IDR3", "IDR5"));
      config = SmmuConfig.of(registers);
    }

    /** The registers in force. */
    SmmuConfig config() {
      return config;
    }

    @Override
    void configure(Map<String, Long> registers) {
      config = SmmuConfig.of(registers);
    }

    @Override
    UnitFormat of(Map<String, Long> registers) {
      return new Smmu(registers);
    }

    @Override
    TableWalker<?> walker(GuestMemory memory, FaultRecord lastFault, WalkCounters counters) {
      return new TableWalker<>(() -> new SmmuWalker(config, memory, lastFault, counters));
    }

    @Override
    Reference reference(GuestMemory memory, Map<String, Long> registers) {
      return References.smmuv3(memory, registers);
    }

    @Override
    @Nullable String reason(int code) {
      EventType event = EventType.of(code);
      return event == null ? null : event.name() + ": " + event.condition();
    }
  }
}
