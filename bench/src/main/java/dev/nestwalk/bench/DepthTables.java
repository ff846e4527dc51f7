package dev.nestwalk.bench;

import dev.nestwalk.fixtures.MappedPlan;
import java.lang.foreign.Arena;

/** Machines whose tables have any number of levels, or none. */
enum DepthTables {
  VTD_PASS_THROUGH(0, 0),
  VTD_SECOND_3(0, 3),
  VTD_SECOND_4(0, 4),
  VTD_SECOND_5(0, 5),
  VTD_FIRST_4(4, 0),
  VTD_FIRST_5(5, 0),
  VTD_NESTED_4_OVER_3(4, 3),
  VTD_NESTED_4_OVER_4(4, 4),
  VTD_NESTED_5_OVER_5(5, 5),
  SMMUV3_BYPASS(0, 0),
  SMMUV3_STAGE2_3(0, 3),
  SMMUV3_STAGE2_4(0, 4),
  SMMUV3_STAGE1_4(4, 0),
  SMMUV3_NESTED_4_OVER_3(4, 3),
  SMMUV3_NESTED_4_OVER_4(4, 4);

  /** Small pages, side by side. */
  static final int PAGES = 256;

  private final int first;
  private final int second;

  DepthTables(int first, int second) {
    this.first = first;
    this.second = second;
  }

  Workload.Built build(Arena arena) {
    boolean vtd = name().startsWith("VTD");
    MappedPlan plan = MappedPlan.of(vtd, first != 0, second != 0).pages(PAGES, 0, 1);
    if (vtd) {
      plan = plan.levels(first, second);
    } else if (second == 3) {
      // 39 bits leave out the uppermost of four levels.
      plan = plan.stage2(12, 1, 39);
    }
    return Workload.build(plan, arena);
  }
}
