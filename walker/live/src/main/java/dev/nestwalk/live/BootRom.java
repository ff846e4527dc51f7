package dev.nestwalk.live;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The code that QEMU's {@code virt} machine runs first ({@code -bios}): the firmware's share of the
 * work, in 50 instructions. Linux probes an SMMU before any driver enables a BAR, so the registers
 * have to be placed before Linux starts. On a PC the firmware does this itself.
 *
 * <p>The code places the BAR of device A, enables memory and bus mastering, reads a register of the
 * unit (from then on device A is not visible as a PCI function), fetches kernel and initial RAM
 * disk from QEMU's fw_cfg device (QEMU, docs/specs/fw_cfg) and enters the kernel according to
 * Linux's boot protocol (Documentation/arch/arm64/booting.rst): the tree in x0, MMU off.
 *
 * <p>Encodings: Arm ARM, DDI 0487, C6.2.
 */
final class BootRom {
  private static final long FW_CFG = 0x0902_0000L;
  private static final int SELECTOR = 8;
  private static final int DMA = 16;
  private static final int KERNEL_SIZE = 0x08;
  private static final int KERNEL_DATA = 0x11;
  private static final int INITRD_SIZE = 0x0b;
  private static final int INITRD_DATA = 0x12;
  private static final int SELECT_AND_READ = 0x0a;

  /** Linux images since 5.8 are loaded at offset 0 from a 2 MiB boundary. */
  private static final long KERNEL = VirtTree.RAM + (2L << 20);

  /** Size of the largest kernel: it ends where the initial RAM disk begins. */
  static final long KERNEL_LIMIT = VirtTree.INITRD - KERNEL;

  /** Between the tree and the kernel. */
  private static final long SCRATCH = KERNEL - 0x100;

  private static final int COMMAND = 4;
  private static final int BAR_0 = 0x10;
  private static final int MEMORY_AND_MASTER = 6;

  private final ByteBuffer code = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);

  private BootRom() {}

  /**
   * The ROM's content.
   *
   * @param slot device number of device A on bus 0
   */
  static byte[] bytes(int slot) {
    BootRom rom = new BootRom();
    rom.placeRegisters(VirtTree.ECAM + ((long) slot << 15));
    rom.constant(10, FW_CFG);
    rom.constant(11, SCRATCH);
    rom.load(KERNEL_SIZE, KERNEL_DATA, KERNEL);
    rom.load(INITRD_SIZE, INITRD_DATA, VirtTree.INITRD);
    rom.enter();
    byte[] bytes = new byte[rom.code.position()];
    rom.code.get(0, bytes);
    return bytes;
  }

  private void placeRegisters(long function) {
    constant(1, function);
    constant(2, VirtTree.REGISTERS);
    code.putInt(storeWord(2, 1, BAR_0));
    constant(3, MEMORY_AND_MASTER);
    code.putInt(storeHalf(3, 1, COMMAND));
    code.putInt(loadWord(3, 2, 0));
  }

  /** Loads an item of fw_cfg, whose size is another item; does nothing if it is empty. */
  private void load(int sizeItem, int item, long to) {
    constant(0, Short.reverseBytes((short) sizeItem) & 0xffff);
    code.putInt(storeHalf(0, 10, SELECTOR));
    code.putInt(loadWord(1, 10, 0)); // bytes come in the item's order: little-endian
    code.putInt(reverseWord(1, 1));
    constant(2, Integer.reverseBytes(item << 16 | SELECT_AND_READ) & 0xffff_ffffL);
    code.putInt(storeWord(2, 11, 0));
    code.putInt(storeWord(1, 11, 4));
    constant(2, Long.reverseBytes(to));
    code.putInt(storeLong(2, 11, 8));
    constant(2, Long.reverseBytes(SCRATCH));
    code.putInt(storeLong(2, 10, DMA)); // starts
    code.putInt(loadWord(2, 11, 0));
    code.putInt(branchIfNotZero(2, -1)); // control is 0 when it is done
  }

  private void enter() {
    code.putInt(0xd503_3f9f); // dsb sy
    code.putInt(0xd508_751f); // ic iallu
    code.putInt(0xd503_3f9f); // dsb sy
    code.putInt(0xd503_3fdf); // isb
    constant(0, VirtTree.RAM);
    constant(1, 0);
    constant(2, 0);
    constant(3, 0);
    constant(4, KERNEL);
    code.putInt(0xd61f_0000 | 4 << 5); // br x4
  }

  /** Loads a constant: MOVZ, then MOVK for the parts that are not zero. */
  private void constant(int register, long value) {
    code.putInt(0xd280_0000 | (int) (value & 0xffff) << 5 | register);
    for (int half = 1; half < 4; half++) {
      int part = (int) (value >>> 16 * half) & 0xffff;
      if (part != 0) {
        code.putInt(0xf280_0000 | half << 21 | part << 5 | register);
      }
    }
  }

  private static int storeLong(int register, int base, int offset) {
    return 0xf900_0000 | offset / 8 << 10 | base << 5 | register;
  }

  private static int storeWord(int register, int base, int offset) {
    return 0xb900_0000 | offset / 4 << 10 | base << 5 | register;
  }

  private static int storeHalf(int register, int base, int offset) {
    return 0x7900_0000 | offset / 2 << 10 | base << 5 | register;
  }

  private static int loadWord(int register, int base, int offset) {
    return 0xb940_0000 | offset / 4 << 10 | base << 5 | register;
  }

  private static int reverseWord(int register, int from) {
    return 0x5ac0_0800 | from << 5 | register; // REV, 32 bits
  }

  private static int branchIfNotZero(int register, int instructions) {
    return 0x3500_0000 | (instructions & 0x7_ffff) << 5 | register; // CBNZ, 32 bits
  }
}
