package dev.nestwalk.device;

import dev.nestwalk.format.Field;
import dev.nestwalk.smmu.Cr0;
import dev.nestwalk.smmu.Cr1;
import dev.nestwalk.smmu.Cr2;
import dev.nestwalk.smmu.Gbpa;
import dev.nestwalk.smmu.GlobalError;
import dev.nestwalk.smmu.Idr0;
import dev.nestwalk.smmu.InterruptConfig;
import dev.nestwalk.smmu.IrqControl;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The register file of an SMMUv3: values, which bits software may write, and when (IHI 0070, 6.2).
 * What a write sets off is the {@link Written} function's.
 *
 * <p>Threads: under the unit's lock.
 */
final class SmmuRegisters {
  private static final long LOW = 0xffff_ffffL;
  private static final long TABLE_ATTRIBUTES =
      Cr1.TABLE_IC.mask() | Cr1.TABLE_OC.mask() | Cr1.TABLE_SH.mask();
  private static final long QUEUE_ATTRIBUTES =
      Cr1.QUEUE_IC.mask() | Cr1.QUEUE_OC.mask() | Cr1.QUEUE_SH.mask();
  private static final long QUEUES = Cr0.CMDQEN.mask() | Cr0.EVENTQEN.mask() | Cr0.PRIQEN.mask();

  /** What a bypass does without GBPA's overrides: incoming shareability; nothing aborts. */
  private static final long GBPA_AT_RESET = 1L << Gbpa.SHCFG.lo();

  private static final SmmuRegister[] ALL = SmmuRegister.values();

  private final long[] values = new long[SmmuRegister.SLOTS];
  private final long[] writable = new long[SmmuRegister.SLOTS];
  private final Map<SmmuRegister, Long> atReset = new EnumMap<>(SmmuRegister.class);
  private final GuestErrors guestErrors;

  /** Takes what software wrote. */
  interface Written {
    /**
     * A register's new value.
     *
     * @param value bits that are not writable, or guarded, are the old ones
     */
    void write(SmmuRegister register, long value);
  }

  /**
   * Registers as after reset.
   *
   * @param given IDR0 to IDR5, IIDR, AIDR; and GBPA, whose reset value is implementation defined
   */
  SmmuRegisters(Map<String, Long> given, GuestErrors guestErrors) {
    this.guestErrors = guestErrors;
    for (SmmuRegister register : ALL) {
      boolean constant = register.compareTo(SmmuRegister.AIDR) <= 0;
      long value = Objects.requireNonNullElse(given.get(register.name()), 0L);
      if (constant) {
        atReset.put(register, value & LOW);
      }
    }
    long bypass = Objects.requireNonNullElse(given.get("GBPA"), GBPA_AT_RESET);
    atReset.put(SmmuRegister.GBPA, bypass & SmmuRegister.GBPA.writable & ~Gbpa.UPDATE.mask());
    reset();
    for (SmmuRegister register : ALL) {
      writable[register.slot()] = writable(register);
    }
  }

  /** All to their values after reset; what is UNKNOWN then is 0. */
  void reset() {
    for (SmmuRegister register : ALL) {
      values[register.slot()] = atReset.getOrDefault(register, 0L);
    }
  }

  /** Bits of a register that exist with these capabilities. */
  private long writable(SmmuRegister register) {
    boolean messages = has(SmmuRegister.IDR0, Idr0.MSI);
    boolean pages = has(SmmuRegister.IDR0, Idr0.PRI);
    long bits = register.writable;
    return switch (register) {
      case CR0 ->
          bits
              & ~unless(pages, Cr0.PRIQEN)
              & ~unless(has(SmmuRegister.IDR0, Idr0.ATS), Cr0.ATSCHK)
              & ~unless(has(SmmuRegister.IDR0, Idr0.VMW), Cr0.VMW);
      case CR2 ->
          bits
              & ~unless(has(SmmuRegister.IDR0, Idr0.HYP), Cr2.E2H)
              & ~unless(has(SmmuRegister.IDR0, Idr0.ATSRECERR), Cr2.REC_CFG_ATS);
      case IRQ_CTRL -> bits & ~unless(pages, IrqControl.PRIQ_IRQEN);
      case GERRORN ->
          bits
              & ~unless(pages, GlobalError.PRIQ_ABT_ERR)
              & ~unless(messages, GlobalError.MSI_CMDQ_ABT_ERR)
              & ~unless(messages, GlobalError.MSI_EVENTQ_ABT_ERR)
              & ~unless(messages && pages, GlobalError.MSI_PRIQ_ABT_ERR)
              & ~unless(messages, GlobalError.MSI_GERROR_ABT_ERR);
      case GERROR_IRQ_CFG0,
          GERROR_IRQ_CFG1,
          GERROR_IRQ_CFG2,
          EVENTQ_IRQ_CFG0,
          EVENTQ_IRQ_CFG1,
          EVENTQ_IRQ_CFG2 ->
          messages ? bits : 0;
      case PRIQ_IRQ_CFG0, PRIQ_IRQ_CFG1 -> messages && pages ? bits : 0;
      case PRIQ_IRQ_CFG2 -> !pages ? 0 : messages ? bits : InterruptConfig.LO.mask();
      case PRIQ_BASE, PRIQ_PROD, PRIQ_CONS -> pages ? bits : 0;
      default -> bits;
    };
  }

  private static long unless(boolean has, Field field) {
    return has ? 0 : field.mask();
  }

  long get(SmmuRegister register) {
    return values[register.slot()];
  }

  void set(SmmuRegister register, long value) {
    values[register.slot()] = value;
  }

  boolean has(SmmuRegister register, Field field) {
    return field.in(get(register));
  }

  /** Bits of a register that software may write on this unit. */
  long writableBits(SmmuRegister register) {
    return writable[register.slot()];
  }

  /** Reads 4 or 8 aligned bytes. */
  long read(long offset, int size) {
    return size == 4 ? half(offset) : half(offset) | half(offset + 4) << 32;
  }

  private long half(long offset) {
    SmmuRegister register = SmmuRegister.at(offset);
    if (register == null) {
      guestErrors.count("read where no register is", place(offset));
      return 0;
    }
    return get(register) >>> shift(register, offset) & LOW;
  }

  /** Writes 4 or 8 aligned bytes; two 32-bit registers one after the other, the lower first. */
  void write(long offset, int size, long value, Written then) {
    SmmuRegister register = SmmuRegister.at(offset);
    if (size == 8 && (register == null || register.bytes == 4)) {
      write(offset, register, LOW, value & LOW, then);
      long above = offset + 4;
      write(above, SmmuRegister.at(above), LOW, value >>> 32, then);
    } else {
      long mask = size == 8 ? -1 : LOW;
      write(offset, register, mask, value, then);
    }
  }

  private void write(
      long offset, @Nullable SmmuRegister register, long mask, long value, Written then) {
    if (register == null) {
      guestErrors.count("write where no register is", place(offset));
      return;
    }
    if (register.isReadOnly()) {
      guestErrors.count("write to a register that is only read", register.name());
      return;
    }
    int shift = shift(register, offset);
    long written = writable[register.slot()] & mask << shift;
    long guarded = written & guarded(register);
    if (guarded != 0) {
      guestErrors.count(mistake(register, guarded), register.name());
      written &= ~guarded;
    }
    if (written != 0) {
      then.write(register, get(register) & ~written | value << shift & written);
    }
  }

  private static int shift(SmmuRegister register, long offset) {
    return 8 * (int) (offset & register.bytes - 1 & 4);
  }

  private static String place(long offset) {
    return "0x" + Long.toHexString(offset);
  }

  /** Bits that take no writes for now. */
  private long guarded(SmmuRegister register) {
    if (register == SmmuRegister.CR1) {
      return (isOn(Cr0.SMMUEN.mask()) ? TABLE_ATTRIBUTES : 0)
          | (isOn(QUEUES) ? QUEUE_ATTRIBUTES : 0);
    }
    boolean on =
        switch (register.guard) {
          case NONE -> false;
          case SMMUEN -> isOn(Cr0.SMMUEN.mask());
          case CMDQEN -> isOn(Cr0.CMDQEN.mask());
          case EVENTQEN -> isOn(Cr0.EVENTQEN.mask());
          case PRIQEN -> isOn(Cr0.PRIQEN.mask());
          case GERROR_IRQEN -> has(SmmuRegister.IRQ_CTRL, IrqControl.GERROR_IRQEN);
          case EVENTQ_IRQEN -> has(SmmuRegister.IRQ_CTRL, IrqControl.EVENTQ_IRQEN);
          case PRIQ_IRQEN -> has(SmmuRegister.IRQ_CTRL, IrqControl.PRIQ_IRQEN);
        };
    return on ? -1 : 0;
  }

  /** Whether something is enabled, or was until its acknowledgement. */
  private boolean isOn(long bits) {
    return ((get(SmmuRegister.CR0) | get(SmmuRegister.CR0ACK)) & bits) != 0;
  }

  private static String mistake(SmmuRegister register, long guarded) {
    if (register == SmmuRegister.CR1) {
      return (guarded & TABLE_ATTRIBUTES) != 0
          ? SmmuRegister.Guard.SMMUEN.mistake
          : "guarded write while a queue is on";
    }
    return register.guard.mistake;
  }
}
