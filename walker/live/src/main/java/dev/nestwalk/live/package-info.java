/**
 * The units in a running machine: QEMU's vfio-user client talks to functions that are served here,
 * and a real guest's driver programs the unit.
 *
 * <p>Threads: one per socket serves the guest's accesses ({@link
 * dev.nestwalk.live.VfioUserServer}), and one per DMA function does its DMA ({@link
 * dev.nestwalk.live.DeviceThread}). Neither waits for the other.
 */
@NullMarked
package dev.nestwalk.live;

import org.jspecify.annotations.NullMarked;
