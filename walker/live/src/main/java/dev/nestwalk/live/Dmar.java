package dev.nestwalk.live;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The ACPI table that describes a VT-d unit and the functions behind it to a guest (VT-d 8.1 to
 * 8.4). Only these functions are in its scope, so that the guest does not translate for QEMU's own
 * devices, whose DMA does not pass this unit.
 */
final class Dmar {
  private static final int HEADER = 36;
  private static final int OWN_HEADER = 12;
  private static final int DRHD = 16;
  private static final int RMRR = 24;
  private static final int SCOPE = 8;
  private static final int ENDPOINT = 1;
  private static final int CHECKSUM = 9;

  /** A reserved region of one function. */
  record Reserved(int sourceId, long first, long last) {}

  private Dmar() {}

  /**
   * The table's bytes.
   *
   * @param registers address of the unit's registers
   * @param functions requester ids on bus 0 in its scope
   * @param reserved regions of memory that functions may use at any time (RMRR)
   */
  static byte[] bytes(
      int hostAddressWidth, long registers, List<Integer> functions, List<Reserved> reserved) {
    int drhd = DRHD + SCOPE * functions.size();
    int length = HEADER + OWN_HEADER + drhd + (RMRR + SCOPE) * reserved.size();
    ByteBuffer out = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    text(out, "DMAR");
    out.putInt(length).put((byte) 1).put((byte) 0);
    text(out, "NSTWLKLIVEDMAR");
    out.putInt(1);
    text(out, "NWLK");
    out.putInt(1);
    out.put((byte) (hostAddressWidth - 1)).put(new byte[OWN_HEADER - 1]);
    out.putShort((short) 0).putShort((short) drhd).putInt(0).putLong(registers);
    functions.forEach(function -> scope(out, function));
    for (Reserved region : reserved) {
      out.putShort((short) 1).putShort((short) (RMRR + SCOPE)).putInt(0);
      out.putLong(region.first()).putLong(region.last());
      scope(out, region.sourceId());
    }
    byte sum = 0;
    for (byte b : out.array()) {
      sum += b;
    }
    out.put(CHECKSUM, (byte) -sum);
    return out.array();
  }

  private static void text(ByteBuffer out, String text) {
    out.put(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static void scope(ByteBuffer out, int sourceId) {
    out.put((byte) ENDPOINT).put((byte) SCOPE).putInt(0);
    out.put((byte) (sourceId >>> 3 & 0x1f)).put((byte) (sourceId & 7));
  }
}
