package dev.nestwalk.teach.exercises;

import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.fixtures.TableMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A guest's memory for its first-stage tables: built at guest addresses, found in the host page by
 * page, in no order, or as one block of 2 MiB.
 */
final class GuestPages {
  static final int PAGES = 16;
  private static final int PAGE = 4096;
  private static final long BLOCK = 2L << 20;

  /** Told where each page is. */
  interface PageVisitor {
    void page(long host, MemorySegment bytes);
  }

  /** Maps a guest page, or a block, to the host. */
  interface Mapper {
    void map(long guest, long host);
  }

  private final TableMemory memory;
  private final long guest;
  private final long host;
  private final boolean block;
  private final int[] order = new int[PAGES];

  GuestPages(Chance chance, Arena arena, boolean block) {
    this.block = block;
    // Bit 29 keeps it away from pages, which lie at the beginning of a GiB.
    guest = Scenes.somewhere(chance, 34, 21) | 1L << 29;
    // Bit 39 keeps it away from the host's own tables.
    host = Scenes.somewhere(chance, 39, 21) | 1L << 39;
    memory = new TableMemory(arena).run(guest, PAGES);
    for (int i = 0; i < PAGES; i++) {
      order[i] = i;
    }
    for (int i = PAGES - 1; i > 0 && !block; i--) {
      int other = chance.below(i + 1);
      int moved = order[i];
      order[i] = order[other];
      order[other] = moved;
    }
  }

  /** The memory to build in, at guest addresses. */
  TableMemory memory() {
    return memory;
  }

  boolean isBlock() {
    return block;
  }

  /** Where a guest address lies. */
  long toHost(long address) {
    int page = (int) ((address - guest) / PAGE);
    return host + (long) order[page] * PAGE + (address & PAGE - 1);
  }

  /** Tells every mapping that the second stage needs. */
  void mapAll(Mapper mapper) {
    if (block) {
      mapper.map(guest & -BLOCK, host & -BLOCK);
      return;
    }
    for (int page = 0; page < PAGES; page++) {
      long address = guest + (long) page * PAGE;
      mapper.map(address, toHost(address));
    }
  }

  void eachPage(PageVisitor visitor) {
    MemorySegment bytes = memory.runs().get(0).bytes();
    for (int page = 0; page < PAGES; page++) {
      long at = (long) page * PAGE;
      visitor.page(toHost(guest + at), bytes.asSlice(at, PAGE));
    }
  }
}
