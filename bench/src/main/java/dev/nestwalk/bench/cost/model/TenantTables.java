package dev.nestwalk.bench.cost.model;

import dev.nestwalk.Iommu;
import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.InvalidationPolicy;
import dev.nestwalk.bench.cost.PageMix;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Real tables of a cell's tenants, built by the fixtures and changed as the workload maps and
 * unmaps: each tenant has a second stage, each of its processes a first one; without a first stage
 * each process has a second.
 *
 * <p>A nested tenant's first-stage tables lie at equal guest and machine addresses, in pages of the
 * second stage's mix, as the buffers do. The second stage is there as long as the tenant, as a host
 * maps a guest's memory; it is built when an address is first used.
 */
public final class TenantTables {
  private static final long LOW = 0x10_0000L;
  private static final long HIGH = 0x1_0000_0000L;
  private static final int HOST_ADDRESS_WIDTH = 52;
  private static final int LEAST_PAGES = 1 << 12;
  private static final int MOST_PAGES = 1 << 19;

  /** One requester and its processes. */
  private static final class Tenant {
    final Frames frames;
    final List<Space> processes = new ArrayList<>();

    Tenant(boolean scattered) {
      frames = new Frames(scattered);
    }
  }

  /** One address space: pages mapped by their first address. */
  private static final class Space {
    final Stage stage;
    final Map<Long, Mapping> mappings = new TreeMap<>();

    Space(Stage stage) {
      this.stage = stage;
    }
  }

  /** A page, or group of pages, that is mapped for so many buffers. */
  private static final class Mapping {
    final int spanLog2;
    final long frame;
    int users;

    Mapping(int spanLog2, long frame) {
      this.spanLog2 = spanLog2;
      this.frame = frame;
    }
  }

  /** Hears of changes of tables. */
  public interface Listener {
    /**
     * So many bytes at {@code address} were mapped to a frame, or are no more.
     *
     * @param frame where it is, or was, mapped to
     */
    void changed(int space, long address, int spanLog2, long frame, boolean isMapped);
  }

  final Shapes shapes;
  private final Cell cell;
  private final TableMemory memory;
  private final Units units;
  private final List<Tenant> tenants = new ArrayList<>();
  private final int processes;
  private Listener listener = (space, address, spanLog2, frame, isMapped) -> {};

  /**
   * Empty tables of every tenant.
   *
   * @param pages pages of 4 KiB of memory for them, in all
   * @throws IllegalArgumentException in one line if the cell contradicts itself
   * @throws IllegalStateException if the memory is too small
   */
  public TenantTables(Cell cell, int pages, Arena arena) {
    this.cell = cell;
    shapes = new Shapes(cell);
    memory = new TableMemory(arena);
    boolean two = cell.get(Axis.RAM).equals("2");
    memory.run(LOW, two ? pages / 2 : pages);
    if (two) {
      memory.run(HIGH, pages / 2).spread(11);
    }
    processes = Math.max(1, cell.number(Axis.PASIDS));
    units = cell.isVtd() ? new VtdUnits(cell, memory) : new SmmuUnits(cell, shapes, memory);
    boolean scattered = cell.get(Axis.PHYSICAL).equals("scattered");
    for (int i = 0; i < cell.number(Axis.TENANTS); i++) {
      Tenant tenant = new Tenant(scattered);
      units.add(i, shapes, mix(1), mix(2)).forEach(stage -> tenant.processes.add(new Space(stage)));
      tenants.add(tenant);
    }
  }

  /**
   * Does something with tables in memory that grows until they fit, which nobody can tell before.
   *
   * @throws IllegalArgumentException in one line if they need more than 2 GiB
   */
  public static <T> T growing(Cell cell, Function<TenantTables, T> work) {
    for (int pages = LEAST_PAGES; ; pages *= 4) {
      try (Arena arena = Arena.ofConfined()) {
        return work.apply(new TenantTables(cell, pages, arena));
      } catch (IllegalStateException e) {
        if (pages >= MOST_PAGES) {
          throw new IllegalArgumentException(
              "the tables need more than 2 GiB: expected fewer tenants or smaller buffers", e);
        }
      }
    }
  }

  /** A policy of huge pages maps buffers by large pages, whatever the mix. */
  private PageMix mix(int stage) {
    boolean outer = stage == 1 || !cell.usesFirst();
    boolean huge = outer && cell.invalidation().kind() == InvalidationPolicy.Kind.HUGE;
    if (!huge) {
      return cell.pages(stage);
    }
    return PageMix.parse(shapes.granule == 12 ? "2m" : shapes.granule == 14 ? "32m" : "512m");
  }

  /** Tells a listener of changes from now on. */
  public void listen(Listener other) {
    listener = other;
  }

  /** Number of an address space; PASID -1 for none. */
  public int space(int requester, int pasid) {
    int tenant = requester - 1;
    int process = Math.max(pasid, 1) - 1;
    if (tenant < 0 || tenant >= tenants.size() || process >= processes) {
      throw new IllegalArgumentException(
          "requester %d, PASID %d: the cell has %d tenants with %d processes each"
              .formatted(requester, pasid, tenants.size(), processes));
    }
    return tenant * processes + process;
  }

  /** Tenant of an address space, from 0. */
  public int tenant(int space) {
    return space / processes;
  }

  /** Maps the pages of a buffer, with contiguous hints the groups of pages that it lies in. */
  public void map(int space, long iova, long length) {
    Tenant tenant = tenants.get(tenant(space));
    Space process = tenant.processes.get(space % processes);
    long last = iova + (length - 1);
    for (long at = iova; Long.compareUnsigned(at, last) <= 0; ) {
      int span = process.stage.spanAt(at);
      long page = at & -1L << span;
      Mapping known = process.mappings.get(page);
      if (known == null) {
        known = new Mapping(span, tenant.frames.take(span, process.stage.sizeAt(at)));
        process.mappings.put(page, known);
        units.map(tenant(space), process.stage, page, known.frame, span);
        listener.changed(space, page, span, known.frame, true);
      }
      known.users++;
      if (page + (1L << span) == 0) {
        return;
      }
      at = page + (1L << span);
    }
  }

  /** Unmaps everything; the second stages of nested tenants stay. */
  public void clear() {
    for (int space = 0; space < spaces(); space++) {
      Tenant tenant = tenants.get(tenant(space));
      Space process = tenant.processes.get(space % processes);
      for (var entry : process.mappings.entrySet()) {
        Mapping mapping = entry.getValue();
        process.stage.unmap(entry.getKey(), mapping.spanLog2);
        listener.changed(space, entry.getKey(), mapping.spanLog2, mapping.frame, false);
      }
      process.mappings.clear();
    }
    tenants.forEach(tenant -> tenant.frames.clear());
  }

  /** Unmaps the pages, or groups of pages, that no other buffer lies in; how many those were. */
  public int unmap(int space, long iova, long length) {
    Tenant tenant = tenants.get(tenant(space));
    Space process = tenant.processes.get(space % processes);
    long last = iova + (length - 1);
    int gone = 0;
    for (long at = iova; Long.compareUnsigned(at, last) <= 0; ) {
      int span = process.stage.spanAt(at);
      long page = at & -1L << span;
      Mapping known = process.mappings.get(page);
      if (known != null && --known.users == 0) {
        process.mappings.remove(page);
        process.stage.unmap(page, span);
        tenant.frames.give(known.frame, span);
        listener.changed(space, page, span, known.frame, false);
        gone++;
      }
      if (page + (1L << span) == 0) {
        break;
      }
      at = page + (1L << span);
    }
    return gone;
  }

  /** Where the machine's memory holds what a page of a tenant is mapped to. */
  public long output(int space, long iova) {
    Space process = tenants.get(tenant(space)).processes.get(space % processes);
    int span = process.stage.spanAt(iova);
    Mapping known = process.mappings.get(iova & -1L << span);
    if (known == null) {
      return -1;
    }
    return Frames.machineAddress(tenant(space), known.frame | iova & (1L << span) - 1);
  }

  /** Invalidates the pages of a buffer in a unit over these tables. */
  public void invalidate(Iommu iommu, int space, long iova, long length) {
    units.invalidate(iommu, tenant(space), space % processes, iova, iova + length - 1);
  }

  /** Invalidates all translations of an address space in a unit over these tables. */
  public void flush(Iommu iommu, int space) {
    units.flush(iommu, tenant(space), space % processes);
  }

  /** A unit over these tables, the product's. */
  public Iommu iommu() {
    return cell.isVtd()
        ? Iommu.vtd(guestMemory(), registers(), HOST_ADDRESS_WIDTH)
        : Iommu.smmuv3(guestMemory(), registers());
  }

  /** The reference walker over these tables. */
  public Reference reference() {
    return cell.isVtd()
        ? References.vtd(guestMemory(), registers(), HOST_ADDRESS_WIDTH)
        : References.smmuv3(guestMemory(), registers());
  }

  /** Number of address spaces. */
  public int spaces() {
    return tenants.size() * processes;
  }

  /** Requester of an address space. */
  public int requester(int space) {
    return tenant(space) + 1;
  }

  /** PASID of an address space, -1 for none. */
  public int pasid(int space) {
    return cell.number(Axis.PASIDS) == 0 ? -1 : space % processes + 1;
  }

  /** Registers of the unit, by architectural name. */
  public Map<String, Long> registers() {
    return units.registers();
  }

  /** The memory as a walker sees it. */
  public GuestMemory guestMemory() {
    GuestMemory.Builder builder = GuestMemory.builder();
    for (TableMemory.Run run : memory.runs()) {
      builder.ram(run.first(), run.bytes());
    }
    return builder.build();
  }

  /** Pages of memory that the tables take, of 4 KiB. */
  public int pagesUsed() {
    return memory.pagesUsed();
  }
}
