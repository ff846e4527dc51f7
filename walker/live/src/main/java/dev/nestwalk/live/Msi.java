package dev.nestwalk.live;

/**
 * The MSI capability of a function: one vector, 64-bit address (PCI Local Bus 3.0, 6.8.1). The
 * message is in configuration space, so the function can write it itself and needs no event
 * descriptor of the client.
 *
 * <p>Threads: any.
 */
final class Msi {
  private static final int ID = 5;
  private static final int CONTROL = 2;
  private static final int ADDRESS = 4;
  private static final int DATA = 12;
  private static final int ENABLE = 1;

  private final PciConfig config;
  private final int at;

  private Msi(PciConfig config, int at) {
    this.config = config;
    this.at = at;
  }

  /** Adds the capability. */
  static Msi in(PciConfig config) {
    byte[] content = new byte[12];
    content[0] = (byte) 0x80; // 64-bit addresses, one vector
    byte[] mask = new byte[12];
    mask[0] = ENABLE;
    mask[2] = (byte) 0xfc;
    for (int i = 3; i < 12; i++) {
      mask[i] = (byte) 0xff;
    }
    return new Msi(config, config.capability(ID, content, mask));
  }

  /** Whether interrupts are messages. */
  boolean isEnabled() {
    return (config.half(at + CONTROL) & ENABLE) != 0;
  }

  /** Bus address of the message. */
  long address() {
    return config.word(at + ADDRESS) & 0xffff_ffffL | (long) config.word(at + ADDRESS + 4) << 32;
  }

  /** The message: 16 bits. */
  int data() {
    return config.half(at + DATA);
  }
}
