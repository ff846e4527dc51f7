package dev.nestwalk.live;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The long run: a user program of the guest has a first stage of its own over a second stage by
 * Linux (iommufd), and compares what the test function's DMA meets with what the tables say. {@code
 * walker/live/nested-kernel} builds kernel and program.
 *
 * <p>Arguments: levels, 4 or 5; {@code deaf} for the control, in which invalidations are hidden
 * from the unit. Exit status 0 if the run ended as it should.
 */
final class NestedRun {
  private NestedRun() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    int levels = Integer.parseInt(args[0]);
    boolean deaf = args.length > 1;
    Kit kit = Kit.find();
    if (kit == null) {
      System.err.println("no kit: run walker/live/kit and walker/live/nested-kernel");
      System.exit(2);
      return;
    }
    Path scripts = Path.of(System.getProperty("nestwalk.root", "."), "walker/live/src/test/linux");
    Map<String, byte[]> programs =
        Map.of(
            "init", Files.readAllBytes(scripts.resolve("init-nested")),
            "bin/nested", Files.readAllBytes(kit.folder().resolve("nested-x86")));
    int width = levels == 5 ? 57 : 48;
    BootRun run =
        BootRun.of(
            kit,
            new BootRun.Guest(
                LiveMode.SCALABLE_NESTED,
                levels,
                kit.folder().resolve("vmlinuz-nested-x86"),
                programs,
                "iommufd.allow_unsafe_interrupts=1 width=" + width,
                deaf,
                List.of(),
                null));
    run.console().lines().filter(line -> !line.startsWith("ROW")).forEach(System.out::println);
    run.lines().forEach(System.out::println);
    System.out.printf("%s; %.0f s%n", run.counters(), run.seconds());
    boolean good = run.console().contains("NESTED-GOOD");
    boolean ended = run.console().contains("LIVE-DONE");
    System.out.println(
        deaf ? "control: " + (good ? "not noticed" : "noticed") : good ? "good" : "bad");
    System.exit(ended && good != deaf ? 0 : 1);
  }
}
