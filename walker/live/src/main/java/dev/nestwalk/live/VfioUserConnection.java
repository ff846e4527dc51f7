package dev.nestwalk.live;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;

/**
 * The connection of one client of a vfio-user server: reads its messages and sends the replies.
 *
 * <p>The messages are not trusted. A well-framed but invalid message gets an error reply; a badly
 * framed one ends the connection with one line to the user.
 *
 * <p>Threads: {@link #serve} belongs to the socket's thread; {@link #writeMessage} may be called by
 * any.
 */
final class VfioUserConnection implements PciFunction.Bus {
  /** Ends the connection, for a message that cannot be answered; its text is reported. */
  static final class Broken extends IOException {
    private static final long serialVersionUID = 1;

    Broken(String what) {
      super(what);
    }
  }

  /** Gives a message an error reply. */
  private static class Refused extends Exception {
    private static final long serialVersionUID = 1;
    private final int errno;

    Refused(int errno, String what) {
      super(what, null, false, false);
      this.errno = errno;
    }
  }

  /** Answers a client that asks for something optional: it does not exist. */
  private static final class Absent extends Refused {
    private static final long serialVersionUID = 1;

    Absent(String what) {
      super(VfioUser.EINVAL, what);
    }
  }

  /** Number of refusals of one client that are reported; further ones are only answered. */
  private static final int TOLD_REFUSALS = 8;

  private static final String CAPABILITIES =
      "{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":"
          + VfioUser.MAX_DATA
          + ",\"pgsizes\":4096,\"max_dma_maps\":65535}}";

  private final PciFunction function;
  private final VfioUserServer.Listener listener;
  private final ByteChannel channel;
  private final ByteBuffer in;
  private final ByteBuffer out;
  private final Object sending = new Object();
  private boolean versionAgreed;
  private int refusals;
  private int nextId;

  /** Room for a message of each direction; used by one connection after the other. */
  static final class Buffers {
    private final ByteBuffer in = buffer(VfioUser.MAX_MESSAGE);
    private final ByteBuffer out = buffer(VfioUser.MAX_MESSAGE);
  }

  VfioUserConnection(
      PciFunction function,
      VfioUserServer.Listener listener,
      ByteChannel channel,
      Buffers buffers) {
    this.function = function;
    this.listener = listener;
    this.channel = channel;
    in = buffers.in;
    out = buffers.out;
  }

  /** Whether the other side has agreed on a version, and with that has become a client. */
  boolean isAgreed() {
    return versionAgreed;
  }

  /**
   * Serves the client until it leaves between two messages.
   *
   * @throws Broken if a message cannot be answered: the connection is to be closed
   * @throws EOFException if the client leaves in the middle of a message
   */
  void serve() throws IOException {
    function.connect(this);
    while (receive()) {
      int id = in.getShort();
      int command = in.getShort() & 0xffff;
      in.position(8);
      int flags = in.getInt();
      in.position(VfioUser.HEADER);
      int type = flags & VfioUser.TYPE_MASK;
      if (type == VfioUser.TYPE_REPLY) {
        continue; // a reply to a message of ours, none of which asks for an answer
      }
      if (type != VfioUser.TYPE_COMMAND) {
        throw new Broken("message of type " + type + ", expected 0 (command) or 1 (reply)");
      }
      // Not under the lock for sending: a write may wait for a device's thread, which may be
      // about to send a message here.
      out.clear().position(VfioUser.HEADER);
      int errno = 0;
      try {
        handle(command);
      } catch (Refused e) {
        errno = e.errno;
        out.clear().position(VfioUser.HEADER);
        tell(e);
      }
      if ((flags & VfioUser.NO_REPLY) == 0) {
        int error = errno == 0 ? 0 : VfioUser.ERROR;
        send(id, command, VfioUser.TYPE_REPLY | error, errno);
      }
    }
  }

  private void tell(Refused refusal) {
    if (refusal instanceof Absent) {
      return;
    }
    refusals++;
    if (refusals <= TOLD_REFUSALS) {
      String more = refusals == TOLD_REFUSALS ? " (more are not told)" : "";
      listener.say("%s: refused: %s%s".formatted(function.name(), refusal.getMessage(), more));
    }
  }

  /**
   * Reads the next message completely.
   *
   * @return false at a clean end
   */
  private boolean receive() throws IOException {
    in.clear().limit(VfioUser.HEADER);
    while (in.hasRemaining()) {
      if (channel.read(in) < 0) {
        if (in.position() == 0) {
          return false;
        }
        throw new EOFException();
      }
    }
    long size = in.getInt(4) & 0xffff_ffffL;
    if (size < VfioUser.HEADER || size > VfioUser.MAX_MESSAGE) {
      throw new Broken(
          "message of %d bytes, expected %d to %d"
              .formatted(size, VfioUser.HEADER, VfioUser.MAX_MESSAGE));
    }
    in.limit((int) size);
    while (in.hasRemaining()) {
      if (channel.read(in) < 0) {
        throw new EOFException();
      }
    }
    in.flip();
    return true;
  }

  /** Sends a header and the content of {@link #out}. */
  private void send(int id, int command, int flags, int errno) throws IOException {
    int size = out.position();
    out.putShort(0, (short) id).putShort(2, (short) command).putInt(4, size);
    out.putInt(8, flags).putInt(12, errno);
    out.flip();
    synchronized (sending) {
      while (out.hasRemaining()) {
        channel.write(out);
      }
    }
  }

  private void handle(int command) throws Refused {
    if (command == VfioUser.VERSION) {
      version();
      return;
    }
    if (!versionAgreed) {
      throw new Refused(VfioUser.EINVAL, "command " + command + " before a version");
    }
    switch (command) {
      case VfioUser.DMA_MAP -> map();
      case VfioUser.DMA_UNMAP -> unmap();
      case VfioUser.DEVICE_GET_INFO -> deviceInfo();
      case VfioUser.DEVICE_GET_REGION_INFO -> regionInfo();
      case VfioUser.DEVICE_GET_IRQ_INFO -> irqInfo();
      case VfioUser.DEVICE_SET_IRQS -> setIrqs();
      case VfioUser.REGION_READ -> regionRead();
      case VfioUser.REGION_WRITE -> regionWrite();
      case VfioUser.DEVICE_RESET -> function.resetAll();
      default -> throw new Refused(VfioUser.ENOSYS, "unknown command " + command);
    }
  }

  private void need(int bytes, String what) throws Refused {
    if (in.remaining() < bytes) {
      throw new Refused(
          VfioUser.EINVAL,
          "%s of %d bytes, expected at least %d".formatted(what, in.remaining(), bytes));
    }
  }

  private void version() throws Refused {
    need(4, "version");
    int major = in.getShort() & 0xffff;
    int minor = in.getShort() & 0xffff;
    if (major != 0) {
      throw new Refused(VfioUser.EINVAL, "version %d.%d, expected 0.x".formatted(major, minor));
    }
    if (!versionAgreed) {
      versionAgreed = true;
      listener.connected();
    }
    out.putShort((short) 0).putShort((short) Math.min(minor, 1));
    out.put(CAPABILITIES.getBytes(StandardCharsets.US_ASCII)).put((byte) 0);
  }

  private void map() throws Refused {
    need(32, "DMA map");
    in.getInt();
    int flags = in.getInt();
    long fileOffset = in.getLong();
    long address = in.getLong();
    long size = in.getLong();
    if (size == 0 || Long.compareUnsigned(address + size - 1, address) < 0) {
      throw new Refused(VfioUser.EINVAL, "DMA map of 0x%x bytes at 0x%x".formatted(size, address));
    }
    listener.mapped(address, size, fileOffset, (flags & 2) != 0);
  }

  private void unmap() throws Refused {
    need(24, "DMA unmap");
    byte[] echo = new byte[24];
    in.get(echo);
    out.put(echo);
  }

  private void deviceInfo() {
    out.putInt(16).putInt(VfioUser.DEVICE_RESETS | VfioUser.DEVICE_IS_PCI);
    out.putInt(VfioUser.REGIONS).putInt(VfioUser.IRQ_KINDS);
  }

  private long sizeOf(int region) {
    if (region == VfioUser.CONFIG_REGION) {
      return function.config.size();
    }
    return region >= 0 && region < 6 ? function.barSize(region) : 0;
  }

  private void regionInfo() throws Refused {
    need(12, "region info");
    in.getLong();
    int region = in.getInt();
    if (region < 0 || region >= VfioUser.REGIONS) {
      throw new Refused(VfioUser.EINVAL, "region " + Integer.toUnsignedString(region));
    }
    long size = sizeOf(region);
    int flags = size == 0 ? 0 : VfioUser.REGION_READABLE | VfioUser.REGION_WRITABLE;
    out.putInt(32).putInt(flags).putInt(region).putInt(0).putLong(size).putLong(0);
  }

  private int irqKind(int kind) throws Refused {
    if (kind < 0 || kind >= VfioUser.IRQ_KINDS) {
      throw new Refused(VfioUser.EINVAL, "interrupt kind " + Integer.toUnsignedString(kind));
    }
    return kind;
  }

  private void irqInfo() throws Refused {
    need(12, "interrupt info");
    in.getLong();
    int kind = irqKind(in.getInt());
    int count = function.interrupts(kind);
    if (kind == VfioUser.ERROR_INTERRUPT && count == 0) {
      // The kernel's vfio-pci answers so for functions that report no errors; a count of 0 would
      // make QEMU warn.
      throw new Absent("no error interrupt");
    }
    int flags =
        kind == VfioUser.INTX
            ? VfioUser.IRQ_EVENTFD | VfioUser.IRQ_MASKABLE | VfioUser.IRQ_AUTOMASKED
            : VfioUser.IRQ_EVENTFD | VfioUser.IRQ_NO_RESIZE;
    out.putInt(16).putInt(count == 0 ? 0 : flags).putInt(kind).putInt(count);
  }

  /**
   * Handles SET_IRQS. Event descriptors are not received: the function writes its messages itself.
   */
  private void setIrqs() throws Refused {
    need(20, "set interrupts");
    in.getLong();
    irqKind(in.getInt());
  }

  /**
   * Checks place and size of a region access.
   *
   * @return the region
   */
  private int access(long offset, int region, long count, String what) throws Refused {
    long size = sizeOf(region);
    boolean fits = count <= VfioUser.MAX_DATA && count <= size;
    if (!fits || offset < 0 || offset > size - count) {
      throw new Refused(
          VfioUser.EINVAL,
          "%s of %d bytes at 0x%x of region %s, which has 0x%x bytes"
              .formatted(what, count, offset, Integer.toUnsignedString(region), size));
    }
    return region;
  }

  private void regionRead() throws Refused {
    need(16, "region read");
    long offset = in.getLong();
    int region = in.getInt();
    long count = in.getInt() & 0xffff_ffffL;
    access(offset, region, count, "read");
    byte[] data = new byte[(int) count];
    if (region == VfioUser.CONFIG_REGION) {
      function.readConfig((int) offset, data);
    } else {
      function.read(region, offset, data);
    }
    out.putLong(offset).putInt(region).putInt(data.length).put(data);
  }

  private void regionWrite() throws Refused {
    need(16, "region write");
    long offset = in.getLong();
    int region = in.getInt();
    long count = in.getInt() & 0xffff_ffffL;
    access(offset, region, count, "write");
    need((int) count, "data of a region write");
    byte[] data = new byte[(int) count];
    in.get(data);
    if (region == VfioUser.CONFIG_REGION) {
      function.writeConfig((int) offset, data);
    } else {
      function.write(region, offset, data);
    }
    out.putLong(offset).putInt(region).putInt(data.length);
  }

  @Override
  public boolean writeMessage(long address, int data) {
    ByteBuffer message = buffer(VfioUser.HEADER + 20);
    synchronized (sending) {
      message.putShort((short) nextId++).putShort((short) VfioUser.DMA_WRITE);
      message.putInt(VfioUser.HEADER + 20).putInt(VfioUser.NO_REPLY).putInt(0);
      message.putLong(address).putLong(4).putInt(data).flip();
      try {
        while (message.hasRemaining()) {
          channel.write(message);
        }
        return true;
      } catch (IOException e) {
        return false; // the reading side reports why
      }
    }
  }

  private static ByteBuffer buffer(int size) {
    return ByteBuffer.allocateDirect(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
