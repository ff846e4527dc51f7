package dev.nestwalk.teach;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Outcome;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a guard makes of a walk: refused at the input or between the stages, narrowed, or left. */
class GuardTest {
  private static final long IOVA = 0x4030_2008L;
  private static final long TAGGED = 0x5a00_0000_4030_2008L;
  private static final long GUEST = 0x7000_0008L;
  private static final long OUT = 0x8000_0008L;
  private static final int PAGE_LOG2 = 12;

  private static RegionSet page(long address) {
    long first = address & -4096;
    return RegionSet.of(List.of(new Region(first, first + 0xfff, RegionKind.RESERVED)));
  }

  private static Step step(int stage, Step.Target next) {
    return new Step("leaf", stage, 1, "", null, "", 0, 0, List.of(), List.of(), "", "", "", next);
  }

  /** A page of 2 MiB, through a first stage and, if nested, a second one. */
  private static Trace walk(boolean nested) {
    Step.Target middle = new Step.Target("output", "GPA", GUEST);
    Step.Target end = new Step.Target("output", "HPA", OUT);
    List<Step> steps = nested ? List.of(step(1, middle), step(2, end)) : List.of(step(1, middle));
    return new Trace(Translation.ok(OUT, 21, Access.ATOMIC), IOVA, new FaultRecord(), steps);
  }

  private static Guard.Guarded guarded(
      RegionSet input, RegionSet below, long iova, boolean nested) {
    Guard guard = new Guard("test", "POSTED_V2", input, below);
    return guard.over(new Explanation.Request(1, -1, iova, Access.READ), () -> walk(nested));
  }

  /** The walk ignores the top byte, so that a tag is no way around a region. */
  @ParameterizedTest
  @ValueSource(longs = {IOVA, TAGGED})
  void aReservedInputIsRefusedUnderAnyOfItsNames(long iova) {
    Guard.Guarded made = guarded(page(IOVA), RegionSet.EMPTY, iova, true);
    assertEquals(Outcome.RESERVED.packed(), made.trace().translation());
    assertEquals("input", made.decision().met());
    assertEquals(RegionKind.RESERVED, made.decision().kind());
  }

  @Test
  void anIntermediateAddressIsJudgedWhereTwoStagesTranslate() {
    Guard.Guarded nested = guarded(RegionSet.EMPTY, page(GUEST), IOVA, true);
    assertEquals(Outcome.RESERVED.packed(), nested.trace().translation());
    assertEquals("intermediate", nested.decision().met());
    Guard.Guarded alone = guarded(RegionSet.EMPTY, page(GUEST), IOVA, false);
    assertEquals(walk(false).translation(), alone.trace().translation());
    assertEquals("", alone.decision().met());
    assertNull(alone.decision().kind());
  }

  /** By the address that the walk used, tag or not, and by both stages' regions. */
  @ParameterizedTest
  @ValueSource(longs = {IOVA, TAGGED})
  void besideARegionTheAnswerCoversTheLargestBlockWithoutIt(long iova) {
    RegionSet none = RegionSet.EMPTY;
    for (Guard.Guarded made :
        List.of(
            guarded(page(IOVA + 0x1000), none, iova, true),
            guarded(none, page(GUEST + 0x1000), iova, true),
            guarded(page(IOVA + 0x1000), page(GUEST + 0x10_0000), iova, true))) {
      long answer = made.trace().translation();
      assertEquals(OUT, Translation.address(answer));
      assertEquals(PAGE_LOG2, Translation.spanLog2(answer));
      assertEquals(Access.ATOMIC, Translation.rights(answer));
    }
    long far = guarded(page(IOVA - 0x10_0000), none, iova, true).trace().translation();
    assertEquals(20, Translation.spanLog2(far));
    long beyond = guarded(page(IOVA + 0x40_0000), none, iova, true).trace().translation();
    assertEquals(21, Translation.spanLog2(beyond));
  }
}
