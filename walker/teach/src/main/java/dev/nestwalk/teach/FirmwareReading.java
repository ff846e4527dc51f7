package dev.nestwalk.teach;

import dev.nestwalk.acpi.PciDevices;

/**
 * How firmware tables are read, and what is known of the devices that they name.
 *
 * @param lenient tables with a wrong checksum or a broken end are read, with a warning
 * @param devices PCI classes and buses that the user told
 */
public record FirmwareReading(boolean lenient, PciDevices devices) {
  /** Nothing is forgiven, no class is known. */
  public static FirmwareReading strict() {
    return new FirmwareReading(false, new PciDevices());
  }
}
