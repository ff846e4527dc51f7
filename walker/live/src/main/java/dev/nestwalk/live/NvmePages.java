package dev.nestwalk.live;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The controller's descriptions of itself: identify data and log pages (NVM Express Base 1.4, 5.15
 * and 5.14).
 */
final class NvmePages {
  /** Number of asynchronous event requests that may be outstanding. */
  static final int EVENT_REQUESTS = 4;

  /** NSIDs from here on are not those of namespaces, nor do lists begin after them. */
  private static final int LAST_NAMESPACE = 0xffff_fffe;

  private static final int IDENTIFY = 4096;
  private static final int ROOM_TEMPERATURE = 300;

  private NvmePages() {}

  private static ByteBuffer page(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static byte[] bytes(ByteBuffer page) {
    byte[] bytes = new byte[page.capacity()];
    page.get(0, bytes);
    return bytes;
  }

  private static void text(ByteBuffer to, int at, int length, String text) {
    String padded = text + " ".repeat(length - text.length());
    to.put(at, padded.getBytes(StandardCharsets.US_ASCII));
  }

  /**
   * Whether there is such Identify data.
   *
   * @param kind CNS
   * @return a status, {@link NvmeStatus#DONE} if there is
   */
  static int identifies(int kind, int namespace) {
    boolean exists =
        switch (kind) {
          // FFFFFFFFh asks for what all namespaces have in common, if they can be managed.
          case 0, 3 -> namespace == 1;
          case 1 -> true;
          case 2 -> Integer.compareUnsigned(namespace, LAST_NAMESPACE) < 0;
          default -> false;
        };
    int refusal = kind > 3 ? NvmeStatus.INVALID_FIELD : NvmeStatus.INVALID_NAMESPACE;
    return exists ? NvmeStatus.DONE : refusal;
  }

  /**
   * Identify data.
   *
   * @param kind CNS
   * @throws IllegalArgumentException for data that is none of {@link #identifies}
   */
  static byte[] identify(int kind, int namespace, String serial, long blocks) {
    return switch (kind) {
      case 0 -> namespace(blocks);
      case 1 -> controller(serial);
      case 2 -> {
        ByteBuffer list = page(IDENTIFY);
        if (Integer.compareUnsigned(namespace, 1) < 0) {
          list.putInt(0, 1);
        }
        yield bytes(list);
      }
      case 3 -> {
        ByteBuffer descriptors = page(IDENTIFY);
        descriptors.put(0, (byte) 3).put(1, (byte) 16); // a UUID of version 8, made of its name
        byte[] name = ("nw-" + serial + "----------------").getBytes(StandardCharsets.US_ASCII);
        descriptors.put(4, name, 0, 16);
        descriptors.put(4 + 6, (byte) (descriptors.get(4 + 6) & 0xf | 0x80));
        descriptors.put(4 + 8, (byte) (descriptors.get(4 + 8) & 0x3f | 0x80));
        yield bytes(descriptors);
      }
      default -> throw new IllegalArgumentException("CNS " + kind + ", expected 0 to 3");
    };
  }

  private static byte[] namespace(long blocks) {
    ByteBuffer data = page(IDENTIFY);
    data.putLong(0, blocks).putLong(8, blocks).putLong(16, blocks); // NSZE, NCAP, NUSE
    data.putInt(128, 9 << 16); // LBA format 0: 512 bytes, no metadata
    return bytes(data);
  }

  private static byte[] controller(String serial) {
    ByteBuffer data = page(IDENTIFY);
    data.putShort(0, (short) 0x1b36).putShort(2, (short) 0x1b36);
    text(data, 4, 20, serial);
    text(data, 24, 40, "nestwalk NVMe");
    text(data, 64, 8, "1");
    data.put(77, (byte) 5); // MDTS: 2^5 pages
    data.putInt(80, Nvme.VERSION);
    data.put(111, (byte) 1); // CNTRLTYPE: I/O controller
    data.put(258, (byte) 3); // ACL
    data.put(259, (byte) (EVENT_REQUESTS - 1));
    data.put(260, (byte) 3); // FRMW: one slot, read-only
    data.putShort(266, (short) 343).putShort(268, (short) 373); // WCTEMP, CCTEMP
    data.put(512, (byte) 0x66).put(513, (byte) 0x44); // SQES, CQES
    data.putInt(516, 1); // NN
    data.put(525, (byte) 7); // VWC: flush has a meaning, also for all namespaces
    String name = "nqn.2026-11.dev.nestwalk:" + serial;
    data.put(768, name.getBytes(StandardCharsets.US_ASCII));
    data.putShort(2048, (short) 2500); // power state 0: 25 W
    return bytes(data);
  }

  /**
   * A log page.
   *
   * @return null if the kind is not supported
   */
  static byte @Nullable [] log(int kind) {
    return switch (kind) {
      case 1 -> new byte[64]; // no errors
      case 2 -> {
        ByteBuffer health = page(512);
        health.putShort(1, (short) ROOM_TEMPERATURE);
        health.put(3, (byte) 100).put(4, (byte) 10); // spare and its threshold, in percent
        yield bytes(health);
      }
      case 3 -> {
        ByteBuffer slots = page(512);
        slots.put(0, (byte) 1);
        text(slots, 8, 8, "1");
        yield bytes(slots);
      }
      default -> null;
    };
  }
}
