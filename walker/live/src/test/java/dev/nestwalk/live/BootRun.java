package dev.nestwalk.live;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One boot of Linux on a live machine, from start to power-off.
 *
 * @param console what the guest printed
 * @param lines what the server said
 * @param counters of the machine
 * @param exit QEMU's status; -1 if it had to be ended
 * @param ended whether the machine noticed that QEMU had gone
 * @param seconds from start to end
 */
record BootRun(
    String console, List<String> lines, String counters, int exit, boolean ended, double seconds) {
  private static final int LIMIT_SECONDS = 240;
  private static final int POLL_MILLIS = 100;
  private static final long RAM = 512L << 20;

  /** A moment of a boot at which something is done. */
  record Moment(String words, Action action) {}

  /** What is done when the console has shown certain words. */
  @FunctionalInterface
  interface Action {
    /**
     * Does it. Afterwards an empty line is typed on the console.
     *
     * @param console what it has shown so far
     * @return false if QEMU is to be killed
     */
    boolean at(LiveMachine machine, String console) throws IOException;
  }

  /**
   * What is booted.
   *
   * @param programs of the initial RAM disk, by name; {@code init} is one of them
   * @param append further words of the kernel's command line
   * @param deaf whether the unit forgets nothing
   * @param disks files, or none for memory
   * @param test what the guest sees of the test function
   * @param moment or null
   */
  record Guest(
      LiveMode mode,
      int levels,
      Path kernel,
      Map<String, byte[]> programs,
      String append,
      boolean deaf,
      List<Path> disks,
      LiveTest test,
      @Nullable Moment moment) {

    /** The kit's Linux with one of the scripts beside the tests. */
    static Guest of(Kit kit, LiveMode mode, int levels, String script) throws IOException {
      return new Guest(
          mode,
          levels,
          kit.kernel(mode.format()),
          Map.of("init", script(script)),
          "panic=-1",
          false,
          List.of(),
          LiveTest.USUAL,
          null);
    }

    /** A guest that writes to its disk until QEMU is killed. */
    static Guest killed(Kit kit, LiveMode mode, Path disk) throws IOException {
      Moment writing = new Moment("LIVE-ROUND", (machine, console) -> false);
      return of(kit, mode, 4, "init-write").withDisks(List.of(disk)).at(writing);
    }

    /** This guest with a unit that forgets nothing, or not. */
    Guest deaf(boolean isDeaf) {
      return new Guest(mode, levels, kernel, programs, append, isDeaf, disks, test, moment);
    }

    /** This guest with disks. */
    Guest withDisks(List<Path> files) {
      return new Guest(mode, levels, kernel, programs, append, deaf, files, test, moment);
    }

    /** This guest with another test function. */
    Guest withTest(LiveTest look) {
      return new Guest(mode, levels, kernel, programs, append, deaf, disks, look, moment);
    }

    /** This guest with something to do at a moment. */
    Guest at(Moment then) {
      return new Guest(mode, levels, kernel, programs, append, deaf, disks, test, then);
    }

    private static byte[] script(String name) throws IOException {
      try (InputStream script = BootRun.class.getResourceAsStream(name)) {
        return Objects.requireNonNull(script, name).readAllBytes();
      }
    }
  }

  /** Boots; QEMU is ended after {@value #LIMIT_SECONDS} seconds. */
  static BootRun of(Kit kit, Guest guest) throws IOException, InterruptedException {
    Path memory = Path.of("/dev/shm");
    boolean fits = Files.isWritable(memory) && memory.toFile().getUsableSpace() > 4 * RAM;
    Path dir =
        fits
            ? Files.createTempDirectory(memory, "nestwalk-boot")
            : Files.createTempDirectory("nestwalk-boot");
    try {
      return in(dir, kit, guest);
    } finally {
      try (Stream<Path> files = Files.list(dir)) {
        for (Path file : files.toList()) {
          Files.deleteIfExists(file);
        }
      }
      Files.delete(dir);
    }
  }

  private static BootRun in(Path dir, Kit kit, Guest guest)
      throws IOException, InterruptedException {
    Path initrd = dir.resolve("initrd");
    LiveFormat format = guest.mode.format();
    kit.writeInitrd(format, guest.programs, initrd);
    LiveOptions options =
        LiveOptions.of(guest.mode, guest.levels, dir)
            .withDisks(guest.disks)
            .withRam(dir.resolve("ram"), RAM)
            .withQemu(kit.qemu(format).toString())
            .withLinux(guest.kernel, initrd, guest.append)
            .withIgnoredInvalidations(guest.deaf)
            .withTest(guest.test);
    List<String> lines = new ArrayList<>();
    long begin = System.nanoTime();
    try (LiveMachine machine =
        LiveMachine.start(
            options,
            line -> {
              synchronized (lines) {
                lines.add(line);
              }
            })) {
      Path console = dir.resolve("console");
      Process qemu =
          new ProcessBuilder(machine.command())
              .redirectOutput(console.toFile())
              .redirectErrorStream(true)
              .start();
      int exit = -1;
      try {
        long end = begin + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
        Moment next = guest.moment;
        while (!qemu.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS) && System.nanoTime() < end) {
          if (next != null && text(console).contains(next.words)) {
            if (!next.action.at(machine, text(console))) {
              break;
            }
            qemu.getOutputStream().write('\n');
            qemu.getOutputStream().flush();
            next = null;
          }
        }
        if (!qemu.isAlive()) {
          exit = qemu.exitValue();
        }
      } finally {
        qemu.destroyForcibly().waitFor();
      }
      boolean ended = machine.awaitEnd(TimeUnit.SECONDS.toMillis(10));
      String text = text(console);
      double seconds = (System.nanoTime() - begin) / 1e9;
      synchronized (lines) {
        return new BootRun(
            text, List.copyOf(lines), machine.counters().line(), exit, ended, seconds);
      }
    }
  }

  private static String text(Path console) throws IOException {
    return Files.readString(console, StandardCharsets.ISO_8859_1);
  }
}
