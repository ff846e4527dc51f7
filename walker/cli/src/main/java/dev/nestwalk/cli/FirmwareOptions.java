package dev.nestwalk.cli;

import dev.nestwalk.acpi.FirmwareException;
import dev.nestwalk.acpi.PciDevices;
import dev.nestwalk.fixtures.IoReason;
import dev.nestwalk.teach.FirmwareReading;
import dev.nestwalk.teach.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options on how firmware tables are read, and on the devices that they name. */
final class FirmwareOptions {
  @Option(
      names = "--lenient",
      description = "Read tables with a wrong checksum or a broken end, with a warning.")
  private boolean lenient;

  @Option(
      names = "--class",
      paramLabel = "BDF=CLASS",
      description =
          "PCI class of a device, as 00:02.0=0300. USB (0c03) and display (03xx) make its RMRRs"
              + " relaxable. Repeatable.")
  private List<String> classes = new ArrayList<>();

  @Option(
      names = "--lspci",
      paramLabel = "FILE",
      description = "Classes of all devices: what lspci -n (better -nv, with buses) prints.")
  private @Nullable Path lspci;

  /** The values of the options. */
  FirmwareReading reading() {
    return new FirmwareReading(lenient, devices());
  }

  private PciDevices devices() {
    PciDevices devices = new PciDevices();
    if (lspci != null) {
      try {
        // Vendor names may be in any encoding; classes and buses are plain ASCII.
        String text = new String(Files.readAllBytes(lspci), StandardCharsets.ISO_8859_1);
        if (devices.addLspci(text) == 0) {
          throw new InputException(
              lspci + ": expected lines as lspci -n prints them, 00:02.0 0300: 8086:9bc5");
        }
      } catch (IOException e) {
        throw new InputException(lspci + ": cannot be read (" + IoReason.of(e) + ")");
      }
    }
    for (String text : classes) {
      try {
        devices.addClass(text);
      } catch (FirmwareException e) {
        throw new InputException("--class " + e.getMessage());
      }
    }
    return devices;
  }
}
