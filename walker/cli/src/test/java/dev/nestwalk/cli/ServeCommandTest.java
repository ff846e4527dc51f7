package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code nestwalk serve}: what it refuses, what it prints, how it ends. */
@Timeout(60)
final class ServeCommandTest {
  @TempDir Path folder;

  private Result run(String... args) {
    List<String> all = new ArrayList<>(List.of(args));
    if (!all.contains("--dir")) {
      all.addAll(List.of("--dir", folder.toString()));
    }
    return Result.of("serve", all.toArray());
  }

  private void assertRefused(String words, String... args) {
    Result result = run(args);
    assertEquals(2, result.status(), result.err());
    assertEquals(1, result.err().lines().count(), result.err());
    assertTrue(result.err().contains(words), result.err());
    assertFalse(result.err().contains("Exception"), result.err());
  }

  @Test
  void refusesWhatDoesNotFitWithOneLine() throws IOException {
    assertRefused("--format", "--mode", "legacy");
    assertRefused("'xen'", "--format", "xen");
    assertRefused("expected 4 or 5", "--format", "vtd", "--levels", "6");
    assertRefused("expected 4", "--format", "smmuv3", "--levels", "5");
    assertRefused("expected nested", "--format", "smmuv3", "--mode", "legacy");
    assertRefused("expected 1 or 2", "--format", "smmuv3", "--stage", "3");
    for (String stage : new String[] {"1", "2"}) {
      assertRefused("--mode scalable", "--format", "vtd", "--stage", stage);
      assertRefused("mode legacy", "--format", "vtd", "--mode", "legacy", "--stage", stage);
      assertRefused("mode nested", "--format", "vtd", "--mode", "nested", "--stage", stage);
      assertRefused("no --mode", "--format", "smmuv3", "--mode", "nested", "--stage", stage);
    }
    assertRefused("vtd only", "--format", "smmuv3", "--registers", "0xfebfc000");
    assertRefused("without a colon", "--format", "vtd", "--dir", folder.resolve("a:b").toString());
    assertRefused("--size", "--format", "vtd", "--size", "much");
    assertRefused("whole MiB", "--format", "vtd", "--size", "4K");
    assertRefused("0x1000", "--format", "vtd", "--registers", "0xfebfc010");
    assertRefused("0x1000", "--format", "vtd", "--registers", "nowhere");
    Path missing = folder.resolve("missing");
    assertRefused("no such disk", "--format", "vtd", "--disk", missing.toString());
    Path odd = Files.write(folder.resolve("odd"), new byte[511]);
    assertRefused("multiple of 512", "--format", "vtd", "--disk", odd.toString());
    assertRefused(".trace", "--format", "vtd", "--record", missing.toString());
    assertRefused("expected a file", "--format", "vtd", "--ram", folder.toString());
  }

  @Test
  void printsTheCommandLineAndEndsWithItsClients()
      throws IOException, InterruptedException, ExecutionException, TimeoutException {
    Path disk = Files.write(folder.resolve("disk.img"), new byte[4096]);
    CompletableFuture<Result> serving =
        CompletableFuture.supplyAsync(
            () ->
                run(
                    "--format",
                    "smmuv3",
                    "--disk",
                    disk.toString(),
                    "--disk",
                    second(),
                    "--qemu",
                    "my-qemu",
                    "--kernel",
                    "Image",
                    "--append",
                    "quiet"));
    String[] names = {"unit", "nvme0", "nvme1", "test"};
    for (String name : names) {
      connect(folder.resolve(name + ".sock")).close(); // as another server looks: no client
    }
    List<SocketChannel> clients = new ArrayList<>();
    for (String name : names) {
      SocketChannel client = connect(folder.resolve(name + ".sock"));
      agree(client);
      clients.add(client);
    }
    for (SocketChannel client : clients) {
      client.close();
    }
    Result result = serving.get(30, TimeUnit.SECONDS);
    assertEquals(0, result.status(), result.err());
    assertTrue(result.out().startsWith("my-qemu \\\n"), result.out());
    for (String part :
        new String[] {"-machine virt", "-dtb ", "-bios ", "-kernel Image", "quiet'", "\"5.0\""}) {
      assertTrue(result.out().contains(part), part + " in " + result.out());
    }
    assertTrue(result.err().contains("0 refused"), result.err());
    try (Stream<Path> files = Files.list(folder)) {
      assertTrue(files.noneMatch(file -> file.toString().endsWith(".sock")), "sockets are removed");
    }
  }

  private String second() {
    try {
      return Files.write(folder.resolve("second.img"), new byte[512]).toString();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Agrees on version 0.1 of vfio-user. */
  private static void agree(SocketChannel client) throws IOException {
    ByteBuffer version = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN);
    version.putShort(2, (short) 1).putInt(4, 20).putShort(18, (short) 1);
    client.write(version);
    ByteBuffer reply = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
    while (reply.hasRemaining()) {
      assertTrue(client.read(reply) > 0, "a reply");
    }
    assertEquals(1, reply.getInt(8), "without an error");
  }

  private static SocketChannel connect(Path socket) throws IOException, InterruptedException {
    for (int i = 0; ; i++) {
      SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
      try {
        channel.connect(UnixDomainSocketAddress.of(socket));
        return channel;
      } catch (IOException e) {
        channel.close();
        if (i == 200) {
          throw e;
        }
        Thread.sleep(50);
      }
    }
  }
}
