package dev.nestwalk;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.nestwalk.acpi.AcpiDump;
import dev.nestwalk.acpi.DmarTable;
import dev.nestwalk.acpi.FirmwareException;
import dev.nestwalk.acpi.IortTable;
import dev.nestwalk.acpi.IvrsTable;
import dev.nestwalk.acpi.ReservedRegionsText;
import dev.nestwalk.acpi.VirtioProbe;
import dev.nestwalk.memory.ElfCore;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.ImageException;
import dev.nestwalk.memory.MemoryDump;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.memory.RawMemory;
import dev.nestwalk.memory.Unpacking;
import dev.nestwalk.region.RegionException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Files and tables of any content open or are refused by the exception that says why: no other
 * exception, no loop without end, no memory without bound. The build replays the inputs beside
 * (resources); CONTRIBUTING tells how to search for new ones.
 */
class FilesFuzzTest {
  private static final Path FILE = file();

  private static Path file() {
    try {
      Path file = Files.createTempFile("nestwalk-fuzz", ".img");
      file.toFile().deleteOnExit();
      return file;
    } catch (IOException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static void readSome(GuestMemory memory) {
    for (int run = 0; run < memory.runCount(); run++) {
      memory.load(run, memory.first(run) & -8L);
      memory.load(run, memory.last(run) - 7);
    }
    memory.find(0);
    memory.find(-8);
  }

  @FuzzTest(maxDuration = "10m")
  void elfCore(byte[] bytes) throws IOException {
    Files.write(FILE, bytes);
    try (Arena arena = Arena.ofConfined()) {
      readSome(ElfCore.open(FILE, List.of(), Opening.PRIVATE_COPY, arena));
    } catch (ImageException e) {
      requireReason(e.getMessage());
    }
  }

  @FuzzTest(maxDuration = "10m")
  void dumpOfAnyKind(byte[] bytes) throws IOException {
    Files.write(FILE, bytes);
    try (Arena arena = Arena.ofConfined()) {
      readSome(MemoryDump.open(FILE, List.of(), Opening.READ_ONLY, Unpacking.PLAIN, arena));
    } catch (ImageException e) {
      requireReason(e.getMessage());
    }
  }

  @FuzzTest(maxDuration = "10m")
  void rawMemory(byte[] bytes) throws IOException {
    List<RawMemory.Mapping> mappings;
    try {
      mappings = RawMemory.parse(text(bytes).lines().toList());
    } catch (IllegalArgumentException e) {
      requireReason(e.getMessage());
      return;
    }
    Files.write(FILE, new byte[8192]);
    try (Arena arena = Arena.ofConfined()) {
      readSome(RawMemory.open(FILE, mappings, Opening.READ_ONLY, arena));
    } catch (ImageException e) {
      requireReason(e.getMessage());
    }
  }

  @FuzzTest(maxDuration = "10m")
  void dmar(byte[] bytes) {
    refusable(() -> DmarTable.parse(bytes));
    refusable(() -> DmarTable.parseLeniently(bytes));
  }

  @FuzzTest(maxDuration = "10m")
  void iort(byte[] bytes) {
    refusable(() -> IortTable.parse(bytes));
    refusable(() -> IortTable.parseLeniently(bytes));
  }

  @FuzzTest(maxDuration = "10m")
  void ivrs(byte[] bytes) {
    refusable(() -> IvrsTable.parse(bytes));
    refusable(() -> IvrsTable.parseLeniently(bytes));
  }

  @FuzzTest(maxDuration = "10m")
  void acpidump(byte[] bytes) {
    String text = text(bytes);
    AcpiDump.isDump(text);
    refusable(() -> AcpiDump.parse(text));
  }

  @FuzzTest(maxDuration = "10m")
  void reservedRegions(byte[] bytes) {
    refusable(() -> ReservedRegionsText.parseGroups(text(bytes)));
  }

  @FuzzTest(maxDuration = "10m")
  void virtioProbe(byte[] bytes) {
    try {
      VirtioProbe.parse(bytes);
    } catch (RegionException e) {
      requireReason(e.getMessage());
    }
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static void refusable(Runnable reading) {
    try {
      reading.run();
    } catch (FirmwareException e) {
      requireReason(e.getMessage());
    }
  }

  private static void requireReason(@Nullable String message) {
    if (message == null || message.isBlank() || message.indexOf('\n') >= 0) {
      throw new AssertionError("a refusal is one line that says why: " + message);
    }
  }
}
