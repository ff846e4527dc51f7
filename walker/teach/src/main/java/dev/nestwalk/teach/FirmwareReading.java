package dev.nestwalk.teach;

import dev.nestwalk.acpi.PciDevices;

/**
 * How firmware tables are read, and what is known about the devices that they name.
 *
 * @param lenient whether tables with a wrong checksum or a broken end are read, with a warning
 * @param devices PCI classes and buses that the user supplied
 */
public record FirmwareReading(boolean lenient, PciDevices devices) {
  /** Strict reading, without known devices. */
  public static FirmwareReading strict() {
    return new FirmwareReading(false, new PciDevices());
  }
}
