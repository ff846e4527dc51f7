package dev.nestwalk.live;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** The client's side of vfio-user, written from the protocol's description. */
final class VfioClient implements AutoCloseable {
  /** A message as it came. */
  record Message(int id, int command, int flags, int errno, ByteBuffer body) {
    boolean isError() {
      return (flags & 0x20) != 0;
    }
  }

  private final SocketChannel channel;
  private int nextId = 100;

  VfioClient(Path socket) throws IOException {
    channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    channel.connect(UnixDomainSocketAddress.of(socket));
  }

  static ByteBuffer body(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Connects and agrees on a version. */
  static VfioClient ready(Path socket) throws IOException {
    VfioClient client = new VfioClient(socket);
    client.version(0, 1);
    return client;
  }

  Message version(int major, int minor) throws IOException {
    byte[] json = "{\"capabilities\":{}}\0".getBytes(StandardCharsets.US_ASCII);
    return ask(1, body(4 + json.length).putShort((short) major).putShort((short) minor).put(json));
  }

  Message ask(int command, ByteBuffer body) throws IOException {
    int id = nextId++;
    send(id, command, 0, 16 + body.position(), body);
    Message reply = receive();
    while ((reply.flags & 0xf) == 0) { // a message of the server's own
      reply = receive();
    }
    if (reply.id != (id & 0xffff) || reply.command != command) {
      throw new IOException("reply to " + reply.command + ", asked " + command);
    }
    return reply;
  }

  void send(int id, int command, int flags, int size, ByteBuffer body) throws IOException {
    ByteBuffer message = body(16 + body.position());
    message.putShort((short) id).putShort((short) command).putInt(size).putInt(flags).putInt(0);
    message.put(body.flip()).flip();
    raw(message);
  }

  void raw(ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  Message receive() throws IOException {
    ByteBuffer header = fill(16);
    int size = header.getInt(4);
    return new Message(
        header.getShort(0) & 0xffff,
        header.getShort(2) & 0xffff,
        header.getInt(8),
        header.getInt(12),
        fill(size - 16));
  }

  private ByteBuffer fill(int size) throws IOException {
    ByteBuffer bytes = body(size);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes) < 0) {
        throw new EOFException("server closed");
      }
    }
    return bytes.flip();
  }

  Message read(int region, long offset, int count) throws IOException {
    return ask(9, body(16).putLong(offset).putInt(region).putInt(count));
  }

  Message write(int region, long offset, byte[] data) throws IOException {
    return ask(
        10, body(16 + data.length).putLong(offset).putInt(region).putInt(data.length).put(data));
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
