package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Which kernel and initial RAM disk {@code nestwalk serve} names, with a kit and without. */
@Timeout(120)
final class ServeKitTest {
  @TempDir Path folder;
  private final List<Process> processes = new ArrayList<>();

  @AfterEach
  void end() throws InterruptedException {
    for (Process process : processes) {
      process.destroyForcibly().waitFor();
    }
  }

  private Process serve(String... words) throws IOException {
    List<String> command = new ArrayList<>(List.of("serve", "--format", "vtd", "--size", "128M"));
    command.addAll(List.of("--dir", folder.resolve("machine").toString()));
    command.addAll(List.of(words));
    ProcessBuilder builder =
        new ProcessBuilder(ChildCommand.words(command))
            .redirectOutput(folder.resolve("out").toFile())
            .redirectError(folder.resolve("err").toFile());
    builder.environment().put("NESTWALK_LIVE", folder.resolve("kit").toString());
    Process process = builder.start();
    processes.add(process);
    return process;
  }

  private void makeKit() throws IOException {
    Files.createDirectories(folder.resolve("kit"));
    for (String name : new String[] {"guests.done", "busybox-amd64", "vmlinuz-amd64"}) {
      Files.write(folder.resolve("kit").resolve(name), new byte[1]);
    }
  }

  /** The printed command line, on one line. */
  private String printed(String... words) throws IOException, InterruptedException {
    Process process = serve(words);
    for (int i = 0; !Files.readString(folder.resolve("out")).contains("-append"); i++) {
      assertTrue(i < 600 && process.isAlive(), Files.readString(folder.resolve("err")));
      Thread.sleep(50);
    }
    process.destroy();
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    return Files.readString(folder.resolve("out")).replace(" \\\n ", "");
  }

  @Test
  void withoutAKitPlacesAreLeftForWhatIsNotNamed() throws IOException, InterruptedException {
    assertTrue(printed().contains(" -kernel VMLINUZ -initrd INITRD "));
    String told = Files.readString(folder.resolve("err"));
    assertTrue(told.contains("put a kernel and its initial RAM disk for VMLINUZ and INITRD"), told);

    String command = printed("--initrd", "mine.img");
    assertTrue(command.contains(" -kernel VMLINUZ -initrd mine.img "), command);
    told = Files.readString(folder.resolve("err"));
    assertTrue(told.contains("put a kernel for VMLINUZ"), told);

    command = printed("--kernel", "Image");
    assertTrue(command.contains(" -kernel Image -append "), command);
  }

  @Test
  void withAKitItsKernelTakesTheInitialRamDiskThatIsNamed()
      throws IOException, InterruptedException {
    makeKit();
    String linux = " -kernel " + folder.resolve("kit/vmlinuz-amd64");
    Path own = folder.resolve("machine/initrd");
    String command = printed("--initrd", "mine.img");
    assertTrue(command.contains(linux + " -initrd mine.img "), command);
    assertFalse(Files.exists(own));
    command = printed();
    assertTrue(command.contains(linux + " -initrd " + own + " "), command);
    assertTrue(Files.size(own) > 0);
    // A user's file of that name stays as it is.
    Files.writeString(own, "mine");
    command = printed("--initrd", own.toString());
    assertTrue(command.contains(linux + " -initrd " + own + " "), command);
    assertEquals("mine", Files.readString(own));
  }

  @Test
  void nothingIsStartedWithoutAKernel() throws IOException, InterruptedException {
    Process process = serve("--boot", "--qemu", "/bin/true");
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    String told = Files.readString(folder.resolve("err"));
    assertEquals(2, process.exitValue(), told);
    assertEquals(1, told.lines().count(), told);
    assertTrue(told.contains("--boot: no kernel, expected --kernel FILE"), told);
    assertFalse(Files.exists(folder.resolve("machine")), "nothing was written");
  }
}
