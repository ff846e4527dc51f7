package dev.nestwalk.live;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a live machine is made of.
 *
 * @param mode what the unit offers
 * @param levels of the largest tables, 4 or 5
 * @param disks files behind an NVMe controller each; none: one controller that forgets
 * @param dir folder for sockets and tables, made if it is not there
 * @param ram file that holds the guest's RAM, made if it is not there
 * @param size bytes of RAM
 * @param qemu the program in the command line
 * @param kernel Linux, or null for placeholders in the command line
 * @param initrd initial RAM disk, or null
 * @param append further words of the kernel's command line
 * @param registers where a PC's firmware puts the unit's registers; -1 for where SeaBIOS puts them
 *     if nothing is added to the command line
 * @param ignoresInvalidations whether the unit acknowledges invalidations and forgets nothing: an
 *     experiment
 * @param probes what is written down or watched
 */
public record LiveOptions(
    LiveMode mode,
    int levels,
    List<Path> disks,
    Path dir,
    Path ram,
    long size,
    String qemu,
    @Nullable Path kernel,
    @Nullable Path initrd,
    String append,
    long registers,
    boolean ignoresInvalidations,
    LiveProbes probes) {

  /** Options, whose list of disks is copied. */
  public LiveOptions {
    disks = List.copyOf(disks);
  }
}
