package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the kit's guest does with its first disk, by its own script with pretended programs. */
@Timeout(60)
final class GuestScriptTest {
  private static final String PROGRAMS =
      """
      dd() { return 1; }
      df() { :; }
      cat() { echo "$serial"; }
      mke2fs() { echo FORMATTED >&2; }
      mount() { return $mounts; }
      """;

  @TempDir Path folder;

  /** The lines of the script that deal with the disk, up to those that start a shell. */
  private static String diskLines() throws IOException {
    try (InputStream init = Kit.class.getResourceAsStream("init")) {
      String script =
          new String(Objects.requireNonNull(init).readAllBytes(), StandardCharsets.UTF_8);
      String lines =
          script.substring(script.indexOf("disk=/dev"), script.indexOf("echo \"== a shell"));
      assertTrue(lines.contains("[ -b $disk ]"), lines);
      return lines.replace("[ -b $disk ]", "true"); // there is no such device here
    }
  }

  private static String run(String serial, boolean mounts)
      throws IOException, InterruptedException {
    String text = PROGRAMS + diskLines();
    ProcessBuilder shell = new ProcessBuilder("sh", "-c", text).redirectErrorStream(true);
    shell.environment().put("serial", serial);
    shell.environment().put("mounts", mounts ? "0" : "1");
    Process process = shell.start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), out);
    return out;
  }

  private static String serial(Disk disk) {
    Nvme nvme = new Nvme("nvme0", 0x18, (source, pasid) -> new MemoryDma(), disk, line -> {});
    nvme.end();
    return nvme.serial();
  }

  @Test
  void onlyTheDiskInMemoryIsFormatted() throws IOException, InterruptedException {
    String memory = run(serial(Disk.inMemory(8)), true);
    assertTrue(memory.contains("FORMATTED"), memory);
    assertTrue(memory.contains("is mounted at /mnt"), memory);
  }

  @Test
  void aDiskThatSomebodyBroughtIsNeverFormatted() throws IOException, InterruptedException {
    String file;
    try (Disk disk = Disk.file(Files.write(folder.resolve("disk"), new byte[4096]))) {
      file = serial(disk);
    }
    // The others are of devices that were added to QEMU's command line, or cannot be read.
    for (String serial : List.of(file, "nvme1", "deadbeef", "")) {
      for (boolean mounts : new boolean[] {true, false}) {
        String out = run(serial, mounts);
        assertEquals(-1, out.indexOf("FORMATTED"), serial + ": " + out);
        assertTrue(out.contains(mounts ? "is mounted at /mnt" : "stays as it is"), out);
      }
    }
  }
}
