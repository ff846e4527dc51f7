package dev.nestwalk.live;

import dev.nestwalk.memory.MemoryRange;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The long run that asks Linux's iommufd about reserved regions, and writes its answers in the form
 * of {@code nestwalk regions replay}.
 *
 * <p>Arguments: {@code msi} (the test function has the message window alone), {@code relaxable}
 * (and an RMRR, as a display controller) or {@code direct} (and an RMRR, as a device of another
 * class); the file to write.
 */
final class RegionsRun {
  /** What SeaBIOS reports as reserved, as Linux wants it of an RMRR. */
  private static final MemoryRange RMRR = new MemoryRange(0xf_0000, 0xf_ffff);

  private static final int DISPLAY = 0x038000;
  private static final String FIRST = "# Linux ";

  private RegionsRun() {}

  private static LiveTest test(String kind) {
    return switch (kind) {
      case "msi", "smmuv3" -> LiveTest.USUAL;
      case "relaxable" -> new LiveTest(DISPLAY, List.of(RMRR));
      case "direct" -> new LiveTest(TestFunction.CLASS, List.of(RMRR));
      default ->
          throw new IllegalArgumentException(kind + ": expected msi, relaxable, direct or smmuv3");
    };
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    Kit kit = Kit.find();
    boolean vtd = !args[0].equals("smmuv3");
    String arch = vtd ? "x86" : "arm64";
    Path kernel = kit == null ? null : kit.folder().resolve("vmlinuz-nested-" + arch);
    if (kit == null || kernel == null || !Files.exists(kernel)) {
      System.err.println("no kit, or no kernel with iommufd in it: run walker/live/nested-kernel");
      System.exit(2);
      return;
    }
    Path scripts = Path.of(System.getProperty("nestwalk.root", "."), "walker/live/src/test/linux");
    Map<String, byte[]> programs =
        Map.of(
            "init", Files.readAllBytes(scripts.resolve("init-regions")),
            "bin/regions", Files.readAllBytes(kit.folder().resolve("regions-" + arch)));
    BootRun run =
        BootRun.of(
            kit,
            new BootRun.Guest(
                vtd ? LiveMode.SCALABLE_NESTED : LiveMode.STAGES_NESTED,
                4,
                kernel,
                programs,
                "iommufd.allow_unsafe_interrupts=1 loglevel=0",
                false,
                List.of(),
                test(args[0]),
                null));
    System.out.println(run.console());
    List<String> record = new ArrayList<>();
    for (String line : (Iterable<String>) run.console().lines()::iterator) {
      if (!record.isEmpty() || line.startsWith(FIRST)) {
        if (line.startsWith("REGIONS-END") || line.contains("LIVE-DONE")) {
          break;
        }
        record.add(line.strip());
      }
    }
    Files.write(Path.of(args[1]), record);
    System.exit(run.console().contains("LIVE-DONE") ? 0 : 1);
  }
}
