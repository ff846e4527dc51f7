/**
 * What a platform says of its reserved regions: the ACPI DMAR, IORT and IVRS tables and Linux's
 * text in sysfs.
 *
 * <p>Threads: everything here is immutable, but for {@link dev.nestwalk.acpi.PciDevices}.
 */
@NullMarked
package dev.nestwalk.acpi;

import org.jspecify.annotations.NullMarked;
