package dev.nestwalk;

import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.Scenario;
import dev.nestwalk.memory.ElfCore;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.MemoryRange;
import dev.nestwalk.memory.Opening;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.util.List;

/** Opens scenarios as guest memory: where the writing side and the reading side meet. */
final class Images {
  /** A private copy of the scenario's memory. */
  static GuestMemory open(Scenario scenario, Arena arena) {
    List<MemoryRange> ram = scenario.machine().ram().stream().map(Images::range).toList();
    try {
      return ElfCore.open(scenario.image(), ram, Opening.PRIVATE_COPY, arena);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static MemoryRange range(Machine.Range range) {
    return new MemoryRange(range.first(), range.last());
  }

  private Images() {}
}
