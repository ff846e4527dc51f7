package dev.nestwalk.cli;

import dev.nestwalk.live.Kit;
import dev.nestwalk.live.LiveFormat;
import dev.nestwalk.live.LiveMachine;
import dev.nestwalk.live.LiveMode;
import dev.nestwalk.live.LiveOptions;
import dev.nestwalk.live.LiveProbes;
import dev.nestwalk.live.LiveTest;
import dev.nestwalk.memory.MemoryRange;
import dev.nestwalk.teach.Explorer;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.teach.Numbers;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Serves a unit to a QEMU guest. */
@Command(
    name = "serve",
    mixinStandardHelpOptions = true,
    description = {
      "Serves an IOMMU, NVMe controllers behind it and a test function to a QEMU over vfio-user.",
      "Prints QEMU's command line and waits for it; ends when QEMU does, or with Ctrl-C.",
      "QEMU 10.1 or newer has the client (vfio-user-pci); walker/live/kit fetches one."
    },
    footer = {"", "Example: nestwalk serve --format vtd --mode scalable --disk disk.img"})
final class ServeCommand implements Callable<Integer> {
  private static final long MILLIS_PER_LINE = 1000;
  private static final long SECONDS_TO_STOP = 5;

  /** The kinds of tables that the guest may use. */
  enum ModeName {
    /** Legacy mode. */
    LEGACY,
    /** Scalable mode. */
    SCALABLE,
    /** Nested translation. */
    NESTED
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--format",
      required = true,
      paramLabel = "vtd|smmuv3",
      description = "Which IOMMU the guest gets.")
  private LiveFormat format = LiveFormat.VTD;

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      description = "legacy (default), scalable or nested; smmuv3: nested only.")
  private @Nullable ModeName mode;

  @Option(
      names = "--stage",
      paramLabel = "1|2",
      description = "The stage the guest gets (scalable, smmuv3). Default: 1.")
  private @Nullable Integer stage;

  @Option(names = "--levels", paramLabel = "4|5", description = "Largest tables. Default: 4.")
  private int levels = 4;

  @Option(
      names = "--disk",
      paramLabel = "FILE",
      description = "A disk image; repeatable. Default: 64 MiB that are lost at the end.")
  private List<Path> disks = new ArrayList<>();

  @Option(names = "--ram", paramLabel = "FILE", description = "Guest RAM. Default: DIR/ram.")
  private @Nullable Path ram;

  @Option(names = "--size", paramLabel = "512M", description = "Size of guest RAM. Default: 512M.")
  private String size = "512M";

  @Option(
      names = "--dir",
      paramLabel = "DIR",
      description = "Folder for sockets and tables. Default: one that is removed at the end.")
  private @Nullable Path dir;

  @Option(
      names = "--qemu",
      paramLabel = "PROGRAM",
      description = "Default: the kit's, or qemu-system-x86_64 or -aarch64.")
  private @Nullable String qemu;

  @Option(names = "--kernel", paramLabel = "FILE", description = "Linux. Default: the kit's.")
  private @Nullable Path kernel;

  @Option(names = "--initrd", paramLabel = "FILE", description = "Its initial RAM disk.")
  private @Nullable Path initrd;

  @Option(
      names = "--append",
      paramLabel = "WORDS",
      description = "Added to the kernel's command line.")
  private String append = "";

  @Option(
      names = "--registers",
      paramLabel = "ADDRESS",
      description = "Where a PC's firmware puts the unit, if not where SeaBIOS does.")
  private @Nullable String registers;

  @Option(
      names = "--rmrr",
      paramLabel = "FIRST-LAST",
      description =
          "A region that firmware needs mapped one to one for the test function; repeatable.")
  private List<String> reserved = new ArrayList<>();

  @Option(
      names = "--test-class",
      paramLabel = "CLASS",
      description =
          "Class code of the test function; display (038000) makes its regions relaxable.")
  private String testClass = "ff0000";

  @Option(names = "--boot", description = "Starts QEMU as well, on this terminal.")
  private boolean boots;

  @Option(
      names = "--explore",
      description = "Serves a page as well, to walk the guest's own tables while it runs.")
  private boolean explores;

  @Option(
      names = "--record",
      paramLabel = "NAME.trace",
      description = "Writes a register trace for replay-registers.")
  private @Nullable Path record;

  @Option(names = "--trace", paramLabel = "FILE", description = "Writes the addresses of DMA.")
  private @Nullable Path trace;

  @Option(
      names = "--watch",
      description = "Compares each DMA with the tables and reports missing invalidations.")
  private boolean watches;

  @Option(
      names = "--deaf",
      description = "The unit acknowledges invalidations and forgets nothing: an experiment.")
  private boolean deaf;

  ServeCommand() {}

  private LiveMode liveMode() {
    if (stage != null && stage != 1 && stage != 2) {
      throw new InputException("--stage %d: expected 1 or 2".formatted(stage));
    }
    boolean vtd = format == LiveFormat.VTD;
    boolean first = stage == null || stage == 1;
    if (mode == ModeName.NESTED) {
      refuseStage("nested");
      return vtd ? LiveMode.SCALABLE_NESTED : LiveMode.STAGES_NESTED;
    }
    if (!vtd) {
      if (mode != null) {
        throw new InputException("--mode: expected nested or none for smmuv3");
      }
      return first ? LiveMode.STAGE1 : LiveMode.STAGE2;
    }
    if (mode == ModeName.SCALABLE) {
      return first ? LiveMode.SCALABLE : LiveMode.SCALABLE_SECOND;
    }
    refuseStage("legacy");
    return LiveMode.LEGACY;
  }

  private void refuseStage(String modeName) {
    if (stage != null) {
      throw new InputException(
          "--stage %d: mode %s has no choice of a stage, expected %s"
              .formatted(
                  stage, modeName, format == LiveFormat.VTD ? "--mode scalable" : "no --mode"));
    }
  }

  private long bytes() {
    Long bytes = Numbers.lengthOrNull(size);
    if (bytes == null) {
      throw new InputException("--size %s: expected bytes, such as 512M".formatted(size));
    }
    return bytes;
  }

  private long registerAddress() {
    if (registers == null) {
      return -1;
    }
    Long address = Numbers.hexOrNull(registers);
    if (address == null || address % 4096 != 0 || address >>> 32 != 0) {
      throw new InputException(
          "--registers %s: expected a multiple of 0x1000 below 4 GiB".formatted(registers));
    }
    if (format != LiveFormat.VTD) {
      throw new InputException("--registers: expected with --format vtd only");
    }
    return address;
  }

  private LiveTest testFunction() {
    List<MemoryRange> ranges = new ArrayList<>();
    for (String text : reserved) {
      String[] ends = text.split("-", 2);
      Long first = Numbers.hexOrNull(ends[0]);
      Long last = ends.length < 2 ? null : Numbers.hexOrNull(ends[1]);
      boolean pages = first != null && last != null && (first & 4095) == 0 && (~last & 4095) == 0;
      if (first == null || last == null || !pages || Long.compareUnsigned(first, last) > 0) {
        throw new InputException(
            "--rmrr %s: expected whole pages, such as f0000-fffff".formatted(text));
      }
      ranges.add(new MemoryRange(first, last));
    }
    if (!ranges.isEmpty() && format != LiveFormat.VTD) {
      throw new InputException("--rmrr: expected with --format vtd only");
    }
    Long code = Numbers.hexOrNull(testClass);
    if (code == null || code >>> 24 != 0) {
      throw new InputException(
          "--test-class %s: expected six hexadecimal digits".formatted(testClass));
    }
    return new LiveTest(code.intValue(), ranges);
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    LiveMode live = liveMode();
    bytes();
    testFunction();
    try (OrderlyEnd end = OrderlyEnd.ofSignals()) {
      if (dir != null) {
        return serve(live, dir.toAbsolutePath(), end);
      }
      Path folder = temporaryFolder();
      try {
        return serve(live, folder, end);
      } finally {
        remove(folder);
      }
    }
  }

  /** A temporary folder in memory if there is enough of it, since guest RAM is large. */
  private Path temporaryFolder() throws IOException {
    Path shared = Path.of("/dev/shm");
    boolean fits = Files.isWritable(shared) && shared.toFile().getUsableSpace() / 2 > bytes();
    return fits
        ? Files.createTempDirectory(shared, "nestwalk-live")
        : Files.createTempDirectory("nestwalk-live");
  }

  private static void remove(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Files.deleteIfExists(file);
      }
      Files.delete(folder);
    } catch (IOException e) {
      // What could not be deleted is in a folder for temporary files.
    }
  }

  private LiveOptions options(LiveMode live, Path folder, @Nullable Kit kit) {
    checkFile("--kernel", kernel);
    checkFile("--initrd", initrd);
    if (boots && kernel == null && kit == null) {
      throw new InputException(
          "--boot: no kernel, expected --kernel FILE, or the kit's (walker/live/kit fetches one)");
    }
    Path linux = kernel;
    Path disk = initrd;
    String program = qemu;
    if (kit != null && linux == null) {
      linux = kit.kernel(format);
      if (disk == null) {
        disk = kitInitrd(folder);
      }
    }
    LiveOptions options =
        LiveOptions.of(live, levels, folder)
            .withDisks(disks)
            .withRam(ram == null ? folder.resolve("ram") : ram.toAbsolutePath(), bytes())
            .withLinux(linux, disk, append)
            .withRegisters(registerAddress())
            .withIgnoredInvalidations(deaf)
            .withProbes(new LiveProbes(record, trace, watches))
            .withTest(testFunction());
    if (program == null && kit != null) {
      program = kit.qemu(format).toString();
    }
    return program == null ? options : options.withQemu(program);
  }

  private static Path kitInitrd(Path folder) {
    return folder.resolve("initrd");
  }

  /** A printed command line may be for another folder; one that is started is for this one. */
  private void checkFile(String option, @Nullable Path file) {
    if (boots && file != null && !Files.isRegularFile(file)) {
      throw new InputException("%s %s: no such file".formatted(option, file));
    }
  }

  private int serve(LiveMode live, Path folder, OrderlyEnd end)
      throws IOException, InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    Kit kit = Kit.find();
    LiveOptions options = options(live, folder, kit);
    int status = 0;
    try (LiveMachine machine = LiveMachine.start(options, line -> tell(err, line));
        Explorer explorer = explores ? explorer(machine) : null) {
      end.stopBy(machine::end);
      if (kit != null && kernel == null && initrd == null) {
        kit.writeInitrd(format, kitInitrd(folder)); // only now is the folder this server's
      }
      if (explorer != null) {
        tell(err, "open " + explorer.url());
      }
      if (boots) {
        status = boot(machine, end);
      } else {
        out.println(machine.shellCommand());
        out.flush();
        if (options.kernel() == null) {
          String both = "put a kernel and its initial RAM disk for VMLINUZ and INITRD";
          tell(err, options.initrd() == null ? both : "put a kernel for VMLINUZ");
        }
        awaitEnd(machine, err);
      }
      tell(err, machine.counters().line());
      machine.unit().guestErrors().lines().forEach(line -> tell(err, "ignored: " + line));
    }
    if (status != 0 && !end.isAsked()) {
      throw new InputException("QEMU ended with status %d".formatted(status));
    }
    return Main.DONE;
  }

  /** The explorer over the guest's memory, which it never changes. */
  private Explorer explorer(LiveMachine machine) throws IOException {
    LiveExploration live = new LiveExploration(machine, format == LiveFormat.VTD);
    return new Explorer(live::now, 0);
  }

  /** Runs QEMU; returns its exit status. */
  private static int boot(LiveMachine machine, OrderlyEnd end) throws InterruptedException {
    List<String> command = machine.command();
    Process process;
    try {
      process = new ProcessBuilder(command).inheritIO().start();
    } catch (IOException e) {
      throw new InputException(
          command.get(0) + ": cannot be started, expected a QEMU (--qemu, or walker/live/kit)");
    }
    end.stopBy(() -> stop(process));
    try {
      return process.waitFor();
    } finally {
      process.destroy();
    }
  }

  private static void stop(Process process) {
    process.destroy();
    try {
      if (!process.waitFor(SECONDS_TO_STOP, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits for the end; on a terminal it shows counters meanwhile. */
  private static void awaitEnd(LiveMachine machine, PrintWriter err) throws InterruptedException {
    boolean shown = Boolean.getBoolean("nestwalk.progress");
    while (!machine.awaitEnd(MILLIS_PER_LINE)) {
      if (shown) {
        err.print("\r\033[K" + machine.counters().shortLine());
        err.flush();
      }
    }
    if (shown) {
      err.print("\r\033[K");
    }
  }

  private static synchronized void tell(PrintWriter err, String line) {
    boolean shown = Boolean.getBoolean("nestwalk.progress");
    err.println((shown ? "\r\033[K" : "") + line);
    err.flush();
  }
}
