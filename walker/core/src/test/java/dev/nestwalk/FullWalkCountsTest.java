package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import java.lang.foreign.Arena;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A walk by all rules counts the entries of tables that it reads: with F and S levels, F or S by
 * themselves, and F * (S + 1) + S nested.
 */
final class FullWalkCountsTest {
  /** A request that no cache and no fast walk answers. */
  private static final int WALKED = Access.READ | Access.ZERO_LENGTH;

  static Stream<Arguments> plans() {
    MappedPlan nested = MappedPlan.of(false, true, true).stage1(12, 0, 48);
    return Stream.of(
        Arguments.of(MappedPlan.of(true, true, false).levels(4, 4), 4),
        Arguments.of(MappedPlan.of(true, true, false).levels(5, 4), 5),
        Arguments.of(MappedPlan.of(true, true, false).sizes(1, 0), 3),
        Arguments.of(MappedPlan.of(true, false, true).levels(4, 3), 3),
        Arguments.of(MappedPlan.of(true, false, true).levels(4, 5), 5),
        Arguments.of(MappedPlan.of(true, false, true).sizes(0, 2), 2),
        Arguments.of(MappedPlan.of(true, true, true).levels(4, 4), 4 * 5 + 4),
        Arguments.of(MappedPlan.of(true, true, true).levels(5, 3), 5 * 4 + 3),
        Arguments.of(MappedPlan.of(false, true, false).stage1(12, 1, 39), 3),
        Arguments.of(MappedPlan.of(false, true, false).stage1(12, 0, 48).sizes(1, 0), 3),
        Arguments.of(MappedPlan.of(false, false, true).stage2(16, 1, 48), 3),
        Arguments.of(MappedPlan.of(false, false, true).stage2(12, 0, 48).sizes(0, 2), 2),
        // The address of an SMMUv3's CD passes the second stage too.
        Arguments.of(nested.stage2(12, 1, 40), 3 + 4 * 4 + 3));
  }

  @ParameterizedTest
  @MethodSource("plans")
  void entriesRead(MappedPlan plan, int expected) {
    try (Arena arena = Arena.ofConfined()) {
      MappedMachine machine = new MappedMachine(plan, arena);
      Iommu unit =
          plan.vtd()
              ? Iommu.vtd(Comparison.over(machine.memory()), machine.registers(), 46)
              : Iommu.smmuv3(Comparison.over(machine.memory()), machine.registers());
      Translator translator = unit.newTranslator(CacheOptions.DEFAULT.withCounters());
      for (int walks = 1; walks <= 2; walks++) {
        translator.translate(MappedMachine.SOURCE, -1, machine.input(), WALKED);
        assertEquals((long) walks * expected, translator.counters().references());
      }
    }
  }
}
