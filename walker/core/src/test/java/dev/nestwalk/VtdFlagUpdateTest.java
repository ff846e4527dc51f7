package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.Scenario;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.GuestMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * First-stage flags after a walk are those that QEMU left ({@code NAME.ad.csv}): each access starts
 * with the flags cleared, each entry on the way has its content before and after.
 */
final class VtdFlagUpdateTest {
  @ParameterizedTest
  @ValueSource(strings = {"linux72-scalable-fs-48", "linux72-scalable-pt"})
  void flagsAreThoseOfTheCapture(String name) throws IOException {
    Path stem = Scenarios.fixtures().resolve("captures/vtd/" + name);
    Map<String, List<String[]>> accesses = new LinkedHashMap<>();
    for (String line : Files.readAllLines(Path.of(stem + ".ad.csv"))) {
      String[] cells = line.split(",", -1);
      if (cells[0].startsWith("0x")) {
        String key = String.join(",", cells[0], cells[1], cells[2]);
        accesses.computeIfAbsent(key, none -> new ArrayList<>()).add(cells);
      }
    }
    assertTrue(accesses.size() > 5);
    for (List<String[]> entries : accesses.values()) {
      replay(Scenario.load(stem), entries);
    }
  }

  private static void replay(Scenario scenario, List<String[]> entries) {
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = Images.open(scenario, arena);
      for (String[] entry : entries) {
        put(memory, Long.decode(entry[6]), Long.decode(entry[7]));
      }
      Machine machine = scenario.machine();
      Translator translator =
          Iommu.vtd(memory, machine.registers(), machine.hostAddressWidth())
              .newUncachedTranslator();
      String[] one = entries.get(0);
      int access = one[1].equals("w") ? Access.WRITE : Access.READ;
      long answer = translator.translate(Integer.decode(one[0]), -1, Long.decode(one[2]), access);
      assertEquals(one[3].equals("fault"), Translation.isFault(answer));
      for (String[] entry : entries) {
        long at = Long.decode(entry[6]);
        assertEquals(Long.decode(entry[8]), memory.load(memory.find(at), at), one[2] + entry[5]);
      }
    }
  }

  private static void put(GuestMemory memory, long address, long word) {
    int run = memory.find(address);
    long now = memory.load(run, address);
    assertTrue(now == word || memory.update(run, address, now, word) == GuestMemory.UPDATED);
  }
}
