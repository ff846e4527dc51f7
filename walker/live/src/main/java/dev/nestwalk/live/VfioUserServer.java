package dev.nestwalk.live;

import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Serves one PCI function to a vfio-user client on a UNIX socket. There is one client at a time;
 * when it leaves, the function is reset and the next one may connect.
 *
 * <p>The client's messages are not trusted. A well-framed but invalid message gets an error reply;
 * a badly framed one ends the connection with one line to the user. File descriptors in messages
 * are not received: memory is shared through a file that both sides know.
 *
 * <p>Threads: one of its own; {@link #close} may be called by any.
 */
final class VfioUserServer implements AutoCloseable {
  /** Receives reports. */
  interface Listener {
    /** Reports a line for the user. */
    void say(String line);

    /** Reports that the client mapped memory for DMA. */
    void mapped(long address, long size, long fileOffset, boolean writable);

    /** Reports that a client connected and agreed on a version. */
    void connected();

    /** Reports that such a client left. */
    void disconnected();
  }

  private final PciFunction function;
  private final Path path;
  private final Listener listener;
  private final ServerSocketChannel server;
  private final VfioUserConnection.Buffers buffers = new VfioUserConnection.Buffers();
  private final Thread thread;
  private volatile boolean closed;
  private volatile @Nullable SocketChannel client;

  /**
   * Starts listening. This creates the socket's file, and {@link #close} removes it.
   *
   * @throws IOException if the socket cannot be made, for example because another server has it
   */
  VfioUserServer(Path path, PciFunction function, Listener listener) throws IOException {
    this.function = function;
    this.path = path;
    this.listener = listener;
    removeDead(path);
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      server.bind(UnixDomainSocketAddress.of(path), 1);
    } catch (IOException | RuntimeException e) {
      server.close();
      throw new IOException(path + ": no socket can be made there: " + e.getMessage(), e);
    }
    thread = Thread.ofPlatform().name("vfio-user " + function.name()).daemon().start(this::run);
  }

  /**
   * Removes a socket without a listener, as a killed server leaves it behind.
   *
   * @throws IOException if another server listens there, or it is no socket
   */
  static void removeDead(Path path) throws IOException {
    if (!Files.exists(path)) {
      return;
    }
    if (Files.isRegularFile(path) || Files.isDirectory(path)) {
      throw new IOException(path + ": exists and is no socket");
    }
    try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      probe.configureBlocking(false); // a server with a client may have no room for another one
      probe.connect(UnixDomainSocketAddress.of(path));
    } catch (ConnectException nobody) {
      Files.delete(path);
      return;
    } catch (IOException e) {
      throw new IOException(path + ": another server may listen there: " + e.getMessage(), e);
    }
    throw new IOException(path + ": another server listens there");
  }

  private void run() {
    while (!closed) {
      SocketChannel channel;
      try {
        channel = server.accept();
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException e) {
        listener.say(function.name() + ": no further clients: " + e.getMessage());
        return;
      }
      client = channel;
      VfioUserConnection connection = new VfioUserConnection(function, listener, channel, buffers);
      try (channel) {
        connection.serve();
      } catch (EOFException e) {
        listener.say(function.name() + ": client went away in the middle of a message");
      } catch (ClosedChannelException e) {
        // by close()
      } catch (VfioUserConnection.Broken e) {
        listener.say(function.name() + ": " + e.getMessage() + "; connection closed");
      } catch (IOException e) {
        listener.say(function.name() + ": connection lost: " + e.getMessage());
      } catch (InternalError e) {
        listener.say(function.name() + ": guest memory went away: " + e.getMessage());
      } catch (RuntimeException e) {
        listener.say(function.name() + ": connection closed by an internal error: " + e);
      } finally {
        client = null;
        function.connect(PciFunction.Bus.NONE);
        function.resetAll();
        if (connection.isAgreed()) {
          listener.disconnected();
        }
      }
    }
  }

  /** Ends the connection and removes the socket. */
  @Override
  public void close() throws IOException {
    closed = true;
    server.close();
    SocketChannel open = client;
    if (open != null) {
      open.close();
    }
    Files.deleteIfExists(path);
    try {
      thread.join(2000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
