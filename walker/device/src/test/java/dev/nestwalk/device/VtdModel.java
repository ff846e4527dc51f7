package dev.nestwalk.device;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;

/**
 * What the handshakes of a VT-d unit come to, told a second time and without registers: a ring of
 * fault records, error bits, three events with mask and pending flag, a page request ring. It
 * shares nothing with the unit; its only purpose is to be compared.
 */
final class VtdModel {
  /** An event source: counts the messages that it sends. */
  static final class Source {
    boolean masked = true;
    boolean waits;
    int sent;

    void happens() {
      waits = true;
      look();
    }

    void mask(boolean on) {
      masked = on;
      look();
    }

    private void look() {
      if (waits && !masked) {
        waits = false;
        sent++;
      }
    }

    long control() {
      return (masked ? 1L << 31 : 0) | (waits ? 1L << 30 : 0);
    }
  }

  final Source fault = new Source();
  final Source completion = new Source();
  final Source page = new Source();

  /** Requester of each record, -1 where none is pending. */
  final int[] records;

  int next;
  int firstIndex;
  boolean overflow;
  boolean queueError;
  boolean completed;
  boolean pageArrived;
  boolean pageLost;

  private final int pageRoom;
  private final Deque<Integer> pages = new ArrayDeque<>();

  VtdModel(int count, int pageEntries) {
    records = new int[count];
    Arrays.fill(records, -1);
    pageRoom = pageEntries - 1;
  }

  private boolean anyFault() {
    for (int one : records) {
      if (one >= 0) {
        return true;
      }
    }
    return false;
  }

  private boolean quiet() {
    return !anyFault() && !overflow && !queueError;
  }

  void fault(int source) {
    if (overflow) {
      return;
    }
    for (int one : records) {
      if (one == source) {
        return;
      }
    }
    boolean wasQuiet = quiet();
    if (records[next] >= 0) {
      overflow = true;
      return;
    }
    if (!anyFault()) {
      firstIndex = next;
    }
    records[next] = source;
    next = next + 1 == records.length ? 0 : next + 1;
    if (wasQuiet) {
      fault.happens();
    }
  }

  void clearRecord(int index) {
    records[index] = -1;
    settle();
  }

  void clearStatus(boolean overflowToo, boolean queueToo) {
    overflow &= !overflowToo;
    queueError &= !queueToo;
    settle();
  }

  private void settle() {
    if (quiet()) {
      fault.waits = false;
    }
  }

  void queueError() {
    boolean wasQuiet = quiet();
    queueError = true;
    if (wasQuiet) {
      fault.happens();
    }
  }

  void waitWithInterrupt() {
    if (!completed) {
      completed = true;
      completion.happens();
    }
  }

  void clearCompletion() {
    completed = false;
    completion.waits = false;
  }

  void pageRequest() {
    if (pageLost) {
      return;
    }
    boolean wasQuiet = !pageArrived;
    if (pages.size() == pageRoom) {
      pageLost = true;
    } else {
      pages.add(1);
      pageArrived = true;
    }
    if (wasQuiet) {
      page.happens();
    }
  }

  void takePages() {
    pages.clear();
  }

  void clearPages(boolean arrived, boolean lost) {
    pageArrived &= !arrived;
    pageLost &= !lost;
    if (!pageArrived && !pageLost) {
      page.waits = false;
    }
  }

  long faultStatus() {
    return (overflow ? 1 : 0)
        | (anyFault() ? 2 : 0)
        | (queueError ? 16 : 0)
        | (long) firstIndex << 8;
  }

  long pageStatus() {
    return (pageArrived ? 1 : 0) | (pageLost ? 2 : 0);
  }
}
