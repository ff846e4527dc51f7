package dev.nestwalk.region;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * An I/O address space: its mappings, the ranges reserved in it with their owners, the ranges that
 * the user has set aside as always usable, and its alignment. No mapping and no allowed range ever
 * overlaps a reserved address.
 *
 * <p>Threads: any; operations exclude each other. {@link #reserved} returns an immutable state and
 * waits for them only if something has changed since the last call.
 */
public final class Ioas {
  /** All ones: the last address; as the length of an unmap, the whole address space. */
  public static final long LAST = -1;

  /** Right of a mapping: devices may read. */
  public static final int READ = 1;

  /** Right of a mapping: devices may write. */
  public static final int WRITE = 2;

  /** Size of a page for the user of this library; {@link #map} keeps offsets within a page. */
  static final long PAGE = 4096;

  private final Coverage reserved = new Coverage();
  private final Map<Object, List<AddressSet.Range>> owners = new HashMap<>();
  private final Areas areas = new Areas();
  private final IovaChooser chooser = new IovaChooser(reserved, areas);
  private final Map<Object, Long> alignments = new HashMap<>();
  private List<AddressSet.Range> allowed = List.of();
  private volatile @Nullable AddressSet snapshot;

  /** Usable ranges, and the alignment of mappings. */
  public record Ranges(List<AddressSet.Range> usable, long alignment) {}

  /** Makes an empty address space. */
  public Ioas() {}

  // Reserved ranges.

  /**
   * Reserves ranges for an owner, either all or none.
   *
   * @throws RegionException EADDRINUSE if one overlaps a mapping or an allowed range
   */
  synchronized void reserve(Object owner, Collection<AddressSet.Range> ranges)
      throws RegionException {
    for (AddressSet.Range range : ranges) {
      Areas.Area area = areas.meeting(range.first(), range.last());
      if (area != null) {
        throw RegionException.of(
            Errno.EADDRINUSE,
            "0x%x-0x%x cannot be reserved: 0x%x-0x%x is mapped",
            range.first(),
            range.last(),
            area.first,
            area.last);
      }
      for (AddressSet.Range open : allowed) {
        if (meets(open, range.first(), range.last())) {
          throw RegionException.of(
              Errno.EADDRINUSE,
              "0x%x-0x%x cannot be reserved: 0x%x-0x%x is allowed",
              range.first(),
              range.last(),
              open.first(),
              open.last());
        }
      }
    }
    if (ranges.isEmpty()) {
      return;
    }
    owners.computeIfAbsent(owner, ignored -> new ArrayList<>()).addAll(ranges);
    ranges.forEach(range -> reserved.add(range.first(), range.last()));
    snapshot = null;
  }

  /**
   * Reserves {@code length} bytes for an owner.
   *
   * @param owner any object; {@link #removeOwner} takes an equal one
   * @throws RegionException EINVAL for an empty range, EOVERFLOW for one that wraps, EADDRINUSE if
   *     it overlaps a mapping or an allowed range
   */
  public void reserve(Object owner, long first, long length) throws RegionException {
    if (length == 0) {
      throw RegionException.of(Errno.EINVAL, "reserving 0 bytes at 0x%x", first);
    }
    reserve(owner, List.of(new AddressSet.Range(first, lastOf(first, length))));
  }

  /** Removes all reservations of an owner. */
  public synchronized void removeOwner(Object owner) {
    List<AddressSet.Range> ranges = owners.remove(owner);
    if (ranges != null) {
      ranges.forEach(range -> reserved.remove(range.first(), range.last()));
      chooser.forget();
      snapshot = null;
    }
  }

  /** The reserved addresses as an immutable set; lookups in it allocate nothing. */
  public AddressSet reserved() {
    AddressSet known = snapshot;
    return known != null ? known : rebuild();
  }

  private synchronized AddressSet rebuild() {
    AddressSet known = snapshot;
    if (known == null) {
      known = reserved.toSet();
      snapshot = known;
    }
    return known;
  }

  /** The usable ranges (IOVA_RANGES). They do not depend on mappings and allowed ranges. */
  public synchronized Ranges ranges() {
    return new Ranges(reserved().complement(new AddressSet.Range(0, LAST), 1), alignment());
  }

  /**
   * Writes the usable ranges, as {@link #ranges()} returns them, into a buffer.
   *
   * @param into receives first and last address of as many ranges as fit
   * @return number of ranges
   * @throws RegionException EMSGSIZE if they do not all fit
   */
  public int ranges(long[] into) throws RegionException {
    List<AddressSet.Range> usable = ranges().usable();
    for (int i = 0; i < Math.min(usable.size(), into.length / 2); i++) {
      into[2 * i] = usable.get(i).first();
      into[2 * i + 1] = usable.get(i).last();
    }
    if (usable.size() > into.length / 2) {
      throw RegionException.of(
          Errno.EMSGSIZE, "%d ranges, room for %d", usable.size(), into.length / 2);
    }
    return usable.size();
  }

  // Alignment.

  /**
   * Requires an alignment of all mappings.
   *
   * @param owner any object; a second call with an equal one replaces its requirement
   * @param granule in bytes
   * @throws RegionException EINVAL unless it is a power of two up to 4096, EADDRINUSE if a mapping
   *     is not aligned
   */
  public synchronized void align(Object owner, long granule) throws RegionException {
    checkAlignment(granule);
    alignments.put(owner, granule);
  }

  private void checkAlignment(long granule) throws RegionException {
    if (granule < 1 || granule > PAGE || Long.bitCount(granule) != 1) {
      throw RegionException.of(
          Errno.EINVAL, "alignment %s: expected 1 to %d", Long.toUnsignedString(granule), PAGE);
    }
    long wanted = Math.max(granule, alignment());
    if (wanted > alignment()) {
      for (Areas.Area area : areas.all()) {
        if (((area.first | area.last + 1 | area.source) & wanted - 1) != 0) {
          throw RegionException.of(
              Errno.EADDRINUSE, "mapping 0x%x-0x%x is not aligned", area.first, area.last);
        }
      }
    }
  }

  /** The alignment in force, 1 to 4096. */
  public synchronized long alignment() {
    return alignments.values().stream().mapToLong(Long::longValue).max().orElse(1);
  }

  /**
   * Adds a hardware page table: its alignment, and a reservation of all addresses outside its
   * aperture. Either both are added or neither.
   */
  synchronized void addTable(Object owner, AddressSet.Range aperture, long granule)
      throws RegionException {
    checkAlignment(granule);
    List<AddressSet.Range> outside = new ArrayList<>();
    if (aperture.first() != 0) {
      outside.add(new AddressSet.Range(0, aperture.first() - 1));
    }
    if (aperture.last() != LAST) {
      outside.add(new AddressSet.Range(aperture.last() + 1, LAST));
    }
    reserve(owner, outside);
    alignments.put(owner, granule);
  }

  synchronized void removeTable(Object owner) {
    removeOwner(owner);
    alignments.remove(owner);
  }

  // Allowed ranges.

  /**
   * Replaces the set of ranges that stay usable whatever is attached (ALLOW_IOVAS).
   *
   * @throws RegionException EINVAL for a range of fewer than two bytes or two that overlap,
   *     EADDRINUSE if one is reserved; the old set remains in that case
   */
  public synchronized void allow(List<AddressSet.Range> ranges) throws RegionException {
    TreeMap<Long, AddressSet.Range> sorted = new TreeMap<>(Long::compareUnsigned);
    for (AddressSet.Range range : ranges) {
      if (Long.compareUnsigned(range.first(), range.last()) >= 0) {
        throw RegionException.of(
            Errno.EINVAL, "allowed range 0x%x-0x%x", range.first(), range.last());
      }
      Map.Entry<Long, AddressSet.Range> below = sorted.floorEntry(range.last());
      if (below != null && Long.compareUnsigned(below.getValue().last(), range.first()) >= 0) {
        throw RegionException.of(
            Errno.EINVAL, "allowed range 0x%x-0x%x overlaps", range.first(), range.last());
      }
      sorted.put(range.first(), range);
    }
    for (AddressSet.Range range : sorted.values()) {
      Long at = reserved.firstCovered(range.first(), range.last());
      if (at != null) {
        throw RegionException.of(
            Errno.EADDRINUSE,
            "0x%x-0x%x cannot be allowed: 0x%x is reserved",
            range.first(),
            range.last(),
            at);
      }
    }
    allowed = List.copyOf(sorted.values());
    chooser.forget();
  }

  // Mappings.

  /**
   * Maps at a fixed address.
   *
   * @param source address of the memory; its offset within a page is kept
   * @param rights {@link #READ}, {@link #WRITE} or both
   * @throws RegionException EOVERFLOW if the range wraps, EINVAL for bad arguments or a reserved
   *     address, EEXIST if there is a mapping
   */
  public synchronized void mapFixed(long iova, long length, long source, int rights)
      throws RegionException {
    checkRequest(iova, length, source, rights);
    long alignment = alignment();
    checkLength(length, alignment);
    if ((iova & alignment - 1) != 0) {
      throw RegionException.of(Errno.EINVAL, "0x%x: expected a multiple of %d", iova, alignment);
    }
    long last = lastOf(iova, length);
    Long covered = reserved.firstCovered(iova, last);
    if (covered != null) {
      throw RegionException.of(
          Errno.EINVAL, "0x%x-0x%x cannot be mapped: 0x%x is reserved", iova, last, covered);
    }
    Areas.Area area = areas.meeting(iova, last);
    if (area != null) {
      throw RegionException.of(
          Errno.EEXIST, "0x%x-0x%x meets the mapping 0x%x-0x%x", iova, last, area.first, area.last);
    }
    checkSource(source, alignment);
    areas.add(new Areas.Area(iova, last, source, rights));
  }

  /**
   * Maps at the lowest free address that fits, among the allowed ranges if there are any.
   *
   * @return the address
   * @throws RegionException EOVERFLOW if sizes wrap, EINVAL for bad arguments, ENOSPC if there is
   *     no room
   */
  public synchronized long map(long length, long source, int rights) throws RegionException {
    checkRequest(0, length, source, rights);
    long alignment = alignment();
    checkLength(length, alignment);
    long iova = chooser.choose(allowed, length, source, alignment);
    areas.add(new Areas.Area(iova, iova + length - 1, source, rights));
    return iova;
  }

  private static void checkRequest(long iova, long length, long source, int rights)
      throws RegionException {
    if (iova == LAST || length == LAST) {
      throw RegionException.of(Errno.EOVERFLOW, "address 0x%x, length 0x%x", iova, length);
    }
    if (rights < READ || rights > (READ | WRITE)) {
      throw RegionException.of(Errno.EINVAL, "rights %d: expected read, write or both", rights);
    }
    if (length != 0) {
      lastOf(source, length);
    }
  }

  private static void checkLength(long length, long alignment) throws RegionException {
    if (length == 0 || (length & alignment - 1) != 0) {
      throw RegionException.of(
          Errno.EINVAL, "length 0x%x: expected a multiple of %d", length, alignment);
    }
  }

  private static void checkSource(long source, long alignment) throws RegionException {
    if ((source & alignment - 1) != 0) {
      throw RegionException.of(
          Errno.EINVAL, "memory at 0x%x: expected a multiple of %d", source, alignment);
    }
  }

  private static long lastOf(long first, long length) throws RegionException {
    long last = first + (length - 1);
    if (Long.compareUnsigned(last, first) < 0) {
      throw RegionException.of(Errno.EOVERFLOW, "0x%x bytes at 0x%x wrap", length, first);
    }
    return last;
  }

  /**
   * Maps at a fixed address what is mapped elsewhere.
   *
   * @param from address space of the source; may be this one
   * @throws RegionException ENOENT if the source has a gap, EPERM for write access to a source that
   *     is mapped read-only; otherwise as for {@link #mapFixed}
   */
  public void copyFixed(Ioas from, long source, long length, long iova, int rights)
      throws RegionException {
    if (length == 0) {
      throw RegionException.of(Errno.EINVAL, "copying 0 bytes at 0x%x", source);
    }
    long memory = from.sourceOf(source, lastOf(source, length), rights);
    mapFixed(iova, length, memory, rights);
  }

  private synchronized long sourceOf(long first, long last, int rights) throws RegionException {
    return areas.source(first, last, rights);
  }

  /**
   * Unmaps the mappings within a range, which must not cut one; (0, {@link #LAST}) is the whole
   * address space.
   *
   * @return number of bytes unmapped
   * @throws RegionException EOVERFLOW if the range wraps, EINVAL for an empty range, ENOENT if
   *     nothing is mapped there or a mapping extends beyond the range, EBUSY if a mapping is
   *     locked; the mappings before that one are unmapped
   */
  public synchronized long unmap(long iova, long length) throws RegionException {
    boolean all = iova == 0 && length == LAST;
    if (!all && (iova == LAST || length == LAST)) {
      throw RegionException.of(Errno.EOVERFLOW, "address 0x%x, length 0x%x", iova, length);
    }
    if (length == 0) {
      throw RegionException.of(Errno.EINVAL, "unmapping 0 bytes at 0x%x", iova);
    }
    long last = all ? LAST : lastOf(iova, length);
    if (!all && areas.meeting(iova, last) == null) {
      throw RegionException.of(Errno.ENOENT, "nothing is mapped in 0x%x-0x%x", iova, last);
    }
    return unmapAreas(iova, last);
  }

  private long unmapAreas(long first, long last) throws RegionException {
    try {
      return areas.removeWithin(first, last);
    } finally {
      chooser.forget();
    }
  }

  /**
   * Unmaps as VFIO does: a range in which nothing is mapped is no error.
   *
   * @param all unmaps everything; {@code iova} and {@code length} have to be 0 then
   * @return number of bytes unmapped
   * @throws RegionException EINVAL for a length of 0 or a range given with {@code all}, EOVERFLOW
   *     if the range wraps, ENOENT if a mapping extends beyond the range, EBUSY if a mapping is
   *     locked; the mappings before that one are unmapped
   */
  public synchronized long unmapVfio(long iova, long length, boolean all) throws RegionException {
    if (all) {
      if ((iova | length) != 0) {
        throw RegionException.of(Errno.EINVAL, "unmapping all: expected no range");
      }
      return unmapAreas(0, LAST);
    }
    if (length == 0) {
      throw RegionException.of(Errno.EINVAL, "unmapping 0 bytes at 0x%x", iova);
    }
    return unmapAreas(iova, lastOf(iova, length));
  }

  /**
   * Locks the mapping that holds an address, as a hardware queue does. Locks are counted.
   *
   * @throws RegionException ENOENT if nothing is mapped there
   */
  public synchronized void lock(long iova) throws RegionException {
    Areas.Area area = areas.meeting(iova, iova);
    if (area == null) {
      throw RegionException.of(Errno.ENOENT, "0x%x is not mapped", iova);
    }
    area.locks++;
  }

  /** Releases one lock. */
  public synchronized void unlock(long iova) {
    Areas.Area area = areas.meeting(iova, iova);
    if (area != null && area.locks > 0) {
      area.locks--;
    }
  }

  /** The mapped ranges, in ascending order. */
  public synchronized List<AddressSet.Range> mapped() {
    return areas.ranges();
  }

  /** The first mapping that overlaps {@code first..last}, or null. */
  synchronized AddressSet.@Nullable Range mappingIn(long first, long last) {
    Areas.Area area = areas.meeting(first, last);
    return area == null ? null : new AddressSet.Range(area.first, area.last);
  }

  private static boolean meets(AddressSet.Range range, long first, long last) {
    return Long.compareUnsigned(range.first(), last) <= 0
        && Long.compareUnsigned(first, range.last()) <= 0;
  }
}
