package dev.nestwalk.teach;

import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.Scenario;
import dev.nestwalk.fixtures.ScenarioRow;
import dev.nestwalk.memory.ElfCore;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.ImageException;
import dev.nestwalk.memory.MemoryRange;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.memory.RawMemory;
import dev.nestwalk.vtd.Cap;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A memory image with the registers that go with it; memory is opened as often as needed. */
public final class Image {
  private final String name;
  private final Path memoryFile;
  private final List<RawMemory.Mapping> mappings;
  private final @Nullable Scenario scenario;
  private final Machine machine;
  private final List<MemoryRange> ram;

  private Image(
      String name,
      Path memoryFile,
      List<RawMemory.Mapping> mappings,
      @Nullable Scenario scenario,
      Machine machine) {
    this.name = name;
    this.memoryFile = memoryFile;
    this.mappings = mappings;
    this.scenario = scenario;
    this.machine = machine;
    this.ram = machine.ram().stream().map(r -> new MemoryRange(r.first(), r.last())).toList();
  }

  /** A scenario, by its stem or any of its files; or any ELF core with registers from elsewhere. */
  public static Image ofScenario(Path given, @Nullable Path registers) {
    if (registers != null && Files.isRegularFile(given)) {
      String name = String.valueOf(given.getFileName());
      return new Image(name, given, List.of(), null, Machine.read(registers));
    }
    Scenario scenario = Scenario.load(given);
    Machine machine = registers == null ? scenario.machine() : Machine.read(registers);
    return new Image(scenario.name(), scenario.image(), List.of(), scenario, machine);
  }

  /** A raw memory file. */
  public static Image ofRaw(Path file, List<RawMemory.Mapping> mappings, Path registers) {
    String name = String.valueOf(file.getFileName());
    return new Image(name, file, mappings, null, Machine.read(registers));
  }

  /** A machine whose memory is at hand elsewhere: nothing to open, no rows. */
  public static Image ofMachine(String name, Machine machine) {
    return new Image(name, machine.file(), List.of(), null, machine);
  }

  /** Opens the memory anew. */
  public GuestMemory open(Opening opening, Arena arena) throws ImageException {
    return mappings.isEmpty()
        ? ElfCore.open(memoryFile, ram, opening, arena)
        : RawMemory.open(memoryFile, mappings, opening, arena);
  }

  public String name() {
    return name;
  }

  /** The file with the expected answers. */
  public Path rowsFile() {
    return scenario().rowsFile();
  }

  /** The expected answers. */
  public List<ScenarioRow> rows() {
    return scenario().rows();
  }

  private Scenario scenario() {
    if (scenario == null) {
      throw new InputException(memoryFile + ": expected a scenario, which has rows to check");
    }
    return scenario;
  }

  public Path registersFile() {
    return machine.file();
  }

  public String format() {
    return machine.format();
  }

  public boolean isVtd() {
    return machine.isVtd();
  }

  public Map<String, Long> registers() {
    return machine.registers();
  }

  Map<Integer, String> devices() {
    return machine.devices();
  }

  /** Bits of a host address: as the file says, or CAP.MGAW + 1. */
  int hostAddressWidth() {
    if (machine.hostAddressWidth() >= 0 || !isVtd()) {
      return machine.hostAddressWidth();
    }
    Long cap = registers().get("CAP");
    return cap == null ? -1 : (int) Cap.MGAW.get(cap) + 1;
  }
}
