package dev.nestwalk.bench.cost.model;

import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import java.util.ArrayList;
import java.util.List;

/**
 * The reads of one walk as the reference walker did them, in order, put together by what they are
 * for.
 *
 * @param context reads of root and context entries, or of the STE
 * @param process reads of the PASID table, or of the CD, with the second-stage walks that find it
 * @param parts reads of page tables: each first-stage entry with the second-stage walk that finds
 *     it, and at last the second-stage walk of the address itself
 * @param spanLog2 log2 of the bytes that the answer holds for; 0 after a fault
 * @param isFault whether the walk was refused
 */
record Walk(int context, int process, List<Part> parts, int spanLog2, boolean isFault) {
  /**
   * A second-stage walk and the first-stage entry it is for.
   *
   * @param guest the address that the second stage translates; -1 without a second stage
   * @param second levels of the second-stage entries read, the root's first
   * @param secondSpanLog2 log2 of the bytes that the last of them holds for
   * @param first level of the first-stage entry read, {@link #NO_LEVEL} for none
   */
  record Part(long guest, List<Integer> second, int secondSpanLog2, int first) {
    Part {
      second = List.copyOf(second);
    }
  }

  /** No first-stage entry: the walk is that of the address itself. */
  static final int NO_LEVEL = Integer.MIN_VALUE;

  /** Sorts the steps of a trace. */
  static Walk of(Trace trace, Shapes shapes) {
    List<Part> parts = new ArrayList<>();
    List<Integer> second = new ArrayList<>();
    int context = 0;
    int process = 0;
    int firstSpan = Long.SIZE;
    int secondSpan = Long.SIZE;
    long guest = -1;
    for (Step step : trace.steps()) {
      if (step.read().isEmpty()) {
        continue;
      }
      if (step.stage() == 2) {
        second.add(step.level());
        secondSpan = span(step, shapes);
        Step.Selector selector = step.selector();
        guest = selector == null ? guest : selector.value();
      } else if (step.stage() == 1) {
        parts.add(new Part(guest, second, secondSpan, step.level()));
        firstSpan = span(step, shapes);
        second.clear();
        secondSpan = Long.SIZE;
        guest = -1;
      } else if (isOfProcess(step.title())) {
        process += 1 + second.size();
        second.clear();
        secondSpan = Long.SIZE;
        guest = -1;
      } else {
        context++;
      }
    }
    if (!second.isEmpty()) {
      parts.add(new Part(guest, second, secondSpan, NO_LEVEL));
    }
    boolean fault = Translation.isFault(trace.translation());
    int span = Math.min(firstSpan, secondSpan);
    return new Walk(context, process, List.copyOf(parts), fault ? 0 : span, fault);
  }

  /**
   * Log2 of the bytes that an entry holds for, if it is a leaf: with a hint, those of its group.
   */
  private static int span(Step step, Shapes shapes) {
    int level = step.level();
    boolean hinted = !shapes.vtd && (step.read().get(0) & Shapes.CONTIGUOUS) != 0;
    return hinted ? shapes.group(level) : shapes.shift(level);
  }

  private static boolean isOfProcess(String title) {
    return title.startsWith("PASID") || title.contains("CD");
  }
}
