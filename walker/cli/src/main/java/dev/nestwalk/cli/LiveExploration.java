package dev.nestwalk.cli;

import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.live.LiveMachine;
import dev.nestwalk.teach.Exploration;
import dev.nestwalk.teach.Guards;
import dev.nestwalk.teach.Image;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The exploration of a live machine. A new one is made whenever the guest has changed its unit's
 * registers, so that edits made under the old tables are not applied to the new ones.
 *
 * <p>Threads: belongs to the explorer's.
 */
final class LiveExploration {
  private final LiveMachine machine;
  private final boolean vtd;
  private Map<String, Long> registers = Map.of();
  private @Nullable Exploration current;

  LiveExploration(LiveMachine machine, boolean vtd) {
    this.machine = machine;
    this.vtd = vtd;
  }

  Exploration now() {
    Map<String, Long> present = machine.registers();
    Exploration exploration = current;
    if (exploration == null || !present.equals(registers)) {
      registers = present;
      Machine described =
          new Machine(
              Path.of("live"),
              vtd ? "vtd" : "smmuv3",
              present,
              vtd ? LiveMachine.HOST_ADDRESS_WIDTH : -1,
              List.of(),
              Map.of());
      Image image = Image.ofMachine("live", described);
      exploration = new Exploration(image, machine.memory(), Guards.usual(vtd));
      current = exploration;
    }
    return exploration;
  }
}
