package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Outcome;
import dev.nestwalk.iotlb.CachedPlan;
import dev.nestwalk.smmu.SmmuConfig;
import dev.nestwalk.smmu.SmmuPlan;
import dev.nestwalk.smmu.SmmuWalker;
import dev.nestwalk.vtd.FaultReason;
import dev.nestwalk.vtd.VtdConfig;
import dev.nestwalk.vtd.VtdPlan;
import dev.nestwalk.vtd.VtdWalker;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a listing of all mappings has to look at, and how far it may step after an answer. */
final class ScannedBlocksTest {
  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  private static VtdPlan plan(VtdLab lab) {
    VtdPlan plan = new VtdPlan();
    VtdConfig config = VtdConfig.of(lab.machine.registers(), VtdLab.HAW);
    VtdWalker walker = new VtdWalker(config, Comparison.over(lab.memory));
    assertTrue(walker.resolve(plan, VtdLab.SOURCE, -1));
    return plan;
  }

  private static SmmuPlan plan(SmmuLab lab, int stream) {
    SmmuPlan plan = new SmmuPlan();
    SmmuConfig config = SmmuConfig.of(lab.machine.registers());
    SmmuWalker walker = new SmmuWalker(config, Comparison.over(lab.memory));
    assertTrue(walker.resolve(plan, stream, -1));
    return plan;
  }

  private static void ranges(CachedPlan plan, long... expected) {
    assertArrayEquals(expected, plan.inputRanges());
  }

  @Test
  void vtdInputsAreThoseOfTheStageThatTranslatesThem() {
    VtdLab lab = new VtdLab(arena);
    long half = 1L << 47;
    lab.first();
    ranges(plan(lab), 0, half - 1, -half, -1);
    lab.nested();
    ranges(plan(lab), 0, half - 1, -half, -1);
    lab.second();
    ranges(plan(lab), 0, (1L << 48) - 1);
    lab.machine.context(VtdLab.SOURCE, 0, 2, 5, lab.memory.allocate());
    lab.machine.register("GSTS", 0);
    ranges(plan(lab), 0, (1L << VtdLab.HAW) - 1);
  }

  @Test
  void smmuInputsAreThoseOfTheStageThatTranslatesThem() {
    SmmuLab lab = new SmmuLab(arena);
    long all = 1L << 39;
    ranges(plan(lab, SmmuLab.FIRST), 0, all - 1);
    ranges(plan(lab, SmmuLab.NESTED), 0, all - 1);
    ranges(plan(lab, SmmuLab.SECOND), 0, all - 1);
    ranges(plan(lab, SmmuLab.BYPASS), 0, (1L << 48) - 1);
    lab.machine.context(lab.contexts, lab.firstContext().upper(lab.first));
    ranges(plan(lab, SmmuLab.FIRST), 0, all - 1, -all, -1);
    lab.machine.context(lab.contexts, lab.firstContext().upper(lab.first).set(14));
    ranges(plan(lab, SmmuLab.FIRST), 0, 0, -all, -1);
    lab.context().flipStream(SmmuLab.FIRST, 95).register("CR2", 1, 0);
    ranges(plan(lab, SmmuLab.FIRST), 0, all - 1);
  }

  @ParameterizedTest
  @CsvSource({"0, -1", "1, 0xfff", "2, 0x1fffff", "3, 0x3fffffff", "5, 0xffffffffffff"})
  void vtdEntriesMapBlocksOfTheirLevel(int level, String last) {
    VtdLab lab = new VtdLab(arena);
    lab.nested();
    assertEquals(Long.decode(last), plan(lab).block(0, 1, level));
    assertEquals(Long.decode(last), plan(lab).block(-1, 2, level));
  }

  @ParameterizedTest
  @CsvSource({"3, 0xfff", "2, 0x1fffff", "1, 0x3fffffff", "0, 0x7fffffffff", "15, 0xffffffffffff"})
  void smmuEntriesMapBlocksOfTheirLevel(int level, String last) {
    SmmuLab lab = new SmmuLab(arena);
    SmmuPlan plan = plan(lab, SmmuLab.NESTED);
    assertEquals(Long.decode(last), plan.block(0, 1, level));
    assertEquals(Long.decode(last), plan.block(0, 2, level));
  }

  @Test
  void smmuRangesHaveGranulesOfTheirOwn() {
    SmmuLab lab = new SmmuLab(arena);
    // TG1 = 3 is 64K; the tables are not walked.
    lab.machine.context(
        lab.contexts, lab.firstContext().upper(lab.first).clear(22).set(23).set(22));
    SmmuPlan plan = plan(lab, SmmuLab.FIRST);
    assertEquals(0xfff, plan.block(0, 1, 3));
    assertEquals(0xffff, plan.block(-1, 1, 3));
  }

  @ParameterizedTest
  @EnumSource(FaultReason.class)
  void vtdRefusalsWithoutAStageConcernAPageOrEverything(FaultReason reason) {
    VtdLab lab = new VtdLab(arena);
    lab.second();
    boolean page = reason == FaultReason.LGN_4 || reason == FaultReason.SGN_8;
    assertEquals(page ? 4095 : -1, plan(lab).blockOfRefusal(reason.code()));
  }

  @ParameterizedTest
  @EnumSource(Outcome.class)
  void vtdRefusalsOfTheLibraryConcernTheirBlock(Outcome outcome) {
    VtdLab lab = new VtdLab(arena);
    lab.second();
    long expected =
        switch (outcome) {
          case PROTECTED_MEMORY -> 4095;
          case INTERRUPT, UNSUPPORTED_REQUEST -> 0xf_ffff;
          default -> -1;
        };
    assertEquals(expected, plan(lab).blockOfRefusal(outcome.code()));
    SmmuLab smmu = new SmmuLab(arena);
    assertEquals(-1, plan(smmu, SmmuLab.FIRST).blockOfRefusal(outcome.code()));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5})
  void firstStageLeavesAreToldByTheirBits(int level) {
    VtdLab lab = new VtdLab(arena);
    lab.first();
    VtdPlan vtd = plan(lab);
    assertEquals(level == 1, vtd.isFirstStageLeaf(level, 1));
    assertEquals(level <= 3, vtd.isFirstStageLeaf(level, 1 | 1 << 7));
    SmmuPlan smmu = plan(new SmmuLab(arena), SmmuLab.FIRST);
    assertEquals(level == 3, smmu.isFirstStageLeaf(level, 3));
    assertTrue(smmu.isFirstStageLeaf(level, 1));
  }
}
