package dev.nestwalk.region;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nestwalk.acpi.DmarTable;
import dev.nestwalk.acpi.FirmwareException;
import dev.nestwalk.acpi.ReservedRegionsText;
import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;

/** Sample files, and what readers say to broken ones. */
final class Texts {
  /** Buses of the server sample. */
  static final DmarTable.Topology SERVER_BUSES =
      new DmarTable.Topology() {
        @Override
        public int secondaryBus(DmarTable.Function bridge) {
          return bridge.bus() == 0x80 && bridge.device() == 2 ? 0x81 : -1;
        }

        @Override
        public int subordinateBus(DmarTable.Function bridge) {
          return bridge.bus() == 0x80 ? 0x83 : -1;
        }
      };

  static byte[] bytes(String name) {
    try {
      return Files.readAllBytes(Scenarios.fixtures().resolve("samples").resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String sample(String name) {
    return new String(bytes(name), StandardCharsets.US_ASCII);
  }

  static String refusal(String line) {
    String text = "0x0 0x1 direct\n" + line + "\n";
    return String.valueOf(
        assertThrows(FirmwareException.class, () -> ReservedRegionsText.parse(text)).getMessage());
  }

  static String refusal(byte[] dmar) {
    return String.valueOf(
        assertThrows(FirmwareException.class, () -> DmarTable.parse(dmar)).getMessage());
  }

  /** One RESV_MEM property. */
  static byte[] property(int length, int subtype, long first, long last) {
    return ByteBuffer.allocate(24)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putShort(0, (short) 1)
        .putShort(2, (short) length)
        .put(4, (byte) subtype)
        .putLong(8, first)
        .putLong(16, last)
        .array();
  }

  private Texts() {}
}
