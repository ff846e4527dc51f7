package dev.nestwalk.bench.cost.sweep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.bench.cost.Axis;
import dev.nestwalk.bench.cost.Cell;
import dev.nestwalk.bench.cost.report.SweepTable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The cross product, and how it is dealt out. */
class SweepPlanTest {
  private static final Map<Axis, List<String>> AXES =
      Map.of(
          Axis.FORMAT, List.of("vtd", "smmuv3"),
          Axis.STAGES, List.of("1", "nested"),
          Axis.IOTLB, List.of("64x8lru", "64x8", "4096x4"),
          Axis.TENANTS, List.of("1", "16", "256"));

  @Test
  void everyCombinationIsThereOnce() {
    // Two of the IOTLBs are the same cache in other words.
    SweepPlan plan = SweepPlan.of(Cell.standard(), AXES);
    assertEquals(2 * 2 * 2 * 3, plan.cells().size());
    assertEquals(
        List.of(Axis.FORMAT, Axis.STAGES, Axis.IOTLB, Axis.TENANTS),
        SweepTable.varied(plan.cells()));
    List<Cell> sorted = new ArrayList<>(plan.cells());
    Collections.sort(sorted);
    assertEquals(sorted, plan.cells());
  }

  @Test
  void theOrderInWhichAxesAreGivenDoesNotMatter() {
    Map<Axis, List<String>> turned = new LinkedHashMap<>();
    List<Axis> axes = new ArrayList<>(AXES.keySet());
    Collections.reverse(axes);
    axes.forEach(
        axis -> {
          List<String> values = new ArrayList<>(AXES.getOrDefault(axis, List.of()));
          Collections.reverse(values);
          turned.put(axis, values);
        });
    assertEquals(
        SweepPlan.of(Cell.standard(), AXES).digest(),
        SweepPlan.of(Cell.standard(), turned).digest());
  }

  @Test
  void shardsAreTheWholeWithoutOverlap() {
    SweepPlan plan = SweepPlan.of(Cell.standard(), AXES);
    for (int of = 1; of <= plan.cells().size() + 2; of++) {
      List<Cell> dealt = new ArrayList<>();
      for (int number = 1; number <= of; number++) {
        dealt.addAll(plan.shard(number, of));
      }
      Collections.sort(dealt);
      assertEquals(plan.cells(), dealt);
    }
  }

  @Test
  void aMixOfPageSizesIsOneValue() {
    assertEquals(List.of("4k:80+2m:20"), SweepPlan.values(Axis.PAGES1, "4k:80,2m:20"));
    assertEquals(
        List.of("base", "4k:80+2m:20", "2m"),
        SweepPlan.values(Axis.PAGES2, "base, 4k:80, 2m:20, 2m"));
    assertEquals(
        List.of("4k:80+2m:20", "4k:50+2m:50"),
        SweepPlan.values(Axis.PAGES1, "4k:80+2m:20,4k:50+2m:50"));
    assertEquals(
        List.of("lazy:256", "strict"), SweepPlan.values(Axis.INVALIDATE, "lazy:256,strict"));
  }

  @Test
  void whatIsNoValueIsToldInALine() {
    for (String list : List.of("", ",", "1,,2", "1, ")) {
      String told =
          assertThrows(IllegalArgumentException.class, () -> SweepPlan.values(Axis.TENANTS, list))
              .getMessage();
      assertTrue(String.valueOf(told).startsWith("tenants: "), told);
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> SweepPlan.of(Cell.standard(), Map.of(Axis.TENANTS, List.of("2000"))));
    List<String> many = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      many.add(Integer.toString(i));
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> SweepPlan.of(Cell.standard(), Map.of(Axis.SEED, many, Axis.WARMUP, many)));
  }

  @Test
  void partsAreNumberedFromOne() {
    assertEquals(new Shard(3, 16), Shard.parse("3/16"));
    for (String text : List.of("", "3", "0/4", "5/4", "1/0", "a/b", "1/2/3", "1/9999999", "-1/4")) {
      assertThrows(IllegalArgumentException.class, () -> Shard.parse(text), text);
    }
  }
}
