package dev.nestwalk.bench.cost.trace;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.DmaOp;
import dev.nestwalk.bench.cost.Workload;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Plays the addresses of a trace. Requesters become tenants, and PASIDs processes, in the order in
 * which they come. What is accessed without having been mapped is mapped just before; where the
 * trace tells no ends of requests, each access is one.
 */
final class TraceWorkload implements Workload {
  private static final int MOST_GROUPS = 1 << 18;
  private static final int REACH = 47;
  private static final long INTERRUPTS = 0xfee0_0000L;
  private static final long LAST_INTERRUPT = 0xfeef_ffffL;

  private final TraceFile file;

  TraceWorkload(TraceFile file) {
    this.file = file;
  }

  @Override
  public void play(Cell cell, Consumer<DmaOp> sink) {
    new Play(cell, sink, tellsEnds()).play();
  }

  /** Whether the trace holds an end of a request; where it does not, that takes a pass over it. */
  private boolean tellsEnds() {
    boolean[] found = {false};
    file.ops(
        op -> {
          found[0] = op.kind() == DmaOp.Kind.REQUEST;
          return !found[0];
        });
    return found[0];
  }

  /** One address space of the trace. */
  private static final class Space {
    final int requester;
    final int pasid;
    final PageSet mapped = new PageSet(MOST_GROUPS);

    Space(int requester, int pasid) {
      this.requester = requester;
      this.pasid = pasid;
    }
  }

  private final class Play {
    private final Consumer<DmaOp> sink;
    private final boolean ends;
    private final boolean vtd;
    private final boolean processes;
    private final Map<Long, Space> spaces = new LinkedHashMap<>();
    private final Map<Integer, Integer> tenants = new HashMap<>();
    private final Map<Integer, Integer> pasidsOf = new HashMap<>();
    private final long most;
    private final Cell cell;
    private long done;

    Play(Cell cell, Consumer<DmaOp> sink, boolean ends) {
      this.sink = sink;
      this.ends = ends;
      vtd = cell.isVtd();
      processes = cell.number(Axis.PASIDS) > 0;
      most = (long) cell.number(Axis.WARMUP) + cell.number(Axis.REQUESTS);
      this.cell = cell;
    }

    void play() {
      file.ops(
          op -> {
            take(op);
            return done < most;
          });
      file.checkWarmUp(cell, done);
    }

    private void take(DmaOp op) {
      switch (op.kind()) {
        case INVALIDATE -> invalidate(op);
        case REQUEST -> request(op, space(op));
        case MAP -> map(op, space(op));
        case UNMAP -> unmap(op, space(op));
        case ACCESS, PREFETCH -> access(op, space(op));
        case FLUSH -> throw new IllegalStateException("readers tell flushes as INVALIDATE");
      }
    }

    private Space space(DmaOp op) {
      long key = (long) op.requester() << 32 | op.pasid() + 1;
      Space known = spaces.get(key);
      if (known == null) {
        int tenant = tenants.computeIfAbsent(op.requester(), any -> tenants.size() + 1);
        int pasid = processes ? pasidsOf.merge(tenant, 1, Integer::sum) : -1;
        known = new Space(tenant, pasid);
        spaces.put(key, known);
      }
      return known;
    }

    private void access(DmaOp op, Space space) {
      long last = op.iova() + (op.length() - 1);
      if (vtd && op.iova() <= LAST_INTERRUPT && last >= INTERRUPTS && op.iova() >= 0) {
        // VT-d takes these for interrupts: no table is asked.
        return;
      }
      reach(op);
      map(op, space);
      sink.accept(with(op, space, op.iova(), op.length()));
      if (!ends && op.kind() == DmaOp.Kind.ACCESS) {
        request(op, space);
      }
    }

    private void request(DmaOp op, Space space) {
      sink.accept(DmaOp.request(space.requester, space.pasid, op.length(), op.nanoseconds()));
      done++;
    }

    private void map(DmaOp op, Space space) {
      reach(op);
      Parts parts = new Parts();
      boolean fits =
          space.mapped.add(
              op.iova(),
              op.length(),
              (address, length) ->
                  parts.add(
                      DmaOp.map(space.requester, space.pasid, address, length, op.nanoseconds())));
      if (!fits) {
        throw new TraceException(
            "%s: 0x%x: expected addresses in up to %d ranges of 2 MiB for each requester"
                .formatted(file, op.iova(), MOST_GROUPS));
      }
      parts.end();
    }

    private void unmap(DmaOp op, Space space) {
      Parts parts = new Parts();
      space.mapped.find(
          op.iova(),
          op.length(),
          true,
          (address, length) ->
              parts.add(
                  DmaOp.unmap(space.requester, space.pasid, address, length, op.nanoseconds())));
      parts.end();
    }

    /**
     * Of each address space that it concerns: what is mapped there, or all of it. Requests without
     * PASID have the tables of PASID 0, RID_PASID as software sets it on VT-d and SubstreamID 0 on
     * an SMMUv3. Software waits for an invalidation that concerns nothing, too.
     */
    private void invalidate(DmaOp op) {
      boolean all = op.length() == OpReader.EVERYTHING;
      Parts parts = new Parts();
      for (Map.Entry<Long, Space> entry : spaces.entrySet()) {
        int requester = (int) (entry.getKey() >>> 32);
        int pasid = entry.getKey().intValue() - 1;
        boolean concerns =
            (op.requester() == OpReader.EVERYONE || op.requester() == requester)
                && (op.pasid() < 0 || op.pasid() == Math.max(pasid, 0));
        Space space = entry.getValue();
        if (concerns && all) {
          parts.add(DmaOp.flush(space.requester, space.pasid, op.nanoseconds()));
        } else if (concerns && op.iova() >= 0) {
          space.mapped.find(
              op.iova(),
              op.length(),
              false,
              (address, length) -> parts.add(with(op, space, address, length)));
        }
      }
      if (parts.last == null) {
        DmaOp.Kind kind = all ? DmaOp.Kind.FLUSH : DmaOp.Kind.INVALIDATE;
        parts.add(new DmaOp(kind, 1, processes ? 1 : -1, 0, 0, false, op.nanoseconds()));
      }
      parts.end();
    }

    /** Sends the parts of one event, each but the last as one that is followed. */
    private final class Parts {
      private @Nullable DmaOp last;

      void add(DmaOp part) {
        if (last != null) {
          sink.accept(last.followed(true));
        }
        last = part;
      }

      void end() {
        if (last != null) {
          sink.accept(last);
        }
      }
    }

    private void reach(DmaOp op) {
      if (op.iova() >>> REACH != 0 || op.iova() + (op.length() - 1) >>> REACH != 0) {
        throw new TraceException(
            "%s: 0x%x and 0x%x bytes: expected addresses of up to %d bits"
                .formatted(file, op.iova(), op.length(), REACH));
      }
    }

    private DmaOp with(DmaOp op, Space space, long address, long length) {
      return new DmaOp(
          op.kind(), space.requester, space.pasid, address, length, op.write(), op.nanoseconds());
    }
  }
}
