package dev.nestwalk.live;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ByteChannel;
import java.util.ArrayDeque;

/**
 * A vfio-user client that sends anything: each well-framed command gets one reply of its id and
 * command, and what is framed wrongly ends the connection with one line. The build replays the
 * inputs beside (resources); CONTRIBUTING tells how to search for new ones.
 */
class VfioUserFuzzTest {
  /** Registers and configuration space of a controller whose thread has ended. */
  private static final Nvme FUNCTION =
      new Nvme("nvme", 0x18, (source, pasid) -> new MemoryDma(), Disk.inMemory(8), line -> {});

  private static final VfioUserConnection.Buffers BUFFERS = new VfioUserConnection.Buffers();

  static {
    FUNCTION.end();
  }

  /** A client that sends the bytes, and hears the replies. */
  private static final class Client implements ByteChannel, VfioUserServer.Listener {
    private final ByteBuffer bytes;
    private final ArrayDeque<Integer> expected = new ArrayDeque<>();

    Client(byte[] bytes) {
      this.bytes = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      expect();
    }

    /** Ids and commands of the messages that have to be answered, by a reading of our own. */
    private void expect() {
      int at = 0;
      while (bytes.limit() - at >= 16) {
        long size = Integer.toUnsignedLong(bytes.getInt(at + 4));
        int flags = bytes.getInt(at + 8);
        if (size < 16 || size > VfioUser.MAX_MESSAGE || at + size > bytes.limit()) {
          return;
        }
        if ((flags & 0xf) > 1) {
          return;
        }
        if ((flags & 0x1f) == 0) {
          expected.add(bytes.getInt(at));
        }
        at += (int) size;
      }
    }

    @Override
    public int read(ByteBuffer into) {
      if (!bytes.hasRemaining()) {
        return -1;
      }
      int length = Math.min(into.remaining(), bytes.remaining());
      into.put(into.position(), bytes, bytes.position(), length);
      into.position(into.position() + length);
      bytes.position(bytes.position() + length);
      return length;
    }

    @Override
    public int write(ByteBuffer reply) {
      int length = reply.remaining();
      int flags = reply.getInt(8);
      int errno = reply.getInt(12);
      boolean framed = length >= 16 && reply.getInt(4) == length && (flags & ~0x20) == 1;
      if (!framed || (flags & 0x20) != 0 != (errno != 0) || errno != 0 && length != 16) {
        throw new AssertionError("reply of %d bytes, flags %x".formatted(length, flags));
      }
      Integer command = expected.poll();
      if (command == null || command != reply.getInt(0)) {
        throw new AssertionError("reply to %x, expected %x".formatted(reply.getInt(0), command));
      }
      reply.position(reply.limit());
      return length;
    }

    @Override
    public void say(String line) {
      if (line.isBlank() || line.indexOf('\n') >= 0) {
        throw new AssertionError("told in one line: " + line);
      }
    }

    @Override
    public void mapped(long address, long size, long fileOffset, boolean writable) {
      if (size == 0 || Long.compareUnsigned(address + size - 1, address) < 0) {
        throw new AssertionError("mapped 0x%x bytes at 0x%x".formatted(size, address));
      }
    }

    @Override
    public void connected() {}

    @Override
    public void disconnected() {}

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}
  }

  @FuzzTest(maxDuration = "10m")
  void messages(byte[] bytes) throws IOException {
    Client client = new Client(bytes);
    try {
      new VfioUserConnection(FUNCTION, client, client, BUFFERS).serve();
    } catch (EOFException e) {
      // in the middle of a message
    } catch (VfioUserConnection.Broken e) {
      client.say(String.valueOf(e.getMessage()));
    } finally {
      FUNCTION.resetAll();
    }
    if (!client.expected.isEmpty()) {
      throw new AssertionError(client.expected.size() + " commands without a reply");
    }
  }
}
