package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code nestwalk serve} loses nothing when a signal ends it. */
@Timeout(120)
final class ServeSignalTest {
  @TempDir Path folder;
  private final List<Process> processes = new ArrayList<>();

  @AfterEach
  void end() throws InterruptedException {
    for (Process process : processes) {
      try (Stream<ProcessHandle> children = process.descendants()) {
        children.forEach(ProcessHandle::destroyForcibly);
      }
      process.destroyForcibly().waitFor();
    }
  }

  private Path err() {
    return folder.resolve("err");
  }

  /** A server in a process of its own, whatever signals this process was told to ignore. */
  private Process serve(String... words) throws IOException {
    List<String> command = new ArrayList<>(List.of("serve", "--format", "vtd"));
    command.addAll(List.of("--trace", folder.resolve("t.gz").toString()));
    command.addAll(List.of("--record", folder.resolve("r.trace").toString()));
    command.addAll(List.of(words));
    List<String> all = new ArrayList<>(List.of("env", "--default-signal"));
    all.addAll(ChildCommand.words(command));
    Process process =
        new ProcessBuilder(all)
            .redirectOutput(folder.resolve("out").toFile())
            .redirectError(err().toFile())
            .start();
    processes.add(process);
    return process;
  }

  private String await(Process process, String words) throws IOException, InterruptedException {
    for (int i = 0; i < 600; i++) {
      String out = Files.readString(folder.resolve("out"));
      if (out.contains(words)) {
        return out;
      }
      assertTrue(process.isAlive(), () -> "ended before '" + words + "': " + out);
      Thread.sleep(50);
    }
    throw new AssertionError("no '" + words + "' in time: " + Files.readString(err()));
  }

  private static void signal(Process process, String name)
      throws IOException, InterruptedException {
    Process kill = new ProcessBuilder("kill", "-" + name, String.valueOf(process.pid())).start();
    assertEquals(0, kill.waitFor());
  }

  /** Both files are whole, and what was counted was told. */
  private void assertNothingIsLost(Process process, int status)
      throws IOException, InterruptedException {
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "still there");
    String told = Files.readString(err());
    assertEquals(status, process.exitValue(), told);
    try (InputStream trace = new GZIPInputStream(Files.newInputStream(folder.resolve("t.gz")))) {
      String text = new String(trace.readAllBytes(), StandardCharsets.US_ASCII);
      assertTrue(text.startsWith("# nestwalk-trace 1\n"), text);
      assertTrue(text.endsWith("\n"), text);
    }
    String record = Files.readString(folder.resolve("r.trace"));
    assertTrue(record.startsWith("# register trace"), record);
    assertTrue(record.endsWith("\n"), record);
    assertTrue(told.contains(" 0 refused"), told);
    assertFalse(told.contains("Exception"), told);
    assertFalse(told.contains("not closed"), told);
  }

  @ParameterizedTest
  @CsvSource({"INT, 130", "TERM, 143", "HUP, 129"})
  void whatWasRecordedIsWhole(String signal, int status) throws IOException, InterruptedException {
    Path machine = folder.resolve("machine");
    Process process = serve("--dir", machine.toString());
    await(process, "-append");
    assertTrue(Files.exists(machine.resolve("unit.sock")));
    signal(process, signal);
    assertNothingIsLost(process, status);
    try (Stream<Path> files = Files.list(machine)) {
      assertTrue(files.noneMatch(file -> file.toString().endsWith(".sock")), "sockets are removed");
    }
  }

  @Test
  void aTemporaryFolderIsRemoved() throws IOException, InterruptedException {
    Process process = serve();
    String command = await(process, "-append");
    Matcher named = Pattern.compile("mem-path=([^,]*)/ram").matcher(command);
    assertTrue(named.find(), command);
    Path temporary = Path.of(named.group(1));
    assertTrue(Files.exists(temporary.resolve("unit.sock")), command);
    signal(process, "TERM");
    assertNothingIsLost(process, 143);
    assertFalse(Files.exists(temporary), named.group(1));
  }

  /** A QEMU that was started with the server ends before it, also if it is deaf to signals. */
  @ParameterizedTest
  @CsvSource({"exec sleep 600", "trap '' TERM; while :; do sleep 1; done"})
  void theQemuThatItStartedEndsFirst(String does) throws IOException, InterruptedException {
    Path qemu = folder.resolve("qemu");
    Files.writeString(qemu, "#!/bin/sh\necho STARTED $$\n" + does + "\n");
    assertTrue(qemu.toFile().setExecutable(true));
    Path kernel = Files.write(folder.resolve("kernel"), new byte[1]);
    String machine = folder.resolve("machine").toString();
    Process process =
        serve("--boot", "--qemu", qemu.toString(), "--kernel", kernel.toString(), "--dir", machine);
    Matcher started = Pattern.compile("STARTED (\\d+)\n").matcher(await(process, "STARTED "));
    assertTrue(started.find());
    ProcessHandle child = ProcessHandle.of(Long.parseLong(started.group(1))).orElseThrow();
    signal(process, "TERM");
    assertNothingIsLost(process, 143);
    assertFalse(child.isAlive());
    assertFalse(Files.readString(err()).contains("QEMU ended"), Files.readString(err()));
  }
}
