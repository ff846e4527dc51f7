package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whoever asks for many translations hears of each refusal among them, and its details. */
final class RefusalListenerTest {
  private static final int COUNT = 200;
  private static final int PAGES = 96;

  private static Iommu build(boolean vtd, MappedMachine machine) {
    TableMemory memory = machine.memory();
    return vtd
        ? Iommu.vtd(Comparison.over(memory), machine.registers(), 46)
        : Iommu.smmuv3(Comparison.over(memory), machine.registers());
  }

  private static MappedMachine machine(boolean vtd, Arena arena) {
    return new MappedMachine(MappedPlan.of(vtd, true, true).pages(PAGES, 0, 1), arena);
  }

  /** Every seventh address is beyond the pages that are mapped. */
  private static long[] addresses(MappedMachine machine) {
    long[] iovas = new long[COUNT];
    for (int i = 0; i < COUNT; i++) {
      iovas[i] = machine.input() + (i % 7 == 3 ? 4 * PAGES + i : i % PAGES) * 4096L;
    }
    return iovas;
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void eachRefusalIsToldOnceWithItsDetails(boolean vtd) {
    CacheOptions[] kinds = {CacheOptions.NONE, CacheOptions.DEFAULT};
    for (CacheOptions kind : kinds) {
      for (boolean sameArray : new boolean[] {false, true}) {
        try (Arena arena = Arena.ofConfined()) {
          MappedMachine machine = machine(vtd, arena);
          Endpoint of = build(vtd, machine).newTranslator(kind).endpoint(1, -1);
          long[] iovas = addresses(machine);
          List<String> expected = new ArrayList<>();
          for (int i = 5; i < COUNT; i++) {
            long answer = of.translate(iovas[i], Access.READ);
            if (Translation.isFault(answer)) {
              expected.add("%d %x %x".formatted(i, iovas[i], answer));
            }
          }
          assertTrue(expected.size() > COUNT / 8, () -> "refused " + expected);
          List<String> told = new ArrayList<>();
          long[] answers = sameArray ? iovas : new long[COUNT];
          int refused =
              of.translate(
                  iovas,
                  answers,
                  5,
                  COUNT - 5,
                  Access.READ,
                  (index, fault) ->
                      told.add("%d %x %x".formatted(index, fault.iova(), fault.translation())));
          assertEquals(expected, told);
          assertEquals(expected.size(), refused);
        }
      }
    }
  }

  /** A batch that asks nobody to listen does not tell the listener of the one before. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aListenerHearsOfItsOwnBatchOnly(boolean vtd) {
    try (Arena arena = Arena.ofConfined()) {
      MappedMachine machine = machine(vtd, arena);
      Endpoint of = build(vtd, machine).newTranslator(CacheOptions.DEFAULT).endpoint(1, -1);
      long[] iovas = addresses(machine);
      long[] first = new long[COUNT];
      long[] second = new long[COUNT];
      List<Integer> told = new ArrayList<>();
      int refused =
          of.translate(iovas, first, 0, COUNT, Access.READ, (index, fault) -> told.add(index));
      assertEquals(refused, of.translate(iovas, second, 0, COUNT, Access.READ));
      assertEquals(refused, told.size());
      assertArrayEquals(first, second);
    }
  }

  /** What is invalidated while the listener hears of a refusal is waited for. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void answersBesideRefusalsStayInUse(boolean vtd) throws InterruptedException {
    try (Arena arena = Arena.ofShared()) {
      MappedMachine machine = machine(vtd, arena);
      Iommu iommu = build(vtd, machine);
      CountDownLatch answered = new CountDownLatch(1);
      CountDownLatch end = new CountDownLatch(1);
      Thread device =
          new Thread(
              () -> {
                Endpoint of = iommu.newTranslator(CacheOptions.DEFAULT).endpoint(1, -1);
                of.translate(
                    addresses(machine),
                    new long[COUNT],
                    0,
                    COUNT,
                    Access.READ,
                    (index, fault) -> iommu.invalidateAll());
                answered.countDown();
                try {
                  end.await();
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              });
      device.start();
      answered.await();
      assertEquals(1, iommu.sync(20, TimeUnit.MILLISECONDS).size());
      end.countDown();
      device.join();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 0x1000, Long.MAX_VALUE})
  void runsEndWithARefusalOnly(long noRefusal) {
    DmaRuns runs = new DmaRuns(1);
    assertThrows(IllegalArgumentException.class, () -> runs.endWith(noRefusal));
    assertEquals(0, runs.refusal());
    long refusal = Translation.fault(7, 1, 2);
    runs.endWith(refusal);
    assertEquals(refusal, runs.refusal());
  }
}
