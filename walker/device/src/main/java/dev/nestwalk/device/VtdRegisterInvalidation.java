package dev.nestwalk.device;

import dev.nestwalk.VtdInvalidations;
import dev.nestwalk.format.Field;
import dev.nestwalk.vtd.Cap;
import dev.nestwalk.vtd.GlobalStatus;
import dev.nestwalk.vtd.RegisterInvalidation;
import dev.nestwalk.vtd.RootTableAddress;

/**
 * Invalidation by registers (VT-d 6.5.1): CCMD for context entries, IVA and IOTLB for translations.
 * Legal only while the queue is off; then the unit does exactly what was asked for.
 *
 * <p>Threads: as {@link VtdQueue}.
 */
final class VtdRegisterInvalidation {
  private static final int NOTHING = 0;
  private static final int GLOBAL = 1;
  private static final int DOMAIN = 2;
  private static final int SELECTIVE = 3;

  private final VtdUnit unit;
  private final VtdRegisters layout;
  private final RegisterBlock registers;

  VtdRegisterInvalidation(VtdUnit unit, VtdRegisters layout, RegisterBlock registers) {
    this.unit = unit;
    this.layout = layout;
    this.registers = registers;
  }

  /** The upper half of CCMD was written. */
  void context() {
    long command = registers.get64(VtdRegisters.CCMD);
    if (!RegisterInvalidation.ICC.in(command)) {
      return;
    }
    int done = NOTHING;
    boolean legacy = RootTableAddress.TTM.get(unit.rootInForce()) == RootTableAddress.TTM_LEGACY;
    if (!legacy) {
      unit.guestErrors().count("context invalidation outside legacy mode", "CCMD");
    } else if (mayRun("CCMD")) {
      done = context(command);
    }
    finish(VtdRegisters.CCMD, RegisterInvalidation.ICC, RegisterInvalidation.CAIG, done);
  }

  private int context(long command) {
    VtdInvalidations caches = unit.iommu().vtdInvalidations();
    int domain = (int) RegisterInvalidation.DID.get(command);
    int granularity = (int) RegisterInvalidation.CIRG.get(command);
    switch (granularity) {
      case GLOBAL -> caches.contextGlobal();
      case DOMAIN -> caches.contextDomain(domain);
      case SELECTIVE ->
          caches.contextDevice(
              (int) RegisterInvalidation.SID.get(command),
              (int) RegisterInvalidation.FM.get(command));
      default -> unit.guestErrors().count("reserved granularity", "CCMD");
    }
    return granularity;
  }

  /** The upper half of IOTLB was written. */
  void translations() {
    int offset = layout.iva + 8;
    long command = registers.get64(offset);
    if (!RegisterInvalidation.IVT.in(command)) {
      return;
    }
    int done = mayRun("IOTLB") ? translations(command) : NOTHING;
    finish(offset, RegisterInvalidation.IVT, RegisterInvalidation.IAIG, done);
  }

  private int translations(long command) {
    VtdInvalidations caches = unit.iommu().vtdInvalidations();
    int domain = (int) RegisterInvalidation.IOTLB_DID.get(command);
    int granularity = (int) RegisterInvalidation.IIRG.get(command);
    switch (granularity) {
      case GLOBAL -> caches.iotlbGlobal();
      case DOMAIN -> caches.iotlbDomain(domain);
      case SELECTIVE -> {
        return pages(caches, domain);
      }
      default -> unit.guestErrors().count("reserved granularity", "IOTLB");
    }
    return granularity;
  }

  /** Pages of a domain; the whole domain where the unit cannot tell pages apart. */
  private int pages(VtdInvalidations caches, int domain) {
    long address = registers.get64(layout.iva);
    int mask = (int) RegisterInvalidation.AM.get(address);
    if (!Cap.PSI.in(layout.cap)) {
      caches.iotlbDomain(domain);
      return DOMAIN;
    }
    if (mask > Cap.MAMV.get(layout.cap)) {
      unit.guestErrors().count("address mask beyond CAP.MAMV", "IVA");
      return NOTHING;
    }
    caches.iotlbPages(domain, address, mask, RegisterInvalidation.IH.in(address));
    return SELECTIVE;
  }

  private boolean mayRun(String name) {
    boolean queued = registers.has(VtdRegisters.GSTS, GlobalStatus.QIES.mask());
    if (queued) {
      unit.guestErrors().count("invalidation by register while GSTS.QIES=1", name);
    }
    return !queued;
  }

  /** Clears the go bit once no device uses what was dropped, and says what was done. */
  private void finish(int offset, Field go, Field actual, int done) {
    if (done != NOTHING) {
      unit.settle();
    }
    long rest = registers.get64(offset) & ~go.mask() & ~actual.mask();
    registers.set64(offset, rest | (long) done << actual.lo());
  }
}
