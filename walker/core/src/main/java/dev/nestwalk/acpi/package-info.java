/**
 * Reserved regions as a platform describes them: in the ACPI tables DMAR, IORT and IVRS, in a
 * virtio-iommu's probe reply, and in Linux's sysfs.
 *
 * <p>Threads: everything here is immutable except {@link dev.nestwalk.acpi.PciDevices}.
 */
@NullMarked
package dev.nestwalk.acpi;

import org.jspecify.annotations.NullMarked;
