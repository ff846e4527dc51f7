package dev.nestwalk.live;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The long run: a user program of the guest has a first stage of its own over a second stage by
 * Linux (iommufd), for requests without and with a PASID, and compares what the test function's DMA
 * meets with what the tables say. {@code walker/live/nested-kernel} builds kernels and programs.
 *
 * <p>Arguments: {@code 4} or {@code 5} levels of VT-d, or {@code smmuv3}; then nothing, or {@code
 * deaf} for the control, in which invalidations are hidden from the unit, or the stem of a scenario
 * to write. Exit status 0 if the run ended as it should.
 */
final class NestedRun {
  private static final int TEST_FUNCTION = 0x20;
  private static final String VTD_WORDS = "iommufd.allow_unsafe_interrupts=1 width=";

  private NestedRun() {}

  /** A kind of tables. */
  private record Kind(LiveMode mode, int levels, String kernel, String program, String append) {
    static Kind of(String word) {
      return switch (word) {
        case "4" -> vtd(4, 48);
        case "5" -> vtd(5, 57);
        case "smmuv3" ->
            new Kind(
                LiveMode.STAGES_NESTED,
                4,
                "vmlinuz-nested-arm64",
                "nested-arm64",
                "iommufd.allow_unsafe_interrupts=1");
        default -> throw new IllegalArgumentException(word + ": expected 4, 5 or smmuv3");
      };
    }

    private static Kind vtd(int levels, int width) {
      return new Kind(
          LiveMode.SCALABLE_NESTED, levels, "vmlinuz-nested-x86", "nested-x86", VTD_WORDS + width);
    }

    String shows() {
      return mode.format() == LiveFormat.VTD
          ? "nested: %d-level first stages by a user program, without and with PASID, over a"
                  .formatted(levels)
              + " second stage by Linux (iommufd)"
          : "nested: stage 1 by a user program over stage 2 by Linux (iommufd)";
    }
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    Kind kind = Kind.of(args[0]);
    boolean deaf = args.length > 1 && args[1].equals("deaf");
    Path stem = args.length > 1 && !deaf ? Path.of(args[1]) : null;
    Kit kit = Kit.find();
    if (kit == null || !Files.exists(kit.folder().resolve(kind.kernel))) {
      System.err.println("no kit, or no " + kind.kernel + " in it: run walker/live/nested-kernel");
      System.exit(2);
      return;
    }
    BootRun run = BootRun.of(kit, guest(kit, kind, deaf, stem));
    run.console().lines().filter(line -> !line.contains("ROW ")).forEach(System.out::println);
    run.lines().forEach(System.out::println);
    System.out.printf("%s; %.0f s%n", run.counters(), run.seconds());
    boolean good = run.console().contains("NESTED-GOOD") && run.console().contains("SHARING-GOOD");
    boolean ended = run.console().contains("LIVE-DONE");
    System.out.println(
        deaf ? "control: " + (good ? "not noticed" : "noticed") : good ? "good" : "bad");
    System.exit(ended && good != deaf ? 0 : 1);
  }

  private static BootRun.Guest guest(Kit kit, Kind kind, boolean deaf, @Nullable Path stem)
      throws IOException {
    Path scripts = Path.of(System.getProperty("nestwalk.root", "."), "walker/live/src/test/linux");
    Map<String, byte[]> programs =
        Map.of(
            "init", Files.readAllBytes(scripts.resolve("init-nested")),
            "bin/nested", Files.readAllBytes(kit.folder().resolve(kind.program)));
    BootRun.Moment still =
        new BootRun.Moment(
            "ROWS-END",
            (machine, console) -> {
              if (stem != null) {
                Capture.write(
                    stem, machine, kind.mode, TEST_FUNCTION, console, told(kit, kind, machine));
              }
              return true;
            });
    return new BootRun.Guest(
        kind.mode,
        kind.levels,
        kit.folder().resolve(kind.kernel),
        programs,
        kind.append,
        deaf,
        List.of(),
        LiveTest.USUAL,
        still);
  }

  private static Capture.Told told(Kit kit, Kind kind, LiveMachine machine) throws IOException {
    String version = Files.readString(kit.folder().resolve("guests.done")).strip();
    List<String> words = machine.command();
    String append = words.get(words.indexOf("-append") + 1);
    return new Capture.Told(
        kind.shows(), version.replaceFirst("^QEMU emulator version ", ""), append);
  }
}
