package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Access;
import dev.nestwalk.smmu.EventType;
import dev.nestwalk.vtd.FaultReason;

/** Numbers and names as a sheet prints them. */
final class Text {
  private static final String UNITS = "KMGTPE";

  static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  /** A whole 64-bit word. */
  static String word(long value) {
    return "0x%016x".formatted(value);
  }

  /** Bytes, in the largest unit that divides them. */
  static String size(long bytes) {
    int unit = 0;
    long left = bytes;
    while (left != 0 && (left & 1023) == 0 && unit < UNITS.length()) {
      left >>>= 10;
      unit++;
    }
    return unit == 0 ? Long.toString(bytes) : Long.toString(left) + UNITS.charAt(unit - 1);
  }

  /** A requester id as bus, device, function. */
  static String bdf(int source) {
    return "%02x:%02x.%x".formatted(source >> 8 & 0xff, source >> 3 & 31, source & 7);
  }

  static String access(int access) {
    String kind =
        switch (access & Access.ATOMIC) {
          case Access.READ -> (access & Access.EXECUTE) != 0 ? "execute" : "read";
          case Access.WRITE -> "write";
          default -> "atomic";
        };
    return (access & Access.PRIVILEGED) != 0 ? "privileged " + kind : kind;
  }

  static String rights(boolean read, boolean write) {
    return read && write ? "read and write" : read ? "read only" : write ? "write only" : "none";
  }

  /** A fault as the specification names it. */
  static String fault(Format format, int code) {
    if (format == Format.VTD) {
      FaultReason reason = FaultReason.of(code);
      return reason == null
          ? hex(code)
          : "%s (0x%02x): %s".formatted(reason.mnemonic(), code, reason.condition());
    }
    EventType event = EventType.of(code);
    return event == null
        ? hex(code)
        : "%s (0x%02x): %s".formatted(event.name(), code, event.condition());
  }

  private Text() {}
}
