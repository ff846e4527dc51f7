package dev.nestwalk.smmu;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.memory.GuestMemory;
import java.util.Arrays;

/**
 * Several nested {@link SmoothWalk}s of one configuration side by side, a level of all before the
 * next level of any: the loads of different walks do not wait for each other, so that memory far
 * from the processor is asked for many descriptors at once.
 *
 * <p>Threads: belongs to the thread of its walker.
 */
final class LockstepWalk {
  /** No table, no address: a word that is read there is not used. */
  private static final long CLOSED = -4096;

  private final GuestMemory memory;
  private final long[] ipa;
  private final int[] need;
  private final long[] table;
  private final long[] host;
  private final long[] entries;
  private final long[] hierarchy;
  private final long[] page;

  LockstepWalk(GuestMemory memory, int lanes) {
    this.memory = memory;
    ipa = new long[lanes];
    need = new int[lanes];
    table = new long[lanes];
    host = new long[lanes];
    entries = new long[lanes];
    hierarchy = new long[lanes];
    page = new long[lanes];
  }

  /**
   * Walks both stages for {@code count} addresses.
   *
   * @param from place of the first address, and of its answer
   * @param answers packed answers, or 0 where the long way has to tell
   * @param spans log2 of the block that stage 1's leaf maps
   */
  void nested(
      SmmuPlan plan, long[] iovas, long[] answers, int from, int[] spans, int count, int access) {
    Arrays.fill(answers, from, from + count, 0);
    Regime regime = SmoothWalk.regime(plan, iovas[from]);
    long inside = (1L << regime.inputBits) - 1;
    int shift = regime.lsb(regime.start);
    for (int lane = 0; lane < count; lane++) {
      long iova = iovas[from + lane];
      // The few that lie in the other range are left to the long way.
      boolean usual = SmoothWalk.regime(plan, iova) == regime && SmoothWalk.accepts(regime, iova);
      ipa[lane] = usual ? regime.base + ((iova & inside) >>> shift << 3) : CLOSED;
      need[lane] = Access.READ;
    }
    Arrays.fill(hierarchy, 0, count, 0);
    Arrays.fill(page, 0, count, 0);
    // A round takes stage 2 for all lanes, then one stage 1 descriptor of each.
    for (int open = count; open > 0; shift -= regime.stride) {
      second(plan, count);
      open = 0;
      for (int lane = 0; lane < count; lane++) {
        if (ipa[lane] != CLOSED && (host[lane] == 0 || page[lane] != 0)) {
          answers[from + lane] = host[lane] == 0 ? 0 : SmoothWalk.both(page[lane], host[lane]);
          spans[lane] = Translation.spanLog2(page[lane]);
          ipa[lane] = CLOSED;
        }
      }
      for (int lane = 0; lane < count; lane++) {
        // A lane that is done has the address of a byte here.
        long at = Translation.address(host[lane]) & -8;
        entries[lane] = at == 0 ? 0 : memory.entryOrZero(at, 0);
      }
      for (int lane = 0; lane < count; lane++) {
        if (ipa[lane] != CLOSED) {
          open += first(plan, regime, lane, shift, iovas[from + lane], access);
        }
      }
    }
  }

  /** Takes a lane's stage 1 descriptor; 1 if the lane goes on. */
  private int first(SmmuPlan plan, Regime regime, int lane, int shift, long iova, int access) {
    long entry = entries[lane];
    if (shift != regime.granule
        && (entry & (SmoothWalk.TABLE | regime.beyond)) == SmoothWalk.TABLE) {
      hierarchy[lane] |= entry;
      ipa[lane] = regime.next(entry, iova & (1L << regime.inputBits) - 1, shift - regime.stride);
      return 1;
    }
    long found = SmoothWalk.page(plan, regime, entry, shift, hierarchy[lane], iova, access);
    page[lane] = found;
    need[lane] = access;
    ipa[lane] = found == 0 ? CLOSED : Translation.address(found);
    return found == 0 ? 0 : 1;
  }

  /** Takes the address of every open lane through stage 2. */
  private void second(SmmuPlan plan, int count) {
    Regime regime = plan.second;
    for (int lane = 0; lane < count; lane++) {
      host[lane] = 0;
      table[lane] = ipa[lane] >>> regime.inputBits == 0 ? regime.base : CLOSED;
    }
    long slots = -1;
    int shift = regime.lsb(regime.start);
    for (; shift > regime.granule; shift -= regime.stride) {
      load(count, shift, slots);
      for (int lane = 0; lane < count; lane++) {
        if (table[lane] != CLOSED) {
          level(plan, regime, lane, shift);
        }
      }
      slots = (1L << regime.stride) - 1;
    }
    load(count, shift, slots);
    for (int lane = 0; lane < count; lane++) {
      if (table[lane] != CLOSED) {
        host[lane] = SmoothWalk.secondPage(plan, entries[lane], shift, ipa[lane], need[lane]);
      }
    }
  }

  /** Loads first, and nothing else: many of them fit into the processor's window. */
  private void load(int count, int shift, long slots) {
    for (int lane = 0; lane < count; lane++) {
      boolean closed = table[lane] == CLOSED;
      long index = (ipa[lane] >>> shift & slots) << 3;
      entries[lane] = closed ? 0 : memory.entryOrZero(table[lane], index);
    }
  }

  /** Takes one stage 2 descriptor above the lowest level. */
  private void level(SmmuPlan plan, Regime regime, int lane, int shift) {
    long entry = entries[lane];
    if ((entry & (SmoothWalk.TABLE | regime.beyond)) == SmoothWalk.TABLE) {
      table[lane] = entry & regime.tables;
    } else {
      table[lane] = CLOSED;
      host[lane] = SmoothWalk.secondPage(plan, entry, shift, ipa[lane], need[lane]);
    }
  }
}
