package dev.nestwalk.live;

import java.util.Arrays;
import java.util.function.LongConsumer;

/**
 * Device A: a function whose only BAR holds a unit's register pages. No driver binds its class (08
 * 06, an IOMMU). Firmware or a boot ROM places the BAR at the address that the guest's tables give
 * for the unit.
 *
 * <p>Once the registers have been used, the function answers configuration reads as an empty slot
 * does. A unit is a platform device, and a guest that found it as a PCI function as well would
 * claim its addresses twice or move them. A reset makes it visible again.
 *
 * <p>Threads: the socket's.
 */
final class RegisterFunction extends PciFunction {
  static final String NAME = "unit";

  private static final int VENDOR = 0x1b36;
  private static final int DEVICE = 0x0dda;
  private static final int CLASS = 0x080600;

  private final RegisterPage page;
  private final LongConsumer placed;
  private volatile boolean hidden;

  /**
   * Makes the function.
   *
   * @param placed receives the address of the BAR when the guest first uses the registers
   */
  RegisterFunction(RegisterPage page, LongConsumer placed) {
    super(new PciConfig(PciConfig.CONVENTIONAL, VENDOR, DEVICE, CLASS));
    this.page = page;
    this.placed = placed;
    config.bar(0, Long.numberOfTrailingZeros(page.size()), false);
  }

  @Override
  String name() {
    return NAME;
  }

  @Override
  long barSize(int bar) {
    return bar == 0 ? page.size() : 0;
  }

  @Override
  int interrupts(int kind) {
    return 0;
  }

  @Override
  void read(int bar, long offset, byte[] into) {
    used();
    if (into.length <= 8) {
      put(page.read(offset, into.length), into);
    } else {
      Arrays.fill(into, (byte) 0); // no processor reads more at once
    }
  }

  @Override
  void write(int bar, long offset, byte[] value) {
    used();
    if (value.length <= 8) {
      page.write(offset, value.length, value(value));
    }
  }

  private void used() {
    if (!hidden) {
      hidden = true;
      placed.accept(config.barAddress(0));
    }
  }

  @Override
  void readConfig(int offset, byte[] into) {
    if (hidden) {
      Arrays.fill(into, (byte) 0xff);
    } else {
      super.readConfig(offset, into);
    }
  }

  @Override
  void writeConfig(int offset, byte[] value) {
    if (!hidden) {
      super.writeConfig(offset, value);
    }
  }

  @Override
  void reset() {
    hidden = false;
    page.reset();
  }
}
