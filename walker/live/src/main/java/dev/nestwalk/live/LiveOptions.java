package dev.nestwalk.live;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of a live machine.
 *
 * @param mode capabilities of the unit
 * @param levels levels of the largest tables, 4 or 5
 * @param disks files, each behind an NVMe controller; if empty, there is one controller with a disk
 *     in memory
 * @param dir folder for sockets and tables, created if it does not exist
 * @param ram file that holds the guest's RAM, created if it does not exist
 * @param size bytes of RAM
 * @param qemu the program in the command line
 * @param kernel Linux, or null for placeholders in the command line
 * @param initrd initial RAM disk, or null
 * @param append additional words of the kernel's command line
 * @param registers address at which a PC's firmware places the unit's registers; -1 for that of
 *     SeaBIOS if nothing is added to the command line
 * @param ignoresInvalidations whether the unit acknowledges invalidations but drops nothing, for
 *     experiments
 * @param probes what is recorded or watched
 * @param test what guests see of the test function
 */
public record LiveOptions(
    LiveMode mode,
    int levels,
    List<Path> disks,
    Path dir,
    Path ram,
    long size,
    String qemu,
    @Nullable Path kernel,
    @Nullable Path initrd,
    String append,
    long registers,
    boolean ignoresInvalidations,
    LiveProbes probes,
    LiveTest test) {

  /** Default size of RAM in bytes. */
  public static final long USUAL_SIZE = 512L << 20;

  /** Copies the list of disks. */
  public LiveOptions {
    disks = List.copyOf(disks);
  }

  /**
   * A machine with a disk in memory and {@value #USUAL_SIZE} bytes of RAM in DIR/ram, without a
   * kernel.
   */
  public static LiveOptions of(LiveMode mode, int levels, Path dir) {
    boolean vtd = mode.format() == LiveFormat.VTD;
    return new LiveOptions(
        mode,
        levels,
        List.of(),
        dir,
        dir.resolve("ram"),
        USUAL_SIZE,
        vtd ? "qemu-system-x86_64" : "qemu-system-aarch64",
        null,
        null,
        "",
        -1,
        false,
        LiveProbes.NONE,
        LiveTest.USUAL);
  }

  /** These options with disks. */
  public LiveOptions withDisks(List<Path> files) {
    return with(draft -> draft.disks = files);
  }

  /** These options with RAM in another file or of another size. */
  public LiveOptions withRam(Path file, long bytes) {
    return with(
        draft -> {
          draft.ram = file;
          draft.size = bytes;
        });
  }

  /** These options with another QEMU. */
  public LiveOptions withQemu(String program) {
    return with(draft -> draft.qemu = program);
  }

  /**
   * These options with Linux.
   *
   * @param words additional words of its command line
   */
  public LiveOptions withLinux(@Nullable Path linux, @Nullable Path ramDisk, String words) {
    return with(
        draft -> {
          draft.kernel = linux;
          draft.initrd = ramDisk;
          draft.append = words;
        });
  }

  /** These options with another address of the registers; -1 for that of SeaBIOS. */
  public LiveOptions withRegisters(long address) {
    return with(draft -> draft.registers = address);
  }

  /** These options with a unit that ignores invalidations or not. */
  public LiveOptions withIgnoredInvalidations(boolean ignored) {
    return with(draft -> draft.ignoresInvalidations = ignored);
  }

  /** These options with probes. */
  public LiveOptions withProbes(LiveProbes watching) {
    return with(draft -> draft.probes = watching);
  }

  /** These options with another test function. */
  public LiveOptions withTest(LiveTest look) {
    return with(draft -> draft.test = look);
  }

  private LiveOptions with(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return draft.options();
  }

  /** Options while one of them is changed. */
  private static final class Draft {
    private final LiveMode mode;
    private final int levels;
    private List<Path> disks;
    private final Path dir;
    private Path ram;
    private long size;
    private String qemu;
    private @Nullable Path kernel;
    private @Nullable Path initrd;
    private String append;
    private long registers;
    private boolean ignoresInvalidations;
    private LiveProbes probes;
    private LiveTest test;

    Draft(LiveOptions from) {
      mode = from.mode;
      levels = from.levels;
      disks = from.disks;
      dir = from.dir;
      ram = from.ram;
      size = from.size;
      qemu = from.qemu;
      kernel = from.kernel;
      initrd = from.initrd;
      append = from.append;
      registers = from.registers;
      ignoresInvalidations = from.ignoresInvalidations;
      probes = from.probes;
      test = from.test;
    }

    LiveOptions options() {
      return new LiveOptions(
          mode,
          levels,
          disks,
          dir,
          ram,
          size,
          qemu,
          kernel,
          initrd,
          append,
          registers,
          ignoresInvalidations,
          probes,
          test);
    }
  }
}
