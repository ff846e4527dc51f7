package dev.nestwalk.device;

import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.smmu.EventRecord;
import dev.nestwalk.smmu.Idr0;
import dev.nestwalk.smmu.Idr5;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Accesses that wait for software (IHI 0070, 3.12.2, 4.6, 5.5). Each has a stall tag until it is
 * resumed or terminated, and an event record, which waits for room in the queue rather than being
 * lost. Beyond IDR5.STALL_MAX an access waits without tag and record, and is tried again when a tag
 * becomes free.
 *
 * <p>After a restore the accesses of the snapshot have tags but no thread that waits. A device that
 * makes one of them again takes its tag over, without another record.
 *
 * <p>Threads: under the unit's lock.
 */
final class SmmuStalls {
  private static final int STAG_WORD = EventRecord.STAG.word();

  private final SmmuEventQueue events;
  private final int most;
  private final boolean abortOnly;
  private final BitSet tags = new BitSet();
  private final List<Held> held = new ArrayList<>();
  private final Deque<Waiting> untagged = new ArrayDeque<>();

  /** An access without a tag. */
  private record Waiting(Stall stall, int streamId) {}

  /** An access with a tag. */
  static final class Held {
    final int streamId;
    final int substreamId;
    final long iova;
    final int access;

    /** The event record, with the tag. */
    final long[] record;

    /** Whether software can know of it. */
    boolean recorded;

    private @Nullable Stall stall;

    /** A held access; {@code record} has its tag. */
    Held(int streamId, int substreamId, long iova, int access, long[] record, boolean recorded) {
      this.streamId = streamId;
      this.substreamId = substreamId;
      this.iova = iova;
      this.access = access;
      this.record = record;
      this.recorded = recorded;
    }

    int tag() {
      return (int) EventRecord.STAG.get(record[STAG_WORD]);
    }

    private boolean isOf(Port port, long ofIova, int ofAccess) {
      return streamId == port.sourceId()
          && substreamId == port.pasid()
          && iova == ofIova
          && access == ofAccess;
    }

    private void decide(Stall.Decision what) {
      if (stall != null) {
        stall.decide(what);
      }
    }
  }

  SmmuStalls(SmmuRegisters registers, SmmuEventQueue events) {
    this.events = events;
    most = (int) Idr5.STALL_MAX.get(registers.get(SmmuRegister.IDR5));
    abortOnly = registers.has(SmmuRegister.IDR0, Idr0.TERM_MODEL);
  }

  /** Holds a refused access and records it as soon as there is room. */
  Stall hold(Port port, FaultRecord fault) {
    Stall stall = new Stall(fault.iova());
    for (Held one : held) {
      if (one.stall == null && one.isOf(port, fault.iova(), fault.access())) {
        one.stall = stall;
        return stall;
      }
    }
    if (held.size() >= most) {
      untagged.add(new Waiting(stall, port.sourceId()));
      return stall;
    }
    int tag = tags.nextClearBit(0);
    long[] record = {fault.word(0), fault.word(1), fault.word(2), fault.word(3)};
    record[STAG_WORD] |= (long) tag << EventRecord.STAG.lo();
    Held one = new Held(port.sourceId(), port.pasid(), fault.iova(), fault.access(), record, false);
    one.stall = stall;
    add(one);
    writeRecords();
    return stall;
  }

  private void add(Held one) {
    tags.set(one.tag());
    held.add(one);
  }

  /** Writes the records that waited for room, the oldest first. */
  void writeRecords() {
    // Indexed, since each acknowledged event comes here and must not allocate an iterator.
    for (int i = 0; i < held.size(); i++) {
      Held one = held.get(i);
      if (!one.recorded) {
        if (!events.isWritable() || !events.write(one.record)) {
          return;
        }
        one.recorded = true;
      }
    }
  }

  /**
   * CMD_RESUME.
   *
   * @param retry make it again; else end it
   * @param abort end it with an abort rather than silently
   * @return whether there was such an access
   */
  boolean resume(int streamId, int tag, boolean retry, boolean abort) {
    for (Iterator<Held> all = held.iterator(); all.hasNext(); ) {
      Held one = all.next();
      if (one.tag() == tag && one.streamId == streamId && one.recorded) {
        Stall.Decision end = abort || abortOnly ? Stall.Decision.ABORT : Stall.Decision.ZERO;
        all.remove();
        release(one, retry ? Stall.Decision.RETRY : end);
        return true;
      }
    }
    return false;
  }

  /** CMD_STALL_TERM: ends every access of a stream. */
  void terminate(int streamId) {
    for (Iterator<Waiting> all = untagged.iterator(); all.hasNext(); ) {
      Waiting one = all.next();
      if (one.streamId == streamId) {
        all.remove();
        one.stall.decide(Stall.Decision.ABORT);
      }
    }
    List<Held> ended = held.stream().filter(one -> one.streamId == streamId).toList();
    held.removeAll(ended);
    ended.forEach(one -> release(one, Stall.Decision.ABORT));
  }

  /** Ends every access, as switching translation off does. */
  void endAll(Stall.Decision how) {
    untagged.forEach(one -> one.stall.decide(how));
    untagged.clear();
    held.forEach(one -> one.decide(how));
    held.clear();
    tags.clear();
  }

  /** The device no longer waits. */
  void withdraw(Stall stall) {
    untagged.removeIf(one -> one.stall == stall);
    for (Iterator<Held> all = held.iterator(); all.hasNext(); ) {
      Held one = all.next();
      if (one.stall == stall) {
        all.remove();
        release(one, Stall.Decision.ABORT);
        return;
      }
    }
  }

  /**
   * Frees the tag of an access that is no longer held. All that wait for a tag try again: the first
   * of them may no longer need one.
   */
  private void release(Held one, Stall.Decision how) {
    tags.clear(one.tag());
    one.decide(how);
    untagged.forEach(next -> next.stall.decide(Stall.Decision.RETRY));
    untagged.clear();
  }

  /** Most accesses that have a tag at once. */
  int most() {
    return most;
  }

  /** Accesses with a tag, the oldest first. */
  List<Held> held() {
    return held;
  }

  /** Takes a snapshot's accesses instead of those now held, which are made again. */
  void load(List<Held> others) {
    endAll(Stall.Decision.RETRY);
    others.forEach(this::add);
  }
}
