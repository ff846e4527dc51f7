package dev.nestwalk.device;

import java.util.List;

/** Lists the interrupt messages of devices as "source address data", and takes none of the unit. */
record DeviceMessages(List<String> messages) implements InterruptSink {
  /** The data of a message that nobody takes. */
  static final int REFUSED = 0xbad;

  @Override
  public boolean message(long address, int data) {
    return false;
  }

  @Override
  public boolean deviceMessage(int sourceId, long address, int data) {
    messages.add("%x %x %x".formatted(sourceId, address, data));
    return data != REFUSED;
  }
}
