package dev.nestwalk.device;

import dev.nestwalk.DmaRuns;
import dev.nestwalk.Endpoint;
import dev.nestwalk.RefusalListener;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The calls of a port that give several answers, which the device uses together. If software holds
 * one of the accesses, the port waits, and no guest waits for the port meanwhile: so what it had by
 * then may be invalid afterwards, and is translated again. An access that was refused for good is
 * not made again.
 *
 * <p>Software that always takes one page away when it brings another would never let such a call
 * end. After {@link #SETBACKS} of these, what is refused is refused for good.
 *
 * <p>Threads: belongs to the port's.
 */
final class Together {
  /** How often an access may be refused that was not refused before, in one call. */
  static final int SETBACKS = 64;

  private final Unit unit;
  private final Port port;
  private final DmaThread thread;
  private final Endpoint endpoint;

  /** Made once: batches must not allocate. */
  private final RefusalListener reports = this::reportOfBatch;

  /** Indices of a batch's addresses that are asked for again; null in its first round. */
  private int @Nullable [] open;

  /** The access that software holds. */
  private @Nullable Stall held;

  /** Its index in the batch, or how many bytes there were before it. */
  private long heldAt;

  /** The largest of these in this call. */
  private long reached;

  private int setbacks;

  Together(Unit unit, Port port, DmaThread thread, Endpoint endpoint) {
    this.unit = unit;
    this.port = port;
    this.thread = thread;
    this.endpoint = endpoint;
  }

  private void begin() {
    open = null;
    held = null;
    reached = 0;
    setbacks = 0;
  }

  /** As {@link Port#translate(long[], long[], int, int, int)}. */
  int translate(long[] iovas, long[] answers, int from, int count, int access) {
    begin();
    int refused = endpoint.translate(iovas, answers, from, count, access, reports);
    return held == null ? refused : again(iovas, answers, from, count, access);
  }

  /** Goes on with a batch of which an access is held, until all answers are of one round. */
  private int again(long[] iovas, long[] answers, int from, int count, int access) {
    int[] indices = new int[count];
    Arrays.setAll(indices, k -> from + k);
    long[] asked = new long[count];
    long[] given = Arrays.copyOfRange(answers, from, from + count);
    int left = count;
    open = indices;
    while (held != null) {
      boolean resumed = isResumed(held);
      int kept = 0;
      for (int k = 0; k < left; k++) {
        int index = indices[k];
        // After the held access nothing was reported yet.
        boolean reported = index < heldAt || index == heldAt && !resumed;
        if (reported && Translation.isFault(given[k])) {
          answers[index] = given[k];
        } else {
          asked[kept] = iovas[index];
          indices[kept++] = index;
        }
      }
      left = kept;
      endpoint.translate(asked, given, 0, left, access, reports);
    }
    for (int k = 0; k < left; k++) {
      answers[indices[k]] = given[k];
    }
    int refused = 0;
    for (int i = from; i < from + count; i++) {
      refused += Translation.isFault(answers[i]) ? 1 : 0;
    }
    return refused;
  }

  /** As {@link Port#translateRange}. */
  long translateRange(long iova, long length, int access, DmaRuns runs) {
    begin();
    long end = length;
    long endedBy = 0;
    while (true) {
      long done = endpoint.translateRange(iova, end, access, runs);
      long refusal = runs.refusal();
      if (refusal == 0) {
        if (done == end && end < length) {
          runs.endWith(endedBy);
        }
        return done;
      }
      report(done, thread.translator.lastFault());
      if (held == null) {
        return done;
      }
      if (!isResumed(held)) {
        if (done == 0) {
          return 0;
        }
        end = done;
        endedBy = refusal;
      }
    }
  }

  /** As {@link Port#slice}; if there is none, {@link Endpoint#stoppedBy} says why. */
  @Nullable MemorySegment slice(long iova, long length, int access) {
    begin();
    while (true) {
      MemorySegment slice = endpoint.slice(iova, length, access);
      if (slice != null || !Translation.isFault(endpoint.stoppedBy())) {
        return slice;
      }
      FaultRecord fault = thread.translator.lastFault();
      report(fault.iova() - iova, fault);
      if (held == null || !isResumed(held)) {
        return null;
      }
    }
  }

  private void reportOfBatch(int index, FaultRecord fault) {
    report(open == null ? index : open[index], fault);
  }

  /** Reports a refusal, unless an access before it is held: then it will be asked for again. */
  private void report(long place, FaultRecord fault) {
    if (held != null || Outcome.isLibraryCode(Translation.code(fault.translation()))) {
      return;
    }
    Stall stall = unit.post(port, fault);
    if (stall != null && setbacks == SETBACKS) {
      unit.giveUp(stall);
      stall = null;
    }
    held = stall;
    heldAt = place;
  }

  /**
   * Waits for what becomes of the access that is held. No earlier answer is in use afterwards.
   *
   * @return whether it is made again
   */
  private boolean isResumed(Stall stall) {
    setbacks += heldAt < reached ? 1 : 0;
    reached = Math.max(reached, heldAt);
    Stall.Decision decision = thread.await(stall);
    if (decision == Stall.Decision.GIVEN_UP) {
      unit.giveUp(stall);
    }
    held = null;
    return decision == Stall.Decision.RETRY;
  }
}
