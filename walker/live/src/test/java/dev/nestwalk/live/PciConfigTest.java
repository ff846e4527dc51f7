package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Configuration space as a guest's PCI core sees it. */
final class PciConfigTest {
  private static byte[] bytes(long value, int size) {
    byte[] bytes = new byte[size];
    PciFunction.put(value, bytes);
    return bytes;
  }

  @Test
  void barsTellTheirSize() {
    PciConfig config = new PciConfig(PciConfig.CONVENTIONAL, 0x1b36, 0x1234, 0x010802);
    config.bar(0, 14, true);
    config.bar(2, 12, false);
    for (int bar = 0; bar < 6; bar++) {
      config.write(0x10 + 4 * bar, bytes(-1, 4));
    }
    assertEquals(0xffff_c004, config.word(0x10), "16 KiB, 64 bits");
    assertEquals(-1, config.word(0x14), "its upper half");
    assertEquals(0xffff_f000, config.word(0x18));
    assertEquals(0, config.word(0x1c));
    assertEquals(0x0108_0201, config.word(0x08));
  }

  @Test
  void nothingChangesButWhatMay() {
    PciConfig config = new PciConfig(PciConfig.EXTENDED, 0x1b36, 0x1234, 0xff0000);
    for (int i = 0; i < PciConfig.EXTENDED; i += 4) {
      config.write(i, bytes(-1, 4));
    }
    assertEquals(0x1234_1b36, config.word(0));
    assertEquals(0x546, config.word(4), "command, no status");
    assertTrue(config.isBusMaster());
    assertTrue(config.answersMemory());
    config.reset();
    assertEquals(0, config.word(4));
    assertFalse(config.isBusMaster());
  }

  @Test
  void capabilitiesAreLinked() {
    PciConfig config = new PciConfig(PciConfig.EXTENDED, 0x1b36, 0x1234, 0xff0000);
    Msi msi = Msi.in(config);
    int second = config.capability(0x10, new byte[10], new byte[10]);
    assertEquals(0x40, config.word(0x34));
    assertEquals(5 | second << 8, config.half(0x40));
    assertEquals(0x10, config.half(second));
    assertEquals(0x10, config.half(6) & 0x10, "the status says so");
    int first = config.extendedCapability(0x1b, 1, new byte[4], new byte[4]);
    int next = config.extendedCapability(0x0f, 1, new byte[4], new byte[4]);
    assertEquals(0x100, first);
    assertEquals(0x1b | 1 << 16 | next << 20, config.word(0x100));
    assertEquals(0x0f | 1 << 16, config.word(next));
    assertFalse(msi.isEnabled());
    config.write(0x44, bytes(0x1_fee0_1003L, 8));
    config.write(0x4c, bytes(0x4041, 2));
    config.write(0x42, bytes(0xffff, 2));
    assertTrue(msi.isEnabled());
    assertEquals(0x1_fee0_1000L, msi.address());
    assertEquals(0x4041, msi.data());
    assertEquals(0x81, config.half(0x42), "one vector, 64 bits, enabled");
  }
}
