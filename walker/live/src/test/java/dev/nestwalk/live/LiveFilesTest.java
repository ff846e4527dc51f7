package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a machine makes of the files that it is given. */
@Timeout(60)
final class LiveFilesTest {
  private static final long INITRD_OFFSET = 256L << 20;
  private static final long INITRD_BYTES = 96L << 20;
  private static final long KERNEL_BYTES = 254L << 20;

  @TempDir Path folder;
  private final List<String> lines = new ArrayList<>();

  private Path sparse(String name, long size) throws IOException {
    Path file = folder.resolve(name);
    put(file, size - 1, 0);
    return file;
  }

  private static void put(Path file, long at, int value) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {(byte) value}), at);
    }
  }

  private static int get(Path file, long at) throws IOException {
    ByteBuffer one = ByteBuffer.allocate(1);
    try (FileChannel channel = FileChannel.open(file)) {
      assertEquals(1, channel.read(one, at));
    }
    return one.get(0);
  }

  private void start(LiveMode mode, Path kernel, Path initrd) throws IOException {
    LiveOptions options = LiveOptions.of(mode, 4, folder).withLinux(kernel, initrd, "");
    LiveMachine.start(options, lines::add).close();
  }

  /** The boot ROM loads kernel and initial RAM disk at fixed places. */
  @ParameterizedTest
  @EnumSource(names = {"STAGE1", "STAGE2", "STAGES_NESTED"})
  void refusesWhatTheBootRomHasNoRoomFor(LiveMode mode) throws IOException {
    Path kernel = sparse("kernel", KERNEL_BYTES);
    Path initrd = sparse("initrd", INITRD_BYTES);
    start(mode, kernel, initrd);
    Path largeKernel = sparse("large-kernel", KERNEL_BYTES + 1);
    Path largeInitrd = sparse("large-initrd", INITRD_BYTES + 1);
    assertRefused(mode, largeKernel, initrd, largeKernel + ": kernel of 266338305 bytes, ", 254);
    assertRefused(
        mode, kernel, largeInitrd, largeInitrd + ": initial RAM disk of 100663297 bytes, ", 96);
  }

  private void assertRefused(LiveMode mode, Path kernel, Path initrd, String words, int limit) {
    IOException refused = assertThrows(IOException.class, () -> start(mode, kernel, initrd));
    assertEquals(words + "expected up to " + limit + " MiB", refused.getMessage());
  }

  @Test
  void aPcsFirmwareLoadsFilesOfAnySize() throws IOException {
    start(
        LiveMode.SCALABLE, sparse("kernel", KERNEL_BYTES + 1), sparse("initrd", INITRD_BYTES + 1));
    assertEquals(List.of(), lines);
  }

  /** The tree names the end of the largest initial RAM disk; behind a smaller one are zeros. */
  @Test
  void ramOfAnEarlierGuestIsClearedWhereTheInitialRamDiskGoes() throws IOException {
    Path ram = sparse("ram", LiveOptions.USUAL_SIZE);
    long end = INITRD_OFFSET + INITRD_BYTES;
    long[] inside = {
      INITRD_OFFSET, INITRD_OFFSET + 1, INITRD_OFFSET + (1 << 20) - 1, end - (50 << 20), end - 1
    };
    long[] outside = {0, INITRD_OFFSET - 1, end, LiveOptions.USUAL_SIZE - 1};
    for (int run = 0; run < 2; run++) {
      for (long at : inside) {
        put(ram, at, 7);
      }
      for (long at : outside) {
        put(ram, at, 9);
      }
      LiveMachine.start(LiveOptions.of(LiveMode.STAGE1, 4, folder), lines::add).close();
      for (long at : inside) {
        assertEquals(0, get(ram, at), "at " + at);
      }
      for (long at : outside) {
        assertEquals(9, get(ram, at), "at " + at);
      }
    }
    assertEquals(List.of(), lines);
  }

  @Test
  void traceFilesAreTakenOverOnlyWhenNobodyHasThem() throws IOException {
    Path trace = Files.writeString(folder.resolve("trace"), "old\n".repeat(1000));
    LiveProbes probes = new LiveProbes(null, trace, false);
    LiveOptions one = LiveOptions.of(LiveMode.LEGACY, 4, folder.resolve("one")).withProbes(probes);
    LiveOptions two = LiveOptions.of(LiveMode.LEGACY, 4, folder.resolve("two")).withProbes(probes);
    try (LiveMachine machine = LiveMachine.start(one, lines::add)) {
      assertTrue(machine.shellCommand().contains("one"));
      assertEquals(0, Files.size(trace));
      IOException refused =
          assertThrows(IOException.class, () -> LiveMachine.start(two, lines::add).close());
      assertTrue(String.valueOf(refused.getMessage()).startsWith(trace + ": "), "names the file");
    }
    LiveMachine.start(two, lines::add).close();
    assertTrue(Files.readString(trace).startsWith("# nestwalk-trace 1\n# time_ns "));
  }
}
