package dev.nestwalk.vtd;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;
import java.util.Arrays;

/**
 * Several {@link SmoothWalk}s of one configuration side by side, a level of all before the next
 * level of any: the loads of different walks do not wait for each other, so that memory far from
 * the processor is asked for many entries at once.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class LockstepWalk {
  /** No table, no address: a word that is read there is not used. */
  private static final long CLOSED = -4096;

  private final GuestMemory memory;
  private final long[] address;
  private final int[] need;
  private final long[] table;
  private final long[] host;
  private final long[] entries;
  private final long[] all;
  private final long[] page;

  LockstepWalk(GuestMemory memory, int lanes) {
    this.memory = memory;
    address = new long[lanes];
    need = new int[lanes];
    table = new long[lanes];
    host = new long[lanes];
    entries = new long[lanes];
    all = new long[lanes];
    page = new long[lanes];
  }

  /**
   * Walks both stages for {@code count} addresses.
   *
   * @param from place of the first address, and of its answer
   * @param answers packed answers, or 0 where the long way has to tell
   * @param spans log2 of the block that the first stage's page maps
   */
  void nested(
      VtdPlan plan, long[] iovas, long[] answers, int from, int[] spans, int count, int access) {
    int shift = SmoothWalk.top(plan);
    for (int lane = 0; lane < count; lane++) {
      boolean canonical = !FirstStageWalk.isNotCanonical(iovas[from + lane], plan.firstLevels);
      address[lane] =
          canonical
              ? plan.firstRoot + (iovas[from + lane] >>> shift - 3 & SmoothWalk.INDEX)
              : CLOSED;
      need[lane] = Access.READ;
    }
    Arrays.fill(all, 0, count, -1);
    Arrays.fill(page, 0, count, 0);
    Arrays.fill(answers, from, from + count, 0);
    // A round takes the second stage for all lanes, then one first-stage entry of each.
    for (int open = count; open > 0; shift -= 9) {
      second(plan, count);
      open = 0;
      for (int lane = 0; lane < count; lane++) {
        if (address[lane] == CLOSED) {
          continue;
        }
        if (host[lane] == 0 || page[lane] != 0) {
          long both = host[lane] == 0 ? 0 : SmoothWalk.both(page[lane], host[lane]);
          answers[from + lane] = SmoothWalk.settled(plan, iovas[from + lane], both);
          spans[lane] = Translation.spanLog2(page[lane]);
          address[lane] = CLOSED;
          continue;
        }
        open++;
      }
      for (int lane = 0; lane < count; lane++) {
        // A lane that is done has the address of a byte here.
        long at = Translation.address(host[lane]) & -8;
        entries[lane] = at == 0 ? 0 : memory.entryOrZero(at, 0);
      }
      for (int lane = 0; lane < count; lane++) {
        if (address[lane] != CLOSED) {
          open += first(plan, lane, shift, iovas[from + lane], access, entries[lane]) - 1;
        }
      }
    }
  }

  /** Reads a lane's first-stage entry; 1 if the lane goes on. */
  private int first(VtdPlan plan, int lane, int shift, long iova, int access, long entry) {
    long required = SmoothWalk.required(plan);
    long combined = all[lane] & entry;
    all[lane] = combined;
    if (shift != 12 && (entry & (required | plan.firstIllegal)) == required) {
      address[lane] = (entry & SmoothWalk.ADDRESS) + (iova >>> shift - 9 - 3 & SmoothWalk.INDEX);
      return 1;
    }
    long found = SmoothWalk.page(plan, entry, shift, combined, iova, access);
    page[lane] = found;
    need[lane] = access;
    address[lane] = found == 0 ? CLOSED : Translation.address(found);
    return found == 0 ? 0 : 1;
  }

  /** Takes the address of every open lane through the second stage. */
  private void second(VtdPlan plan, int count) {
    for (int lane = 0; lane < count; lane++) {
      host[lane] = 0;
      boolean within = address[lane] >>> plan.secondWidth == 0;
      table[lane] = within ? plan.secondRoot | Access.ATOMIC : CLOSED;
    }
    for (int shift = 3 + 9 * plan.secondLevels; shift > 12; shift -= 9) {
      load(count, shift);
      for (int lane = 0; lane < count; lane++) {
        long at = table[lane];
        if (at != CLOSED) {
          table[lane] = level(plan, lane, shift, at, entries[lane]);
        }
      }
    }
    load(count, 12);
    for (int lane = 0; lane < count; lane++) {
      long at = table[lane];
      if (at != CLOSED) {
        long entry = entries[lane];
        host[lane] =
            SmoothWalk.secondPage(
                plan, entry, 12, at & entry & Access.ATOMIC, address[lane], need[lane]);
      }
    }
  }

  /** Loads first, and nothing else: many of them fit into the processor's window. */
  private void load(int count, int shift) {
    for (int lane = 0; lane < count; lane++) {
      long index = address[lane] >>> shift - 3 & SmoothWalk.INDEX;
      boolean closed = table[lane] == CLOSED;
      entries[lane] = closed ? 0 : memory.entryOrZero(table[lane] & -4096, index);
    }
  }

  /**
   * Takes one second-stage entry above the lowest level.
   *
   * @param at table, with the rights granted so far in its lowest bits
   * @return the next table in the same form
   */
  private long level(VtdPlan plan, int lane, int shift, long at, long entry) {
    long of = address[lane];
    long rights = at & entry & Access.ATOMIC;
    long required = SmoothWalk.secondRequired(plan, need[lane]);
    if ((entry & (required | plan.secondIllegal)) == required) {
      return entry & SmoothWalk.ADDRESS | rights;
    }
    host[lane] = SmoothWalk.secondPage(plan, entry, shift, rights, of, need[lane]);
    return CLOSED;
  }
}
