package dev.nestwalk;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.nestwalk.acpi.AcpiDump;
import dev.nestwalk.acpi.DmarTable;
import dev.nestwalk.acpi.FirmwareException;
import dev.nestwalk.acpi.IortTable;
import dev.nestwalk.acpi.IvrsTable;
import dev.nestwalk.acpi.ReservedRegionsText;
import dev.nestwalk.acpi.VirtioProbe;
import dev.nestwalk.region.RegionException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Firmware tables and texts of any content are read or refused by the exception that says why: no
 * other exception, no loop without end, no memory without bound. The build replays the inputs
 * beside (resources); CONTRIBUTING tells how to search for new ones.
 */
class FilesFuzzTest {
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
