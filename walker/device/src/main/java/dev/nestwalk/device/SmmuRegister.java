package dev.nestwalk.device;

import dev.nestwalk.format.Structure;
import dev.nestwalk.smmu.Cr0;
import dev.nestwalk.smmu.Cr1;
import dev.nestwalk.smmu.Cr2;
import dev.nestwalk.smmu.Gbpa;
import dev.nestwalk.smmu.GlobalError;
import dev.nestwalk.smmu.InterruptConfig;
import dev.nestwalk.smmu.IrqControl;
import dev.nestwalk.smmu.QueueBase;
import dev.nestwalk.smmu.QueueIndex;
import dev.nestwalk.smmu.StreamTableBase;
import dev.nestwalk.smmu.StreamTableConfig;
import org.jspecify.annotations.Nullable;

/** The registers of the Non-secure interface of an SMMUv3, in two pages (IHI 0070, 6.2, 6.3). */
enum SmmuRegister {
  IDR0(0x000),
  IDR1(0x004),
  IDR2(0x008),
  IDR3(0x00c),
  IDR4(0x010),
  IDR5(0x014),
  IIDR(0x018),
  AIDR(0x01c),
  CR0(0x020, Cr0.STRUCTURE, Guard.NONE),
  CR0ACK(0x024),
  /** Guarded field by field. */
  CR1(0x028, Cr1.STRUCTURE, Guard.NONE),
  CR2(0x02c, Cr2.STRUCTURE, Guard.SMMUEN),
  STATUSR(0x040),
  GBPA(0x044, Gbpa.STRUCTURE, Guard.NONE),
  IRQ_CTRL(0x050, IrqControl.STRUCTURE, Guard.NONE),
  IRQ_CTRLACK(0x054),
  GERROR(0x060),
  GERRORN(0x064, GlobalError.STRUCTURE, Guard.NONE),
  GERROR_IRQ_CFG0(0x068, 8, InterruptConfig.CFG0, Guard.GERROR_IRQEN),
  GERROR_IRQ_CFG1(0x070, InterruptConfig.CFG1, Guard.GERROR_IRQEN),
  GERROR_IRQ_CFG2(0x074, InterruptConfig.CFG2, Guard.GERROR_IRQEN),
  STRTAB_BASE(0x080, 8, StreamTableBase.STRUCTURE, Guard.SMMUEN),
  STRTAB_BASE_CFG(0x088, StreamTableConfig.STRUCTURE, Guard.SMMUEN),
  CMDQ_BASE(0x090, 8, QueueBase.STRUCTURE, Guard.CMDQEN),
  CMDQ_PROD(0x098, QueueIndex.COMMAND_PROD, Guard.NONE),
  /** ERR is the SMMU's. */
  CMDQ_CONS(0x09c, QueueIndex.COMMAND_PROD, Guard.CMDQEN),
  EVENTQ_BASE(0x0a0, 8, QueueBase.STRUCTURE, Guard.EVENTQEN),
  EVENTQ_IRQ_CFG0(0x0b0, 8, InterruptConfig.CFG0, Guard.EVENTQ_IRQEN),
  EVENTQ_IRQ_CFG1(0x0b8, InterruptConfig.CFG1, Guard.EVENTQ_IRQEN),
  EVENTQ_IRQ_CFG2(0x0bc, InterruptConfig.CFG2, Guard.EVENTQ_IRQEN),
  PRIQ_BASE(0x0c0, 8, QueueBase.STRUCTURE, Guard.PRIQEN),
  PRIQ_IRQ_CFG0(0x0d0, 8, InterruptConfig.CFG0, Guard.PRIQ_IRQEN),
  PRIQ_IRQ_CFG1(0x0d8, InterruptConfig.CFG1, Guard.PRIQ_IRQEN),
  PRIQ_IRQ_CFG2(0x0dc, InterruptConfig.PRIQ_CFG2, Guard.PRIQ_IRQEN),
  EVENTQ_PROD(0x100a8, QueueIndex.EVENT_PROD, Guard.EVENTQEN),
  EVENTQ_CONS(0x100ac, QueueIndex.EVENT_PROD, Guard.NONE),
  PRIQ_PROD(0x100c8, QueueIndex.EVENT_PROD, Guard.PRIQEN),
  PRIQ_CONS(0x100cc, QueueIndex.EVENT_PROD, Guard.NONE);

  /** What has to be off, and acknowledged to be off, for a write to take effect (6.2). */
  enum Guard {
    NONE(""),
    SMMUEN("SMMUEN"),
    CMDQEN("CMDQEN"),
    EVENTQEN("EVENTQEN"),
    PRIQEN("PRIQEN"),
    GERROR_IRQEN("GERROR_IRQEN"),
    EVENTQ_IRQEN("EVENTQ_IRQEN"),
    PRIQ_IRQEN("PRIQ_IRQEN");

    /** For the guestErrors. */
    final String mistake;

    Guard(String enable) {
      mistake = "guarded write while " + enable + "=1";
    }
  }

  /** Bytes of each of the two pages that have registers. */
  private static final int DECODED = 0x1000;

  private static final long PAGE1 = 0x1_0000;

  /** Words of both pages; {@link #slot} is below. */
  static final int SLOTS = 2 * DECODED / 4;

  private static final @Nullable SmmuRegister[] BY_WORD = new @Nullable SmmuRegister[SLOTS];

  static {
    for (SmmuRegister register : values()) {
      for (int half = 0; half < register.bytes; half += 4) {
        BY_WORD[word(register.offset + half)] = register;
      }
    }
  }

  /** Bytes from the beginning of page 0. */
  final int offset;

  /** 4 or 8. */
  final int bytes;

  /** Bits that software writes; 0 for a register that is only read. */
  final long writable;

  final Guard guard;

  SmmuRegister(int offset) {
    this.offset = offset;
    bytes = 4;
    writable = 0;
    guard = Guard.NONE;
  }

  SmmuRegister(int offset, Structure structure, Guard guard) {
    this(offset, 4, structure, guard);
  }

  SmmuRegister(int offset, int bytes, Structure structure, Guard guard) {
    this.offset = offset;
    this.bytes = bytes;
    writable = ~structure.reserved(0);
    this.guard = guard;
  }

  /** Whether only the SMMU changes it. */
  boolean isReadOnly() {
    return writable == 0;
  }

  /** A number of its own. */
  int slot() {
    return word(offset);
  }

  /** The register that the 4 bytes at {@code offset} belong to, or null. */
  static @Nullable SmmuRegister at(long offset) {
    long inPage = offset & ~PAGE1;
    return Long.compareUnsigned(inPage, DECODED) < 0 ? BY_WORD[word((int) offset)] : null;
  }

  private static int word(int offset) {
    return (offset & DECODED - 1 | (offset & (int) PAGE1) * DECODED / (int) PAGE1) >>> 2;
  }
}
