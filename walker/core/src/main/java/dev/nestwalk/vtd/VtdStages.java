package dev.nestwalk.vtd;

import dev.nestwalk.dma.Access;
import dev.nestwalk.walk.Stage;
import dev.nestwalk.walk.Tables;

/**
 * VT-d's page tables as masks for the fast walk (VT-d 9.7, 9.8). In both stages the rights are
 * those that all entries on the way grant, and an entry with PS clear points to a table.
 */
final class VtdStages {
  private static final int GRANULE = 12;
  private static final int STRIDE = 9;
  private static final long PS = SecondStageEntry.PS.mask();

  /** The configuration in the form of the fast walk. */
  static Tables of(VtdPlan plan) {
    boolean usesFirst = plan.kind == VtdPlan.FIRST || plan.kind == VtdPlan.NESTED;
    boolean usesSecond = plan.kind == VtdPlan.SECOND || plan.kind == VtdPlan.NESTED;
    return Tables.of(
        usesFirst ? first(plan) : Stage.NONE,
        plan.firstRoot,
        usesSecond ? second(plan) : Stage.NONE,
        plan.secondRoot,
        VtdConfig.INTERRUPT_FIRST >>> 20,
        plan.plain);
  }

  private static Stage first(VtdPlan plan) {
    long user = plan.privileged ? 0 : FirstStageEntry.US.mask();
    boolean writesAnyway = plan.privileged && !plan.writeProtect;
    long always = writesAnyway ? Access.ATOMIC : Access.READ;
    Stage.Builder stage =
        new Stage.Builder(plan.firstLevels, GRANULE, STRIDE)
            .canonicalInput(GRANULE + STRIDE * plan.firstLevels)
            .address(FirstStageEntry.ADDR.mask(), 0)
            .table(plan.firstIllegal, 0, 0)
            .cumulative(FirstStageEntry.P.mask() | plan.firstUsed | user)
            .rights(writesAnyway ? 0 : Access.WRITE, FirstStageEntry.RW.lo() - 1, 0)
            .always(always, Access.READ)
            .written(FirstStageEntry.D.mask());
    return pages(stage, plan.firstPage);
  }

  private static Stage second(VtdPlan plan) {
    Stage.Builder stage =
        new Stage.Builder(plan.secondLevels, GRANULE, STRIDE)
            .input(plan.secondWidth, 0, 0)
            .address(SecondStageEntry.ADDR.mask(), 0)
            .table(plan.secondIllegal, 0, 0)
            .cumulative(plan.secondFlags ? SecondStageEntry.A.mask() : 0)
            .rights(Access.ATOMIC, SecondStageEntry.R.lo(), 0)
            .written(plan.secondFlags ? SecondStageEntry.D.mask() : 0);
    return pages(stage, plan.secondPage);
  }

  /**
   * Adds the pages by level, each with the bits that are clear in its entry; all bits at a level
   * without pages.
   */
  private static Stage pages(Stage.Builder stage, long[] clear) {
    stage.page(clear[1], 0);
    for (int level = 2; level <= 3; level++) {
      if (clear[level] != -1) {
        stage.block(level - 1, clear[level] | PS, PS);
      }
    }
    return stage.build();
  }

  private VtdStages() {}
}
