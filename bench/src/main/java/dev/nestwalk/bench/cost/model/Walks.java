package dev.nestwalk.bench.cost.model;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.dma.Access;
import dev.nestwalk.explain.Reference;
import dev.nestwalk.explain.References;
import dev.nestwalk.memory.GuestMemory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The reference walker's walks, each done once and again after its page was mapped or unmapped.
 * What changes the tables above a page changes no walk that ended well before.
 */
final class Walks implements TenantTables.Listener {
  private static final int PIECE = 12;
  private static final int HOST_ADDRESS_WIDTH = 52;

  private final TenantTables tables;
  private final Reference reference;
  private final Cell cell;

  /** By address space: walks by the first address that they hold for. */
  private final List<Map<Long, Walk>> known = new ArrayList<>();

  private final int processes;

  Walks(Cell cell, TenantTables tables) {
    this.cell = cell;
    this.tables = tables;
    GuestMemory memory = tables.guestMemory();
    reference =
        cell.isVtd()
            ? References.vtd(memory, tables.registers(), HOST_ADDRESS_WIDTH)
            : References.smmuv3(memory, tables.registers());
    processes = Math.max(1, cell.number(Axis.PASIDS));
    tables.listen(this);
  }

  @Override
  public void changed(int space, long address, int sizeLog2) {
    if (space < known.size()) {
      Map<Long, Walk> walks = known.get(space);
      for (long at = address;
          at < address + (1L << sizeLog2) && !walks.isEmpty();
          at += 1 << PIECE) {
        walks.remove(at);
      }
    }
  }

  /** The walk for an address. */
  Walk of(int space, long address, boolean write) {
    while (known.size() <= space) {
      known.add(new HashMap<>());
    }
    Map<Long, Walk> walks = known.get(space);
    Walk walk = walks.get(address & -1L << PIECE);
    if (walk == null) {
      int tenant = tables.tenant(space);
      int pasid = cell.number(Axis.PASIDS) == 0 ? -1 : space % processes + 1;
      walk =
          Walk.of(
              reference.translate(tenant + 1, pasid, address, write ? Access.WRITE : Access.READ));
      walks.put(address & -1L << PIECE, walk);
    }
    return walk;
  }
}
