package dev.nestwalk.acpi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The header that every ACPI table begins with: signature, length, checksum. */
final class AcpiHeader {
  /** Offset of the revision byte. */
  static final int REVISION = 8;

  /** Bytes of the header itself. */
  static final int BYTES = 36;

  /**
   * Checks the header and returns the whole table as a little-endian buffer.
   *
   * @param least size in bytes of the table's fixed part
   * @param lenience how a wrong length or checksum is handled
   * @throws FirmwareException if signature, length or checksum are wrong and not forgiven
   */
  static ByteBuffer check(byte[] table, String signature, int least, Lenience lenience) {
    ByteBuffer bytes = ByteBuffer.wrap(table.clone()).order(ByteOrder.LITTLE_ENDIAN);
    if (table.length < least) {
      throw FirmwareException.at(
          table.length, "the file ends within the header of %d bytes".formatted(least));
    }
    String found = StandardCharsets.ISO_8859_1.decode(bytes.slice(0, 4)).toString();
    if (!found.equals(signature)) {
      throw FirmwareException.at(
          0, "signature '%s', expected %s".formatted(Visible.of(found), signature));
    }
    int length = bytes.getInt(4);
    if (length < least || length > table.length) {
      lenience.forgive(
          FirmwareException.at(
              4,
              "length %d, the file has %d bytes"
                  .formatted(Integer.toUnsignedLong(length), table.length)));
      length = table.length;
    }
    int sum = 0;
    for (int i = 0; i < length; i++) {
      sum += bytes.get(i);
    }
    if ((sum & 0xff) != 0) {
      lenience.forgive(
          FirmwareException.at(
              9, "checksum: all bytes sum to %d, expected 0".formatted(sum & 0xff)));
    }
    return bytes.slice(0, length).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * How a table that violates its own format is handled. Either it is refused, or the readable part
   * is read and each violation becomes a warning, as ACPICA and Linux handle a bad checksum.
   */
  static final class Lenience {
    private final boolean lenient;
    private final List<String> warnings;

    Lenience(boolean lenient, List<String> warnings) {
      this.lenient = lenient;
      this.warnings = warnings;
    }

    /** Records the error as a warning, or throws it. */
    void forgive(FirmwareException fault) {
      if (!lenient) {
        throw fault;
      }
      warnings.add(fault.getMessage() + "; read on");
    }

    /** Reads one structure. If errors are forgiven, an error in it drops only this structure. */
    void structure(Runnable reader) {
      try {
        reader.run();
      } catch (FirmwareException fault) {
        forgive(fault);
      }
    }
  }

  private AcpiHeader() {}
}
