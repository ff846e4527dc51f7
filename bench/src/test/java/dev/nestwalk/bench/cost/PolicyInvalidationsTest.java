package dev.nestwalk.bench.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.bench.cost.workload.Workloads;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a driver invalidates, and when. */
class PolicyInvalidationsTest {
  private static final long PAGE = 4096;

  private static List<DmaOp> played(String policy, DmaOp... ops) {
    List<DmaOp> out = new ArrayList<>();
    PolicyInvalidations stream =
        new PolicyInvalidations(InvalidationPolicy.parse(policy), out::add);
    List.of(ops).forEach(stream);
    return out;
  }

  private static DmaOp unmap(int requester, long nanoseconds) {
    return DmaOp.unmap(requester, -1, 0x1000, PAGE, nanoseconds);
  }

  @Test
  void aStrictDriverInvalidatesEachBuffer() {
    DmaOp first = unmap(1, 5);
    DmaOp second = DmaOp.unmap(2, 7, 0x9000, 3 * PAGE, 6);
    for (String policy : List.of("strict", "pool", "huge")) {
      assertEquals(
          List.of(
              first,
              DmaOp.invalidate(1, -1, 0x1000, PAGE, 5),
              second,
              DmaOp.invalidate(2, 7, 0x9000, 3 * PAGE, 6)),
          played(policy, first, second),
          policy);
    }
  }

  @Test
  void aFullQueueIsFlushedAtOnceAndThatOfAnotherSpaceIsNot() {
    DmaOp[] ops = {unmap(1, 0), unmap(2, 1), unmap(1, 2), unmap(1, 3), unmap(2, 4)};
    assertEquals(
        List.of(
            ops[0], ops[1], ops[2], DmaOp.flush(1, -1, 2), ops[3], ops[4], DmaOp.flush(2, -1, 4)),
        played("lazy:2:1000", ops));
  }

  /** A timer asks nobody: what is due is flushed before whatever comes next, of whatever kind. */
  @Test
  void theFirstEventOfAnybodyAfterTheTimeComesAfterTheFlush() {
    for (DmaOp.Kind kind : DmaOp.Kind.values()) {
      DmaOp early = new DmaOp(kind, 9, -1, 0x5000, PAGE, false, 109);
      DmaOp late = new DmaOp(kind, 9, -1, 0x5000, PAGE, false, 110);
      DmaOp later = DmaOp.access(1, -1, 0, 1, false, 1000);
      List<DmaOp> out = played("lazy:100:100", unmap(1, 10), unmap(2, 20), early, late, later);
      out.removeIf(op -> op.kind() != DmaOp.Kind.FLUSH || op.requester() == 9);
      assertEquals(List.of(DmaOp.flush(1, -1, 110), DmaOp.flush(2, -1, 1000)), out, kind.name());
    }
  }

  @Test
  void aTimeAtTheEndOfTimeNeverComes() {
    DmaOp last = DmaOp.access(1, -1, 0, 1, false, Long.MAX_VALUE);
    DmaOp unmap = unmap(1, Long.MAX_VALUE - 5);
    assertEquals(List.of(unmap, last), played("lazy:100:100", unmap, last));
  }

  /** Otherwise a device would be answered with what the address meant before. */
  @ParameterizedTest
  @CsvSource({
    "nic:1500:32 tenants=3 order=random, lazy:1000000:20000",
    "nic:imix:64 pasids=3 burst=5, lazy:50:3000",
    "nvme:16k:8 tenants=4, lazy:1000000:20000",
    "nvme:4k:4 tenants=2 pasids=2, lazy:7",
    "gpu:256k:16k tenants=2, lazy:1000000:100",
    "nic:9000:16 prefetch=2, lazy:1000000:20000",
    "nvme:16k:8 tenants=3, strict"
  })
  void noAddressIsMappedAgainBeforeWhatWasCachedOfItIsDropped(String workload, String policy) {
    Cell cell = Cell.parse("requests=3000 workload=" + workload + " invalidate=" + policy);
    Map<Long, Set<Long>> stale = new HashMap<>();
    int[] reused = {0};
    Set<List<Long>> gone = new HashSet<>();
    PolicyInvalidations stream =
        new PolicyInvalidations(
            cell.invalidation(),
            op -> {
              long who = (long) op.requester() << 32 | op.pasid() + 1;
              Set<Long> pages = stale.computeIfAbsent(who, any -> new HashSet<>());
              for (long page = op.iova(); page < op.iova() + op.length(); page += PAGE) {
                switch (op.kind()) {
                  case UNMAP -> {
                    pages.add(page / PAGE);
                    gone.add(List.of(who, page / PAGE));
                  }
                  case INVALIDATE -> pages.remove(page / PAGE);
                  case MAP -> {
                    assertTrue(!pages.contains(page / PAGE), op::toString);
                    reused[0] += gone.contains(List.of(who, page / PAGE)) ? 1 : 0;
                  }
                  case FLUSH -> {
                    pages.clear();
                    return;
                  }
                  case ACCESS, PREFETCH, REQUEST -> {
                    return;
                  }
                }
              }
            });
    Workloads.of(cell.get(Axis.WORKLOAD)).play(cell, stream);
    assertTrue(reused[0] > 100, reused[0] + " pages mapped again");
  }
}
