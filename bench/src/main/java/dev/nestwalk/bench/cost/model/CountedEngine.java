package dev.nestwalk.bench.cost.model;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.Counts;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.PolicyInvalidations;
import dev.nestwalk.bench.cost.Tally;
import dev.nestwalk.bench.cost.Workload;
import java.util.function.Consumer;

/**
 * Plays a workload on modelled hardware. The tables are real: a miss is walked by the reference
 * walker, and each of its reads is counted unless a modelled cache would have saved it.
 *
 * <p>Each piece of 4 KiB of an access is one lookup, whatever packets the bus would use.
 */
public final class CountedEngine implements Consumer<DmaOp> {
  private static final int PIECE = 12;

  private final TenantTables tables;
  private final Walks walks;
  private final Hardware hardware;
  private final Walker walker;
  private final Tally tally = new Tally();
  private final int warmup;
  private final boolean ats;
  private int requests;

  private final Tally.Counter lookups = tally.counter("access");
  private final Tally.Counter ended = tally.counter("request");
  private final Tally.Counter bytes = tally.counter("bytes");
  private final Tally.Counter hits = tally.counter("iotlb.hit");
  private final Tally.Counter misses = tally.counter("iotlb.miss");
  private final Tally.Counter deviceHits = tally.counter("atc.hit");
  private final Tally.Counter deviceMisses = tally.counter("atc.miss");
  private final Tally.Counter faults = tally.counter("fault");
  private final Tally.Counter maps = tally.counter("map");
  private final Tally.Counter unmaps = tally.counter("unmap");
  private final Tally.Counter pageInvalidations = tally.counter("invalidate.page");
  private final Tally.Counter flushes = tally.counter("invalidate.all");
  private final Tally.Counter prefetches = tally.counter("prefetch");

  private CountedEngine(Cell cell, TenantTables tables) {
    this.tables = tables;
    walks = new Walks(tables);
    hardware = new Hardware(cell);
    walker = new Walker(tables, hardware, tally);
    warmup = cell.number(Axis.WARMUP);
    ats = !hardware.devices.isEmpty();
  }

  /**
   * Plays a workload.
   *
   * @return what was counted after the cell's warm-up
   * @throws IllegalArgumentException in one line if the cell contradicts itself or its tables need
   *     more than 2 GiB
   */
  public static Counts run(Cell cell, Workload workload) {
    return TenantTables.growing(
        cell,
        tables -> {
          CountedEngine engine = new CountedEngine(cell, tables);
          workload.play(cell, new PolicyInvalidations(cell.invalidation(), engine));
          return engine.tally.counts();
        });
  }

  @Override
  public void accept(DmaOp op) {
    switch (op.kind()) {
      case MAP -> map(op);
      case UNMAP -> unmap(op);
      case INVALIDATE -> invalidate(op);
      case FLUSH -> flush(op);
      case ACCESS, PREFETCH -> access(op);
      case REQUEST -> request(op);
    }
  }

  private void request(DmaOp op) {
    requests++;
    ended.up();
    bytes.add(op.length());
    if (requests == warmup) {
      tally.reset();
    }
  }

  private void map(DmaOp op) {
    int space = tables.space(op.requester(), op.pasid());
    tables.map(space, op.iova(), op.length());
    count(maps, op);
  }

  private void unmap(DmaOp op) {
    int space = tables.space(op.requester(), op.pasid());
    tables.unmap(space, op.iova(), op.length());
    count(unmaps, op);
  }

  private static void count(Tally.Counter counter, DmaOp op) {
    if (!op.more()) {
      counter.up();
    }
  }

  private void invalidate(DmaOp op) {
    count(pageInvalidations, op);
    if (op.length() == 0) {
      return;
    }
    int space = tables.space(op.requester(), op.pasid());
    long last = op.iova() + op.length() - 1 >>> PIECE;
    for (long page = op.iova() >>> PIECE; page <= last; page++) {
      hardware.drop(hardware.iotlb, space, page << PIECE);
      if (ats) {
        hardware.drop(hardware.devices.get(tables.tenant(space)), space, page << PIECE);
      }
    }
  }

  private void flush(DmaOp op) {
    count(flushes, op);
    if (op.length() == 0) {
      return;
    }
    int space = tables.space(op.requester(), op.pasid());
    hardware.iotlb.dropAll(space);
    // A guest's invalidations leave the host's second stage alone.
    int outer = tables.shapes.levels1 == 0 ? 2 : 1;
    for (ModelCache level : hardware.tables(outer)) {
      level.dropAll(space);
    }
    if (ats) {
      hardware.devices.get(tables.tenant(space)).dropAll(space);
    }
  }

  private void access(DmaOp op) {
    int space = tables.space(op.requester(), op.pasid());
    long last = op.iova() + op.length() - 1 >>> PIECE;
    for (long page = op.iova() >>> PIECE; page <= last; page++) {
      if (op.kind() == DmaOp.Kind.PREFETCH) {
        ahead(space, page << PIECE);
      } else {
        piece(space, page << PIECE, op.write());
      }
    }
  }

  private void piece(int space, long address, boolean write) {
    lookups.up();
    ModelCache device = ats ? hardware.devices.get(tables.tenant(space)) : null;
    if (device != null) {
      if (hardware.use(device, space, address)) {
        deviceHits.up();
        return;
      }
      deviceMisses.up();
    }
    Walk walk = walks.of(space, address, write);
    walker.configuration(space, walk);
    if (hardware.use(hardware.iotlb, space, address)) {
      hits.up();
    } else {
      misses.up();
      walker.pages(space, address, walk, false);
      if (!walk.isFault()) {
        hardware.fill(hardware.iotlb, space, address, walk.spanLog2());
      }
    }
    if (walk.isFault()) {
      faults.up();
    } else if (device != null) {
      hardware.fill(device, space, address, walk.spanLog2());
    }
  }

  private void ahead(int space, long address) {
    prefetches.up();
    Walk walk = walks.of(space, address, false);
    if (!walk.isFault() && !hardware.use(hardware.iotlb, space, address)) {
      walker.pages(space, address, walk, true);
      hardware.fill(hardware.iotlb, space, address, walk.spanLog2());
    }
  }
}
