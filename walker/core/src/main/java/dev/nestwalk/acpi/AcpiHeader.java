package dev.nestwalk.acpi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** The header that every ACPI table begins with: signature, length, checksum. */
final class AcpiHeader {
  /** Offset of the revision byte. */
  static final int REVISION = 8;

  /**
   * Checks the header and gives the table's own bytes, little-endian.
   *
   * @param least bytes that the table's fixed part has
   * @throws FirmwareException if signature, length or checksum are wrong
   */
  static ByteBuffer check(byte[] table, String signature, int least) {
    ByteBuffer bytes = ByteBuffer.wrap(table.clone()).order(ByteOrder.LITTLE_ENDIAN);
    if (table.length < least) {
      throw FirmwareException.at(
          table.length, "the file ends within the header of %d bytes".formatted(least));
    }
    String found = StandardCharsets.ISO_8859_1.decode(bytes.slice(0, 4)).toString();
    if (!found.equals(signature)) {
      throw FirmwareException.at(0, "signature '%s', expected %s".formatted(found, signature));
    }
    int length = bytes.getInt(4);
    if (length < least || length > table.length) {
      throw FirmwareException.at(
          4, "length %d, the file has %d bytes".formatted(length, table.length));
    }
    int sum = 0;
    for (int i = 0; i < length; i++) {
      sum += bytes.get(i);
    }
    if ((sum & 0xff) != 0) {
      throw FirmwareException.at(9, "checksum: all bytes sum to %d".formatted(sum & 0xff));
    }
    return bytes.slice(0, length).order(ByteOrder.LITTLE_ENDIAN);
  }

  private AcpiHeader() {}
}
