package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.nestwalk.memory.MemoryRange;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Unmodified Linux in an unmodified QEMU: its IOMMU driver programs our units, its disk's every
 * access is translated by them. Each run boots, writes and reads back 2 MiB and a file system,
 * provokes two faults, and switches off.
 *
 * <p>Needs what {@code walker/live/kit} fetches. Without it the runs fail where CI is set, and say
 * loudly that they did not happen elsewhere.
 */
@Timeout(1200)
final class LinuxBootTest {
  private static final int DISK_BYTES = 16 << 20;

  /** What init-write writes, again and again. */
  private static final int WRITTEN_BYTES = 16 * (64 << 10);

  /** Reserved memory of SeaBIOS, as Linux wants it of an RMRR. */
  private static final MemoryRange RMRR = new MemoryRange(0xf_0000, 0xf_ffff);

  private static final String IN_A_GROUP = "LIVE-GROUP .*/iommu_groups/[0-9]+\\s*";

  @TempDir static Path folder;

  /** A boot uses little more than one processor. */
  private static final int AT_ONCE = 2;

  /** One configuration, and what its driver makes of the provoked faults. */
  enum Run {
    VTD_LEGACY(LiveMode.LEGACY, 4, 3, 0x06, 0x05),
    VTD_FIRST_STAGE_4(LiveMode.SCALABLE, 4, 1, 0x71, 0x71),
    VTD_FIRST_STAGE_5(LiveMode.SCALABLE, 5, 1, 0x71, 0x71),
    VTD_SECOND_STAGE(LiveMode.SCALABLE_SECOND, 4, 1, 0x79, 0x79),
    SMMU_STAGE_1(LiveMode.STAGE1, 4, 2, 0x10, 0x10),
    SMMU_STAGE_2(LiveMode.STAGE2, 4, 1, 0x10, 0x10);

    private final LiveMode mode;
    private final int levels;
    private final int disks;
    private final int readCode;
    private final int writeCode;

    Run(LiveMode mode, int levels, int disks, int readCode, int writeCode) {
      this.mode = mode;
      this.levels = levels;
      this.disks = disks;
      this.readCode = readCode;
      this.writeCode = writeCode;
    }

    /** The test function comes after the unit and the disks. */
    String testFunction() {
      return "00:%02x.0".formatted(QemuCommand.FIRST_SLOT + 1 + disks);
    }

    /** Whether Linux switches the device's part of ATS, PASIDs and page requests on. */
    boolean sharesTranslations() {
      return mode == LiveMode.SCALABLE;
    }

    /** Words of the driver's line for the read of 0x12345678000 and the write of 0x1000. */
    List<String[]> inDmesg() {
      if (mode.format() == LiveFormat.VTD) {
        return List.of(
            new String[] {
              "DMA Read",
              testFunction(),
              "addr 0x12345678000 ",
              "[fault reason 0x%02x]".formatted(readCode)
            },
            new String[] {
              "DMA Write",
              testFunction(),
              "addr 0x1000 ",
              "[fault reason 0x%02x]".formatted(writeCode)
            });
      }
      return List.of(
          new String[] {"F_TRANSLATION", testFunction(), "iova: 0x12345678000 "},
          new String[] {"F_TRANSLATION", testFunction(), "iova: 0x1000 "},
          new String[] {"unpriv data read"},
          new String[] {"unpriv data write"});
    }
  }

  /** The control: a unit that acknowledges invalidations and forgets nothing. */
  private static final Run CONTROL = Run.VTD_LEGACY;

  private static final Map<Run, Future<BootRun>> RUNS = new ConcurrentHashMap<>();
  private static @Nullable Future<BootRun> control;
  private static @Nullable Future<BootRun> killed;
  private static @Nullable ExecutorService pool;

  @BeforeAll
  static void start() {
    Kit kit = Kit.find();
    if (kit != null) {
      start(kit);
      return;
    }
    String missing =
        "==== Linux was not booted: walker/live/kit fetches what that needs; run it once ====";
    if (System.getenv("CI") != null) {
      fail(missing);
    }
    System.err.println(missing);
    Assumptions.abort(missing);
  }

  private static void start(Kit kit) {
    pool = Executors.newFixedThreadPool(AT_ONCE);
    for (Run run : Run.values()) {
      RUNS.put(run, pool.submit(() -> boot(kit, run, false)));
    }
    control = pool.submit(() -> boot(kit, CONTROL, true));
    killed = pool.submit(() -> BootRun.of(kit, BootRun.Guest.killed(kit, LiveMode.STAGE1, disk())));
  }

  private static BootRun boot(Kit kit, Run run, boolean deaf)
      throws IOException, InterruptedException {
    BootRun.Guest guest = BootRun.Guest.of(kit, run.mode, run.levels, "init-test").deaf(deaf);
    if (run.sharesTranslations()) {
      guest = guest.withTest(new LiveTest(TestFunction.CLASS, List.of(RMRR)));
    }
    List<Path> disks = new ArrayList<>();
    for (int i = 0; run.disks > 1 && i < run.disks; i++) {
      Path disk = folder.resolve("%s%s-%d".formatted(run, deaf ? "-deaf" : "", i));
      disks.add(Files.write(disk, new byte[DISK_BYTES]));
    }
    return BootRun.of(kit, guest.withDisks(disks));
  }

  @AfterAll
  static void end() {
    if (pool != null) {
      pool.shutdownNow();
    }
  }

  @ParameterizedTest
  @EnumSource(Run.class)
  void linuxUsesItsDiskAndTellsFaults(Run run) throws ExecutionException, InterruptedException {
    BootRun boot = Objects.requireNonNull(RUNS.get(run)).get();
    String console = boot.console();
    String all = boot.toString();
    System.out.printf("%s: %.0f s; %s%n", run, boot.seconds(), boot.counters());
    for (int i = 0; i < run.disks; i++) {
      assertTrue(console.contains("LIVE-DATA-SAME nvme%dn1".formatted(i)), all);
    }
    assertEquals(
        run.disks + 1, console.lines().filter(l -> l.matches(IN_A_GROUP)).distinct().count(), all);
    assertTrue(console.contains("LIVE-FILE kept"), all);
    assertFalse(console.contains("LIVE-WARNING"), all);
    assertTrue(console.contains("LIVE-DMA read 0x%08X".formatted(2 | run.readCode << 8)), all);
    assertTrue(console.contains("LIVE-DMA write 0x%08X".formatted(2 | run.writeCode << 8)), all);
    for (String[] words : run.inDmesg()) {
      assertTrue(
          console.lines().anyMatch(l -> Stream.of(words).allMatch(l::contains)),
          () -> "no line of the driver with " + String.join(", ", words) + " in " + all);
    }
    assertFalse(console.contains("warning: vfio"), all);
    assertTrue(console.contains("LIVE-DONE"), all);
    assertTrue(console.contains("reboot: Power down"), all);
    assertEquals(0, boot.exit(), all);
    assertTrue(boot.ended(), all);
    if (run.sharesTranslations()) {
      sharesTranslations(console, all);
    }
    // Two provoked refusals and nothing else was worth a line.
    assertEquals(2, boot.lines().size(), all);
    assertTrue(boot.lines().stream().allMatch(l -> l.startsWith("test: ")), all);
    assertFalse(boot.counters().contains("lost"), all);
  }

  /** What Linux made of the test function's capabilities, and how the unit answers them. */
  private static void sharesTranslations(String console, String all) {
    assertTrue(console.contains("LIVE-ON PASID 0001"), all);
    assertTrue(console.contains("LIVE-ON ATS 8000"), all);
    assertTrue(console.contains("LIVE-ON PRI 0001"), all);
    assertTrue(console.contains("LIVE-DMA translation 0x00000001"), all);
    // The region is mapped one to one: a page of 4 KiB for reading and writing.
    assertTrue(console.contains("LIVE-ATS 0x00000000000F00C3"), all);
    assertTrue(console.contains("LIVE-DMA translated 0x00000001"), all);
    assertTrue(console.contains("LIVE-PAGES 0x00000001 "), all);
  }

  @Test
  void hiddenInvalidationsAreNoticed() throws ExecutionException, InterruptedException {
    BootRun boot = Objects.requireNonNull(control).get();
    String console = boot.console();
    boolean works =
        console.contains("LIVE-DATA-SAME")
            && console.contains("LIVE-FILE kept")
            && !console.contains("LIVE-WARNING");
    assertFalse(works, boot.toString());
  }

  private static Path disk() throws IOException {
    return Files.write(folder.resolve("disk"), new byte[DISK_BYTES]);
  }

  @Test
  void qemuKilledInTheMiddleOfWritesHarmsNothing()
      throws ExecutionException, InterruptedException, IOException {
    BootRun boot = Objects.requireNonNull(killed).get();
    String all = boot.toString();
    assertTrue(boot.console().contains("LIVE-ROUND"), all);
    assertTrue(boot.ended(), all);
    // A socket may have closed in the middle of a message: at most that is told, once for each.
    assertTrue(boot.lines().size() <= 3, all);
    assertTrue(
        boot.lines().stream()
            .allMatch(l -> l.contains("client went away") || l.contains("connection lost")),
        all);
    byte[] disk = Files.readAllBytes(folder.resolve("disk"));
    assertEquals(DISK_BYTES, disk.length);
    byte[] untouched = Arrays.copyOfRange(disk, WRITTEN_BYTES, DISK_BYTES);
    assertArrayEquals(
        new byte[DISK_BYTES - WRITTEN_BYTES], untouched, "blocks beyond those written");
  }
}
