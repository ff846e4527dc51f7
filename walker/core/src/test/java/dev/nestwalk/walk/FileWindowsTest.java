package dev.nestwalk.walk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedMachine.Runs;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.memory.RawMemory;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tables in both of a file's runs are walked as windows of the file. */
class FileWindowsTest {
  private static final CacheOptions PAGE_WALK_CACHES = CacheOptions.NONE.withStructures(64, 64, 0);

  @TempDir private Path folder = Path.of("");

  @ParameterizedTest
  @CsvSource({
    "true, false, true, READ_ONLY",
    "true, true, true, READ_ONLY",
    "false, true, false, PRIVATE_COPY",
    "false, true, true, READ_ONLY"
  })
  void runsOfAFileAreWindowsOfIt(boolean vtd, boolean first, boolean second, Opening opening)
      throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MappedPlan what = MappedPlan.of(vtd, first, second).runs(Runs.SPREAD);
      MappedMachine machine = new MappedMachine(what, arena);
      GuestMemory memory = open(machine.memory(), opening, arena);
      KernelLab lab = new KernelLab(what, machine, memory);
      KernelLab.Bench bench = lab.new Bench(PAGE_WALK_CACHES, true);
      assertNotNull(bench.kernel.shape.windows());
      long[] iovas = machine.addresses(64);
      long[] answers = new long[iovas.length];
      // Once from the first tables, then from the last ones, one by one and side by side.
      for (int round = 0; round < 3; round++) {
        bench.kernel.translate(iovas, answers, 0, iovas.length, 1);
        for (int i = 0; i < iovas.length; i++) {
          assertEquals(lab.walk(iovas[i], 1), answers[i]);
          assertEquals(answers[i], bench.kernel.translate(iovas[i], 1));
        }
      }
    }
  }

  private GuestMemory open(TableMemory memory, Opening opening, Arena arena) throws IOException {
    Path file = folder.resolve("ram.bin");
    List<String> mappings = new ArrayList<>();
    try (OutputStream out = Files.newOutputStream(file)) {
      for (TableMemory.Run run : memory.runs()) {
        out.write(run.bytes().toArray(ValueLayout.JAVA_BYTE));
        mappings.add("%x,%x".formatted(run.first(), run.bytes().byteSize()));
      }
    }
    return RawMemory.open(file, RawMemory.parse(mappings), opening, arena);
  }
}
