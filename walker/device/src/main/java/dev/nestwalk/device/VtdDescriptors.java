package dev.nestwalk.device;

import dev.nestwalk.VtdInvalidations;
import dev.nestwalk.format.Structure;
import dev.nestwalk.vtd.Ecap;
import dev.nestwalk.vtd.FaultStatus;
import dev.nestwalk.vtd.InvalidationDescriptor;
import dev.nestwalk.vtd.QueueRegisters;
import dev.nestwalk.vtd.RootTableAddress;

/**
 * What the descriptors of a VT-d unit's invalidation queue do (VT-d 6.5.2). Those that concern
 * translations go to the library; waits, device-TLB invalidations and page group responses are
 * carried out here.
 *
 * <p>Threads: as {@link VtdQueue}.
 */
final class VtdDescriptors {
  private static final int PAGE_SHIFT = 12;

  /** A wait asks for at least one of these. */
  private static final long ASKS =
      InvalidationDescriptor.IF.mask()
          | InvalidationDescriptor.SW.mask()
          | InvalidationDescriptor.FN.mask()
          | InvalidationDescriptor.PD.mask();

  /** The descriptor at hand. */
  final long[] words = new long[4];

  private final VtdUnit unit;
  private final VtdRegisters layout;
  private final RegisterBlock registers;
  private final VtdFaultLog faults;
  private final VtdEvent completion;
  private final VtdPageRequests pages;

  /** Something was invalidated that device threads may still use. */
  private boolean unsettled;

  private boolean timedOut;

  VtdDescriptors(
      VtdUnit unit,
      VtdRegisters layout,
      RegisterBlock registers,
      VtdFaultLog faults,
      VtdEvent completion,
      VtdPageRequests pages) {
    this.unit = unit;
    this.layout = layout;
    this.registers = registers;
    this.faults = faults;
    this.completion = completion;
    this.pages = pages;
  }

  /** Whether the last descriptor was for a device-TLB that did not answer. */
  boolean hasTimedOut() {
    return timedOut;
  }

  /**
   * Carries the descriptor at hand out.
   *
   * @param wide whether it has 256 bits
   * @param aborted whether it is a wait that must not complete
   * @return {@link VtdInvalidations#DONE} or what IQERCD.IQEI says of it
   */
  int carryOut(boolean wide, boolean aborted) {
    timedOut = false;
    return switch (InvalidationDescriptor.type(words[0])) {
      case InvalidationDescriptor.WAIT -> await(aborted);
      case InvalidationDescriptor.DEVICE_TLB -> deviceTlb();
      case InvalidationDescriptor.PASID_DEVICE_TLB -> pasidDeviceTlb(wide);
      case InvalidationDescriptor.PAGE_GROUP_RESPONSE -> pageGroupResponse();
      case InvalidationDescriptor.INTERRUPT_ENTRY -> interruptEntries();
      default -> invalidate(wide);
    };
  }

  /**
   * Whether a bit is set that must not be.
   *
   * @param absent bits of the first word that the unit's capabilities leave out
   */
  private boolean isReserved(Structure structure, long absent) {
    return (words[0] & (structure.reserved(0) | absent)) != 0
        || (words[1] & structure.reserved(1)) != 0;
  }

  private boolean hasUpperHalf() {
    return (words[2] | words[3]) != 0;
  }

  private long throttling() {
    return Ecap.DIT.in(layout.ecap)
        ? 0
        : InvalidationDescriptor.PFSID_LOW.mask() | InvalidationDescriptor.PFSID_HIGH.mask();
  }

  /** No interrupt entries are kept, so there is nothing to drop. */
  private int interruptEntries() {
    return isReserved(InvalidationDescriptor.INTERRUPT_ENTRY_INVALIDATE, 0) || hasUpperHalf()
        ? VtdInvalidations.RESERVED_FIELD
        : VtdInvalidations.DONE;
  }

  /** An invalidation of the unit's own caches, judged and published by the library. */
  private int invalidate(boolean wide) {
    int type = InvalidationDescriptor.type(words[0]);
    boolean known =
        type == InvalidationDescriptor.CONTEXT
            || type == InvalidationDescriptor.IOTLB
            || type == InvalidationDescriptor.PASID_IOTLB
            || type == InvalidationDescriptor.PASID_CACHE;
    if (known && !isModeSupported()) {
      return VtdInvalidations.INVALID_MODE;
    }
    VtdInvalidations caches = unit.iommu().vtdInvalidations();
    int error =
        wide
            ? caches.submit(words[0], words[1], words[2], words[3])
            : caches.submit(words[0], words[1]);
    unsettled |= error == VtdInvalidations.DONE;
    return error;
  }

  private boolean isModeSupported() {
    return switch ((int) RootTableAddress.TTM.get(unit.rootInForce())) {
      case RootTableAddress.TTM_LEGACY -> true;
      case RootTableAddress.TTM_SCALABLE -> Ecap.SMTS.in(layout.ecap);
      case RootTableAddress.TTM_ABORT -> Ecap.ADMS.in(layout.ecap);
      default -> false;
    };
  }

  /** Waits for device threads if something was invalidated that they may still use. */
  private void settle() {
    if (unsettled) {
      unsettled = false;
      unit.settle();
    }
  }

  /** A wait: everything before it is done, which status and interrupt tell (6.5.2.8). */
  private int await(boolean aborted) {
    long low = words[0];
    long high = words[1];
    long draining = Ecap.PDS.in(layout.ecap) ? 0 : InvalidationDescriptor.PD.mask();
    if (isReserved(InvalidationDescriptor.WAIT_INVALIDATE, draining)
        || hasUpperHalf()
        || (low & ASKS) == 0) {
      return VtdInvalidations.RESERVED_FIELD;
    }
    if (aborted) {
      return VtdInvalidations.DONE;
    }
    // Page requests enter their queue, and responses leave, before anything else is carried out:
    // PD has nothing left to wait for.
    settle();
    if (InvalidationDescriptor.SW.in(low)
        && !unit.writeStatus(
            high & InvalidationDescriptor.STATUS_ADDRESS.mask(),
            (int) InvalidationDescriptor.STATUS.get(low))) {
      return VtdQueue.MEMORY;
    }
    if (InvalidationDescriptor.IF.in(low)
        && !registers.has(VtdRegisters.ICS, QueueRegisters.IWC.mask())) {
      registers.raise(VtdRegisters.ICS, QueueRegisters.IWC.mask());
      completion.raise();
    }
    return VtdInvalidations.DONE;
  }

  private int pageGroupResponse() {
    if (!Ecap.PRS.in(layout.ecap)) {
      return VtdInvalidations.INVALID_TYPE;
    }
    // The upper half is private data of the device.
    if (isReserved(InvalidationDescriptor.PAGE_RESPONSE, 0)) {
      return VtdInvalidations.RESERVED_FIELD;
    }
    pages.respond(words[0], words[1]);
    return VtdInvalidations.DONE;
  }

  private int deviceTlb() {
    if (!Ecap.DT.in(layout.ecap)) {
      return VtdInvalidations.INVALID_TYPE;
    }
    if (isReserved(InvalidationDescriptor.DEVICE_TLB_INVALIDATE, throttling()) || hasUpperHalf()) {
      return VtdInvalidations.RESERVED_FIELD;
    }
    deviceTlb(
        (int) InvalidationDescriptor.SID.get(words[0]),
        -1,
        InvalidationDescriptor.S.in(words[1]),
        false);
    return VtdInvalidations.DONE;
  }

  private int pasidDeviceTlb(boolean wide) {
    if (!Ecap.DT.in(layout.ecap)) {
      return VtdInvalidations.INVALID_TYPE;
    }
    if (!wide) {
      return VtdInvalidations.INVALID_WIDTH;
    }
    if (isReserved(InvalidationDescriptor.PASID_DEVICE_TLB_INVALIDATE, throttling())
        || hasUpperHalf()) {
      return VtdInvalidations.RESERVED_FIELD;
    }
    deviceTlb(
        (int) InvalidationDescriptor.SID_LOW.get(words[0]),
        (int) InvalidationDescriptor.PASID.get(words[0]),
        InvalidationDescriptor.S_PASID.in(words[1]),
        InvalidationDescriptor.G_PASID.in(words[1]));
    return VtdInvalidations.DONE;
  }

  /** Tells a device, after the unit's own caches are clean: the device may ask again at once. */
  private void deviceTlb(int sourceId, int pasid, boolean sized, boolean global) {
    settle();
    long address = words[1] & InvalidationDescriptor.ADDR.mask();
    long within = within(address, sized);
    DeviceTlb.Completion[] answer = new DeviceTlb.Completion[1];
    unit.outside(
        () ->
            answer[0] =
                unit.options()
                    .deviceTlb()
                    .invalidate(sourceId, pasid, address & ~within, address | within, global));
    switch (answer[0]) {
      case DONE -> {}
      case TIMED_OUT -> {
        timedOut = true;
        record(QueueRegisters.ITESID.lo(), sourceId, faults.has(FaultStatus.ITE));
        faults.status(FaultStatus.ITE);
      }
      case UNEXPECTED -> {
        record(QueueRegisters.ICESID.lo(), sourceId, faults.has(FaultStatus.ICE));
        faults.status(FaultStatus.ICE);
      }
    }
  }

  /** Notes whose device-TLB failed, unless an earlier one stands there. */
  private void record(int lo, int sourceId, boolean taken) {
    if (!taken) {
      long others = registers.get64(VtdRegisters.IQERCD) & ~(0xffffL << lo);
      registers.set64(VtdRegisters.IQERCD, others | (long) sourceId << lo);
    }
  }

  /**
   * The address bits within the range of a device-TLB invalidation: with S, the lowest zero bit of
   * the address from bit 12 on says how many there are.
   */
  private static long within(long address, boolean sized) {
    int ones = Long.numberOfTrailingZeros(~(address >>> PAGE_SHIFT));
    int bits = sized ? PAGE_SHIFT + ones + 1 : PAGE_SHIFT;
    return bits >= Long.SIZE ? -1 : (1L << bits) - 1;
  }
}
