package dev.nestwalk.teach;

import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.Scenario;
import dev.nestwalk.fixtures.ScenarioException;
import dev.nestwalk.fixtures.ScenarioRow;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.ImageException;
import dev.nestwalk.memory.MemoryDump;
import dev.nestwalk.memory.MemoryRange;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.memory.RawMemory;
import dev.nestwalk.vtd.Cap;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A memory image with its registers; its memory can be opened any number of times. */
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

  /**
   * A scenario, given by its stem or any of its files; or a dump of any kind, given by its name,
   * its stem or the JSON beside it, with registers from another file or from that JSON.
   *
   * @param unit the unit whose registers are meant if their file has several, or null
   */
  public static Image ofScenario(Path named, @Nullable Path registers, @Nullable String unit) {
    Path given = DumpNames.dumpOf(named);
    Path file = registers == null ? DumpNames.registersBeside(given) : registers;
    if (file != null && Files.isRegularFile(given)) {
      String name = String.valueOf(given.getFileName());
      return new Image(name, given, List.of(), null, RegisterText.read(file, unit));
    }
    if (Files.isDirectory(given)) {
      throw new InputException(given + ": is a folder, expected an image" + someOf(given));
    }
    if (Files.isRegularFile(given) && Scenario.stem(given).equals(given)) {
      throw new InputException(
          given
              + ": is no file of a scenario (NAME.elf, .elf.gz, .json or .csv); a dump's registers"
              + " are expected beside it (NAME.json) or with --registers");
    }
    if (Files.exists(given) && !Files.isRegularFile(given)) {
      throw new InputException(given + ": expected a file, since an image is read out of order");
    }
    Scenario scenario = Scenario.load(given);
    Machine machine = registers == null ? scenario.machine() : RegisterText.read(registers, unit);
    return new Image(scenario.name(), scenario.image(), List.of(), scenario, machine);
  }

  /** A scenario, given by its stem or any of its files. */
  public static Image ofScenario(Path given, @Nullable Path registers) {
    return ofScenario(given, registers, null);
  }

  /** Every file that may be read for an image of this name, whether it exists or not. */
  public static List<Path> filesOf(Path given) {
    return DumpNames.filesOf(given);
  }

  /** An image below a folder, as a suggestion to a user who named the folder. */
  private static String someOf(Path folder) {
    try {
      List<Path> found = Scenarios.under(folder);
      return found.isEmpty() ? "" : ", for example " + found.get(0);
    } catch (ScenarioException | UncheckedIOException e) {
      return "";
    }
  }

  /**
   * A raw memory file, with registers from another file or from the JSON beside it.
   *
   * @throws InputException if neither is there
   */
  public static Image ofRaw(
      Path file,
      List<RawMemory.Mapping> mappings,
      @Nullable Path registers,
      @Nullable String unit) {
    Path from = registers == null ? DumpNames.registersBeside(file) : registers;
    if (from == null) {
      throw new InputException(
          file + ": --ram needs --registers FILE as well, or the registers in NAME.json beside it");
    }
    String name = String.valueOf(file.getFileName());
    return new Image(name, file, mappings, null, RegisterText.read(from, unit));
  }

  /**
   * The memory of a running machine, in a file that the machine shares.
   *
   * @param given the machine's registers, or the stem or a file of a scenario that has them
   * @param memory the file
   * @param mappings addresses of the file's bytes; if empty, the file holds the ranges of {@code
   *     ram} in the registers' file, one after the other
   * @throws InputException if neither says where memory is
   */
  public static Image ofLive(
      Path given,
      Path memory,
      List<RawMemory.Mapping> mappings,
      @Nullable Path registers,
      @Nullable String unit) {
    Path json = given.resolveSibling(given.getFileName() + ".json");
    Path file = registers != null ? registers : Files.isRegularFile(json) ? json : given;
    Machine machine = RegisterText.read(file, unit);
    List<RawMemory.Mapping> all = new ArrayList<>(mappings);
    long offset = 0;
    for (Machine.Range range : mappings.isEmpty() ? machine.ram() : List.<Machine.Range>of()) {
      all.add(new RawMemory.Mapping(new MemoryRange(range.first(), range.last()), offset));
      offset += range.last() - range.first() + 1;
    }
    if (all.isEmpty()) {
      throw new InputException(
          memory
              + ": expected to be told where it lies: one more --ram BASE,SIZE, or 'ram' in "
              + file);
    }
    return new Image(String.valueOf(memory.getFileName()), memory, all, null, machine);
  }

  /** A machine whose memory is held elsewhere: there is nothing to open, and there are no rows. */
  public static Image ofMachine(String name, Machine machine) {
    return new Image(name, machine.file(), List.of(), null, machine);
  }

  /** This image with other register values. */
  Image withRegisters(Map<String, Long> registers) {
    Machine changed =
        new Machine(
            machine.file(),
            machine.format(),
            registers,
            machine.hostAddressWidth(),
            machine.ram(),
            machine.devices());
    return new Image(name, memoryFile, mappings, scenario, changed);
  }

  /** Opens the memory anew. */
  public GuestMemory open(Opening opening, Arena arena) throws ImageException {
    return mappings.isEmpty()
        ? MemoryDump.open(memoryFile, ram, opening, new Compressions(), arena)
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

  /** Number of bits of a host address: from the file, or CAP.MGAW + 1. */
  int hostAddressWidth() {
    if (machine.hostAddressWidth() >= 0 || !isVtd()) {
      return machine.hostAddressWidth();
    }
    Long cap = registers().get("CAP");
    return cap == null ? -1 : (int) Cap.MGAW.get(cap) + 1;
  }
}
