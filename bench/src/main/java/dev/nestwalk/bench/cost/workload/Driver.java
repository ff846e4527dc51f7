package dev.nestwalk.bench.cost.workload;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.FlushQueue;
import dev.nestwalk.bench.cost.InvalidationPolicy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * The parts of a workload that are not the device: the order of tenants, the mapping of buffers,
 * their treatment according to the cell's policy, and the clock.
 *
 * <p>Tenants are numbered from 0, as are the processes of each. Every call sends events to the
 * sink.
 */
public final class Driver {
  private static final long HUGE = 2L << 20;

  /** The addresses of one requester and PASID. */
  private static final class Space {
    final IovaAllocator iovas = new IovaAllocator();
    final FlushQueue queue;
    final List<long[]> quarantine = new ArrayList<>();
    final Map<Long, Deque<Long>> pool = new TreeMap<>();
    long chunk;
    long left;

    Space(InvalidationPolicy policy) {
      queue = new FlushQueue(policy);
    }
  }

  private final Cell cell;
  private final Consumer<DmaOp> sink;
  private final InvalidationPolicy policy;
  private final Turns turns;
  private final Map<Long, Space> spaces = new TreeMap<>();
  private final Random random;
  private final int[] nextProcess;
  private long clock;
  private int requester;
  private int pasid;

  /** A driver for a cell, at time 0, with tenant 0 and process 0 in turn. */
  public Driver(Cell cell, Consumer<DmaOp> sink) {
    this.cell = cell;
    this.sink = sink;
    policy = cell.invalidation();
    turns = new Turns(cell);
    random = new Random(cell.number(Axis.SEED));
    nextProcess = new int[cell.number(Axis.TENANTS)];
    turn(0, 0);
  }

  /** The cell. */
  public Cell cell() {
    return cell;
  }

  /** Requests to play, those before counting begins included. */
  public int requests() {
    return cell.number(Axis.WARMUP) + cell.number(Axis.REQUESTS);
  }

  /** Tenants. */
  public int tenants() {
    return nextProcess.length;
  }

  /** Processes of each tenant, at least 1. */
  public int processes() {
    return Math.max(1, cell.number(Axis.PASIDS));
  }

  /** A seeded generator, the same on every machine. */
  public Random random() {
    return random;
  }

  /** Makes it the turn of a tenant and one of its processes. */
  public void turn(int tenant, int process) {
    requester = tenant + 1;
    pasid = cell.number(Axis.PASIDS) == 0 ? -1 : process + 1;
  }

  /**
   * Goes on to whoever is next by the cell's order and bursts; processes of a tenant by turns.
   *
   * @return a number for tenant and process, from 0 to {@link #tenants} x {@link #processes} - 1
   */
  public int nextTurn() {
    int tenant = turns.next();
    int process = nextProcess[tenant];
    nextProcess[tenant] = (process + 1) % processes();
    turn(tenant, process);
    return tenant * processes() + process;
  }

  /** Time passes. */
  public void pass(long nanoseconds) {
    clock += nanoseconds;
  }

  /** Nanoseconds since the beginning. */
  public long now() {
    return clock;
  }

  /** Maps something that stays, such as a ring; its address. */
  public long keep(long bytes) {
    return mapped(space(), bytes);
  }

  /** Maps a buffer; by policy one that was mapped before. */
  public long map(long bytes) {
    Space space = space();
    if (!policy.keeps()) {
      release(space);
      return mapped(space, bytes);
    }
    Deque<Long> free = space.pool.get(bytes);
    if (free != null && !free.isEmpty()) {
      return free.pop();
    }
    return policy.kind() == InvalidationPolicy.Kind.HUGE
        ? carved(space, bytes)
        : mapped(space, bytes);
  }

  /** Is done with a buffer. */
  public void unmap(long iova, long bytes) {
    Space space = space();
    if (policy.keeps()) {
      space.pool.computeIfAbsent(bytes, any -> new ArrayDeque<>()).push(iova);
      return;
    }
    sink.accept(DmaOp.unmap(requester, pasid, iova, bytes, clock));
    if (policy.kind() == InvalidationPolicy.Kind.STRICT) {
      space.iovas.free(iova, bytes);
      return;
    }
    release(space);
    space.quarantine.add(new long[] {iova, bytes});
    if (space.queue.add(clock)) {
      flushed(space);
    }
  }

  /** The device reads. */
  public void read(long iova, long bytes) {
    sink.accept(DmaOp.access(requester, pasid, iova, bytes, false, clock));
  }

  /** The device writes. */
  public void write(long iova, long bytes) {
    sink.accept(DmaOp.access(requester, pasid, iova, bytes, true, clock));
  }

  /** The unit is told what the device will access soon. */
  public void prefetch(long iova, long bytes) {
    sink.accept(DmaOp.prefetch(requester, pasid, iova, bytes, clock));
  }

  /** A request has ended that carried so many bytes. */
  public void done(long payload) {
    sink.accept(DmaOp.request(requester, pasid, payload, clock));
  }

  private Space space() {
    return spaces.computeIfAbsent((long) requester << 20 | pasid + 1, any -> new Space(policy));
  }

  private long mapped(Space space, long bytes) {
    long iova = space.iovas.allocate(bytes);
    sink.accept(DmaOp.map(requester, pasid, iova, bytes, clock));
    return iova;
  }

  private long carved(Space space, long bytes) {
    long size = bytes + 4095 & -4096;
    if (size >= HUGE) {
      return mapped(space, size + HUGE - 1 & -HUGE);
    }
    if (space.left < size) {
      space.chunk = mapped(space, HUGE);
      space.left = HUGE;
    }
    space.left -= size;
    return space.chunk + space.left;
  }

  private void release(Space space) {
    if (space.queue.isDue(clock)) {
      flushed(space);
    }
  }

  private static void flushed(Space space) {
    space.quarantine.forEach(range -> space.iovas.free(range[0], range[1]));
    space.quarantine.clear();
    space.queue.flushed();
  }
}
