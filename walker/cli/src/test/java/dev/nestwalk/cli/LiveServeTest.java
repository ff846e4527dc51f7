package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.nestwalk.live.Kit;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code nestwalk serve} as a person uses it: Linux boots on it, its shell is typed into, the
 * explorer looks at its tables, the server dies.
 *
 * <p>Needs what {@code walker/live/kit} fetches. Without it the runs fail where CI is set, and say
 * loudly that they did not happen elsewhere.
 */
@Timeout(600)
final class LiveServeTest {
  private static final String SHELL = "== a shell; 'exit' switches the machine off";
  private static final int DISK_BYTES = 16 << 20;

  /** Where a disk with btrfs has its first bytes that are not zeros. */
  private static final int BTRFS_MAGIC = (64 << 10) + 64;

  /** Where the guest writes while the server is killed, and how much. */
  private static final int WRITTEN_AT = 4 << 20;

  private static final int WRITTEN_BYTES = 1 << 20;

  /** A name that options, JSON and the shell have to have in quotes. */
  private static final String MACHINE = "my, \"own\" machine\\";

  @TempDir Path folder;
  private final List<Process> processes = new ArrayList<>();

  @BeforeAll
  static void needsTheKit() {
    if (Kit.find() != null) {
      return;
    }
    String missing =
        "==== Linux was not booted: walker/live/kit fetches what that needs; run it once ====";
    if (System.getenv("CI") != null) {
      fail(missing);
    }
    System.err.println(missing);
    Assumptions.abort(missing);
  }

  @AfterEach
  void end() throws InterruptedException {
    for (Process process : processes) {
      try (Stream<ProcessHandle> children = process.descendants()) {
        children.forEach(ProcessHandle::destroyForcibly);
      }
      process.destroyForcibly().waitFor();
    }
  }

  /** A process whose output goes to files. */
  private final class Running {
    final Process process;
    private final Path out;
    private final Path err;

    Running(String name, List<String> words) throws IOException {
      out = folder.resolve(name + ".out");
      err = folder.resolve(name + ".err");
      process =
          new ProcessBuilder(words)
              .redirectOutput(out.toFile())
              .redirectError(err.toFile())
              .start();
      processes.add(process);
    }

    String out() throws IOException {
      return Files.readString(out, StandardCharsets.ISO_8859_1);
    }

    String err() throws IOException {
      return Files.readString(err);
    }

    void awaitOut(String words) throws IOException, InterruptedException {
      for (int i = 0; i < 1200 && !out().contains(words); i++) {
        assertTrue(process.isAlive(), "ended before '" + words + "': " + out() + err());
        Thread.sleep(100);
      }
      assertTrue(out().contains(words), out() + err());
    }

    void type(String line) throws IOException {
      process.outputWriter().write(line + "\n");
      process.outputWriter().flush();
    }
  }

  private Running serve(String... words) throws IOException {
    List<String> all = new ArrayList<>();
    all.addAll(List.of("serve", "--dir", folder.resolve(MACHINE).toString()));
    all.addAll(List.of(words));
    return new Running("serve", ChildCommand.words(all));
  }

  private static JsonObject walk(String url, String iova) throws IOException, InterruptedException {
    String body =
        "{\"source\": \"0x18\", \"pasid\": \"\", \"iova\": \"0x%s\", \"write\": false}"
            .formatted(iova);
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(url + "walk"))
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    HttpResponse<String> reply =
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    assertEquals(200, reply.statusCode(), reply.body());
    return JsonParser.parseString(reply.body()).getAsJsonObject().getAsJsonObject("walk");
  }

  @Test
  void aGuestMountsItsDiskAndTheExplorerSeesItUnmap() throws IOException, InterruptedException {
    Path trace = folder.resolve("trace");
    Running guest =
        serve(
            "--format",
            "vtd",
            "--mode",
            "scalable",
            "--boot",
            "--explore",
            "--trace",
            trace.toString());
    guest.awaitOut(SHELL);
    String console = guest.out();
    assertTrue(console.contains("== /dev/nvme0n1 is mounted at /mnt"), console);
    assertTrue(console.contains("DMAR: dmar0: Using Queued invalidation"), console);
    Matcher opened = Pattern.compile("open (http://\\S+)").matcher(guest.err());
    assertTrue(opened.find(), guest.err());

    // Reads of 64 bytes fetch commands: a queue stays mapped as long as the disk has a driver.
    List<String> accesses = Files.readAllLines(trace);
    List<String> fetches =
        accesses.stream().filter(l -> l.matches("\\d+ 0018 - r \\w+ 40")).toList();
    assertFalse(fetches.isEmpty(), accesses.toString());
    String queue = fetches.getLast().split(" ", -1)[4];
    JsonObject mapped = walk(opened.group(1), queue);
    assertTrue(mapped.getAsJsonObject("answer").has("output"), mapped.toString());
    assertTrue(mapped.getAsJsonArray("steps").size() > 6, mapped.toString());

    guest.type("umount /mnt; echo 0000:00:03.0 >/sys/bus/pci/drivers/nvme/unbind; echo GO''NE");
    guest.awaitOut("GONE");
    JsonObject gone = walk(opened.group(1), queue);
    assertEquals("0x71", gone.getAsJsonObject("answer").get("fault").getAsString());

    guest.type(
        "echo 0000:00:03.0 >/sys/bus/pci/drivers/nvme/bind; sleep 1; ls /dev/nvme*; echo BA''CK");
    guest.awaitOut("BACK");
    assertTrue(guest.out().substring(console.length()).contains("/dev/nvme"), guest.out());
    guest.type("exit");
    assertTrue(guest.process.waitFor(60, TimeUnit.SECONDS), guest.out());
    assertEquals(0, guest.process.exitValue(), guest.err());
    assertTrue(guest.err().contains(" 0 refused"), guest.err());
    assertFalse(guest.err().contains("Exception"), guest.err());
  }

  @Test
  void aServerThatIsKilledHarmsNothingAndTheNextOneStarts()
      throws IOException, InterruptedException {
    byte[] brought = new byte[DISK_BYTES];
    byte[] btrfs = "_BHRfS_M".getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(btrfs, 0, brought, BTRFS_MAGIC, btrfs.length);
    Path disk = Files.write(folder.resolve("disk"), brought);
    Running server = serve("--format", "vtd", "--disk", disk.toString());
    server.awaitOut("-append");
    server.awaitOut("\n");
    Running qemu = new Running("qemu", List.of("sh", "-c", "exec " + server.out()));
    qemu.awaitOut(SHELL);
    assertTrue(qemu.out().contains("/dev/nvme0n1 has no ext4 file system"), qemu.out());
    qemu.type("sync; echo CLE''AN");
    qemu.awaitOut("CLEAN");
    byte[] before = Files.readAllBytes(disk);
    assertArrayEquals(brought, before, "nobody formats a disk that was brought");
    qemu.type(
        "while dd if=/dev/urandom of=/dev/nvme0n1 bs=64k seek=64 count=16 oflag=direct; do"
            + " echo ROU''ND; done");
    qemu.awaitOut("ROUND");
    server.process.destroyForcibly().waitFor();
    qemu.process.destroyForcibly().waitFor();

    byte[] after = Files.readAllBytes(disk);
    assertEquals(DISK_BYTES, after.length);
    assertFalse(Arrays.equals(before, after), "something was written");
    Arrays.fill(before, WRITTEN_AT, WRITTEN_AT + WRITTEN_BYTES, (byte) 0);
    Arrays.fill(after, WRITTEN_AT, WRITTEN_AT + WRITTEN_BYTES, (byte) 0);
    assertArrayEquals(before, after, "blocks beyond those written");
    assertFalse(server.err().contains("Exception"), server.err());

    // Its sockets and its RAM are still there; the next server takes them over.
    Running next = serve("--format", "vtd", "--disk", disk.toString());
    next.awaitOut("-append");
    assertEquals(List.of(), next.err().lines().filter(l -> !l.startsWith("put a kernel")).toList());
  }
}
