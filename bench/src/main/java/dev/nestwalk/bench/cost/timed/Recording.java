package dev.nestwalk.bench.cost.timed;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.PolicyInvalidations;
import dev.nestwalk.bench.cost.Workload;
import dev.nestwalk.bench.cost.model.TenantTables;
import dev.nestwalk.dma.Access;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * A workload's stream, written down before it is played by the clock: translations in arrays, a
 * piece of 4 KiB each, and what else happens between them.
 */
final class Recording implements Consumer<DmaOp> {
  private static final int PIECE = 12;
  private static final int MOST = 1 << 26;

  /** Something other than a translation, before translation number {@code at}. */
  record Change(int at, DmaOp op, int space) {}

  private final TenantTables tables;
  private final int warmup;
  private int requests;
  private int[] spaces = new int[1024];
  private long[] iovas = new long[1024];
  private byte[] accesses = new byte[1024];
  private final List<Change> changes = new ArrayList<>();
  private int size;
  private int begin;
  private int firstChange;
  private long payload;

  private Recording(Cell cell, TenantTables tables) {
    this.tables = tables;
    warmup = cell.number(Axis.WARMUP);
  }

  static Recording of(Cell cell, Workload workload, TenantTables tables) {
    Recording recording = new Recording(cell, tables);
    workload.play(cell, new PolicyInvalidations(cell.invalidation(), recording));
    return recording;
  }

  @Override
  public void accept(DmaOp op) {
    switch (op.kind()) {
      case ACCESS -> access(op);
      // The product has no prefetch.
      case PREFETCH -> {}
      case REQUEST -> {
        requests++;
        payload += op.length();
        if (requests == warmup) {
          begin = size;
          firstChange = changes.size();
          payload = 0;
        }
      }
      case MAP, UNMAP, INVALIDATE, FLUSH ->
          changes.add(new Change(size, op, tables.space(op.requester(), op.pasid())));
    }
  }

  private void access(DmaOp op) {
    int space = tables.space(op.requester(), op.pasid());
    long last = op.iova() + op.length() - 1 >>> PIECE;
    for (long page = op.iova() >>> PIECE; page <= last; page++) {
      if (size == iovas.length) {
        grow();
      }
      spaces[size] = space;
      iovas[size] = Math.max(page << PIECE, op.iova());
      accesses[size++] = (byte) (op.write() ? Access.WRITE : Access.READ);
    }
  }

  private void grow() {
    if (size >= MOST) {
      throw new IllegalArgumentException(
          "requests: more than %d translations: expected fewer to time".formatted(MOST));
    }
    spaces = Arrays.copyOf(spaces, 2 * size);
    iovas = Arrays.copyOf(iovas, 2 * size);
    accesses = Arrays.copyOf(accesses, 2 * size);
  }

  /** Translations in all. */
  int size() {
    return size;
  }

  /** First translation that counts. */
  int begin() {
    return begin;
  }

  /** First change that counts. */
  int firstChange() {
    return firstChange;
  }

  /** Requests that count. */
  int requests() {
    return requests - Math.min(warmup, requests);
  }

  /** Bytes that requests which count carried. */
  long payload() {
    return payload;
  }

  /** Address space of each translation; not to be changed, and longer than there are any. */
  int[] spaces() {
    return spaces;
  }

  /** Address of each translation. */
  long[] iovas() {
    return iovas;
  }

  /** Access bits of each translation. */
  byte[] accesses() {
    return accesses;
  }

  List<Change> changes() {
    return changes;
  }
}
