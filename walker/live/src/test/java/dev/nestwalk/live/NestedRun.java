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
 * <p>Arguments: {@code vtd 4}, {@code vtd 5} or {@code smmuv3 4}; {@code deaf} for the control, in
 * which invalidations are hidden from the unit. Exit status 0 if the run ended as it should.
 */
final class NestedRun {
  private NestedRun() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    boolean vtd = args[0].equals("vtd");
    int levels = Integer.parseInt(args[1]);
    boolean deaf = args.length > 2;
    Kit kit = Kit.find();
    if (kit == null) {
      System.err.println("no kit: run walker/live/kit and walker/live/nested-kernel");
      System.exit(2);
      return;
    }
    String name = vtd ? "x86" : "arm64";
    Path scripts = Path.of(System.getProperty("nestwalk.root", "."), "walker/live/src/test/linux");
    Map<String, byte[]> programs =
        Map.of(
            "init", Files.readAllBytes(scripts.resolve("init-nested")),
            "bin/nested", Files.readAllBytes(kit.folder().resolve("nested-" + name)));
    int width = levels == 5 ? 57 : 48;
    BootRun run =
        BootRun.of(
            kit,
            new BootRun.Guest(
                vtd ? LiveMode.SCALABLE_NESTED : LiveMode.STAGES_NESTED,
                levels,
                kit.folder().resolve("vmlinuz-nested-" + name),
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
