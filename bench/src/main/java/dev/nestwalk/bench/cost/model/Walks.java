package dev.nestwalk.bench.cost.model;

import dev.nestwalk.dma.Access;
import dev.nestwalk.explain.Reference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The reference walker's walks, each done once for a page and what it is mapped to. Tables are made
 * and never taken down, so a walk that ended well reads the same entries as long as its page is
 * mapped to the same frame, and again when it is so again.
 */
final class Walks implements TenantTables.Listener {
  private static final int PIECE = 12;

  private final TenantTables tables;
  private final Reference reference;

  /** By address space: walks by the first address that they hold for. */
  private final List<Map<Long, Walk>> known = new ArrayList<>();

  /** By address space: walks of pages that are no longer mapped, and what they were mapped to. */
  private final List<Map<Long, Former>> former = new ArrayList<>();

  private record Former(Walk walk, long frame) {}

  Walks(TenantTables tables) {
    this.tables = tables;
    reference = tables.reference();
    tables.listen(this);
  }

  @Override
  public void changed(int space, long address, int spanLog2, long frame, boolean isMapped) {
    if (space >= known.size()) {
      return;
    }
    Map<Long, Walk> walks = known.get(space);
    Map<Long, Former> before = former.get(space);
    for (long at = address; at < address + (1L << spanLog2); at += 1 << PIECE) {
      Walk walk = walks.remove(at);
      if (isMapped) {
        Former again = before.remove(at);
        if (again != null && again.frame == frame) {
          walks.put(at, again.walk);
        }
      } else if (walk != null && !walk.isFault()) {
        before.put(at, new Former(walk, frame));
      }
    }
  }

  /** The walk for an address. */
  Walk of(int space, long address, boolean write) {
    while (known.size() <= space) {
      known.add(new HashMap<>());
      former.add(new HashMap<>());
    }
    Map<Long, Walk> walks = known.get(space);
    Walk walk = walks.get(address & -1L << PIECE);
    if (walk == null) {
      int access = write ? Access.WRITE : Access.READ;
      walk =
          Walk.of(
              reference.translate(tables.requester(space), tables.pasid(space), address, access),
              tables.shapes);
      walks.put(address & -1L << PIECE, walk);
    }
    return walk;
  }
}
