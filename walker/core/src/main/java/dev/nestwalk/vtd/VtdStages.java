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
    long mask = writesAnyway ? 0 : Access.WRITE;
    long always = writesAnyway ? Access.ATOMIC : Access.READ;
    return new Stage(
        new Stage.Geometry(plan.firstLevels, GRANULE, STRIDE),
        Stage.Input.canonical(GRANULE + STRIDE * plan.firstLevels),
        Stage.Encoding.littleEndian(FirstStageEntry.ADDR.mask()),
        kinds(plan.firstTable, plan.firstPage),
        new Stage.Rights(mask, FirstStageEntry.RW.lo() - 1, 0, always, Access.READ),
        Stage.Above.all(FirstStageEntry.P.mask() | plan.firstUsed | user),
        Stage.Flags.dirty(FirstStageEntry.D.mask()));
  }

  private static Stage second(VtdPlan plan) {
    boolean flags = plan.secondFlags;
    return new Stage(
        new Stage.Geometry(plan.secondLevels, GRANULE, STRIDE),
        Stage.Input.unsigned(plan.secondWidth),
        Stage.Encoding.littleEndian(SecondStageEntry.ADDR.mask()),
        kinds(plan.secondTable, plan.secondPage),
        new Stage.Rights(Access.ATOMIC, SecondStageEntry.R.lo(), 0, 0, 0),
        Stage.Above.all(flags ? SecondStageEntry.A.mask() : 0),
        Stage.Flags.dirty(flags ? SecondStageEntry.D.mask() : 0));
  }

  /**
   * The entries of a stage.
   *
   * @param table the bits that are clear in an entry that points to a table
   * @param page by level from 1, the bits that are clear in a page; all at a level without pages
   */
  private static Stage.Kinds kinds(long table, long[] page) {
    return new Stage.Kinds(
        new Stage.Mask(table, 0),
        0,
        new Stage.Mask(page[1], 0),
        block(page[2]),
        block(page[3]),
        Stage.Mask.NOTHING);
  }

  private static Stage.Mask block(long clear) {
    return clear == -1 ? Stage.Mask.NOTHING : new Stage.Mask(clear | PS, PS);
  }

  private VtdStages() {}
}
