package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The commands that docs/flight-recorder.md shows, beside a process that is no emulator. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class FlightRecorderGuideTest {
  private static final Path PAGE =
      Path.of(System.getProperty("nestwalk.root"), "docs/flight-recorder.md");
  private static final Set<String> EVENTS =
      Set.of(
          "nestwalk.TranslationFault",
          "nestwalk.Invalidation",
          "nestwalk.Sync",
          "nestwalk.Reconfiguration");

  @TempDir private Path folder = Path.of("");

  /** Words of the command on the page that begins so; a backslash goes on on the next line. */
  private static List<String> shown(String begin) throws IOException {
    String text = Files.readString(PAGE).replace("\\\n", " ");
    return text.lines()
        .filter(line -> line.startsWith(begin))
        .findFirst()
        .map(line -> Arrays.asList(line.trim().split("\\s+", -1)))
        .orElseThrow(() -> new AssertionError(PAGE + " shows no " + begin));
  }

  private static String tool(String name) {
    return Path.of(System.getProperty("java.home"), "bin", name).toString();
  }

  private Process start(List<String> command) throws IOException {
    return new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
  }

  private static String ended(Process process) throws IOException, InterruptedException {
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), said);
    return said;
  }

  private String run(List<String> command) throws IOException, InterruptedException {
    return ended(start(command));
  }

  private static List<String> emulator(List<String> options) {
    List<String> command = new ArrayList<>(List.of(tool("java")));
    command.addAll(options);
    command.addAll(List.of("-cp", FlightRecordingTest.classPath(), Emulator.class.getName()));
    return command;
  }

  private void assertEventsIn(Path file) throws IOException, InterruptedException {
    Set<String> found = new TreeSet<>();
    RecordingFile.readAllEvents(file).forEach(event -> found.add(event.getEventType().getName()));
    assertTrue(found.containsAll(EVENTS), found::toString);
    for (String reading : List.of("jfr summary", "jfr view", "jfr print")) {
      List<String> command = new ArrayList<>(shown(reading));
      command.set(0, tool("jfr"));
      String said = run(command);
      assertTrue(said.contains("nestwalk.TranslationFault") || said.contains("SFS."), said);
    }
  }

  @Test
  void aRecordingFromTheStart() throws IOException, InterruptedException {
    List<String> words = shown("java -XX:StartFlightRecording");
    run(emulator(words.subList(1, 2)));
    assertEventsIn(folder.resolve("iommu.jfr"));
  }

  @Test
  void aRecordingOfAProcessThatRuns() throws IOException, InterruptedException {
    Process emulator = start(emulator(List.of("-Dwait=true")));
    for (String begin : List.of("jcmd PID JFR.start", "jcmd PID JFR.dump")) {
      List<String> command = new ArrayList<>(shown(begin));
      command.set(0, tool("jcmd"));
      command.set(1, Long.toString(emulator.pid()));
      command.replaceAll(word -> word.replace("$PWD", folder.toString()));
      run(command);
      if (begin.endsWith("start")) {
        emulator.getOutputStream().write('\n');
        emulator.getOutputStream().flush();
        assertEquals('.', emulator.getInputStream().read());
      }
    }
    emulator.getOutputStream().close();
    ended(emulator);
    assertEventsIn(folder.resolve("iommu.jfr"));
  }

  /** Has one of each event; with a property it begins when a byte comes in, and ends at the end. */
  static final class Emulator {
    public static void main(String[] arguments) throws IOException, InterruptedException {
      boolean waits = Boolean.getBoolean("wait");
      if (waits && System.in.read() < 0) {
        return;
      }
      try (Arena arena = Arena.ofShared()) {
        MappedPlan plan = MappedPlan.of(true, true, false);
        MappedMachine machine = new MappedMachine(plan, arena);
        Iommu iommu = Iommu.vtd(Comparison.over(machine.memory()), machine.registers(), 46);
        Translator translator = iommu.newTranslator();
        translator.translate(MappedMachine.SOURCE, -1, machine.input() + (1L << 30), Access.READ);
        iommu.vtdInvalidations().iotlbGlobal();
        iommu.sync();
        iommu.reconfigure(Map.of("GSTS", 0L), false);
      }
      System.out.print('.');
      System.out.flush();
      while (waits && System.in.read() >= 0) {
        // The recording is read meanwhile.
      }
    }
  }
}
