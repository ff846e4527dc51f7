/**
 * What a platform says of its reserved regions: the ACPI DMAR and IORT tables and Linux's text in
 * sysfs.
 *
 * <p>Threads: everything here is immutable.
 */
@NullMarked
package dev.nestwalk.acpi;

import org.jspecify.annotations.NullMarked;
