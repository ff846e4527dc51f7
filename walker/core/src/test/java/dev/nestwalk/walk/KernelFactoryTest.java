package dev.nestwalk.walk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.memory.CountingMemory;
import java.lang.foreign.Arena;
import java.lang.invoke.MethodHandles;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which kernels get a class of their own, and when. */
class KernelFactoryTest {
  private final Arena arena = Arena.ofAuto();
  private final KernelLab lab = new KernelLab(MappedPlan.of(true, false, true), arena);
  private final long iova = lab.machine.input();

  private Kernel kernel(KernelFactory factory, CacheOptions options) {
    return lab.new Bench(options, factory, null).kernel;
  }

  private static CacheOptions options(int number) {
    return CacheOptions.DEFAULT.withIotlb(2 << number, 1);
  }

  @Test
  void equalShapesShareAClassAndOthersDoNot() {
    KernelFactory factory = factory(true, 8);
    Kernel one = kernel(factory, CacheOptions.NONE);
    Kernel two = kernel(factory, CacheOptions.NONE);
    Kernel other = kernel(factory, CacheOptions.DEFAULT);
    assertNotSame(one, two);
    assertSame(one.getClass(), two.getClass());
    assertNotSame(one.getClass(), other.getClass());
    assertTrue(one.getClass().isHidden() && one.isSpecialised());
  }

  @Test
  void aKernelGetsItsClassAfterSomeWork() {
    KernelFactory factory = factory(false, 8);
    Kernel kernel = kernel(factory, CacheOptions.NONE);
    assertFalse(kernel.isSpecialised());
    long expected = kernel.translate(iova, 1);
    assertNotEquals(0, expected);
    int calls = 1;
    while (!kernel.isBusy()) {
      kernel.translate(iova, 1);
      calls++;
      assertTrue(calls < 100_000, "never busy");
    }
    assertEquals(0, kernel.translate(iova, 1), "a busy kernel answers nothing");
    Kernel specialised = factory.specialised(kernel);
    assertTrue(specialised.isSpecialised());
    assertEquals(expected, specialised.translate(iova, 1));
    assertTrue(kernel(factory, CacheOptions.NONE).isSpecialised(), "the next one at once");
  }

  /** A kernel of two ranges, of which the upper one has the same tables. */
  private static Kernel ofTwoRanges(KernelLab both, KernelFactory factory) {
    Tables lower = both.tables;
    Stage first = lower.first();
    Stage upper =
        new Stage(
            first.geometry(),
            new Stage.Input(first.input().bits(), -1, false, 0),
            first.encoding(),
            first.kinds(),
            first.rights(),
            first.above(),
            first.flags());
    Tables tables =
        new Tables(
            first, lower.firstRoot(), upper, lower.firstRoot(), Stage.NONE, 0, lower.hole(), false);
    return both.new Bench(CacheOptions.NONE, factory, null).another(tables);
  }

  /** Whichever range has the work. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void theOtherRangeGetsItsClassToo(boolean hidden) {
    KernelLab both = new KernelLab(MappedPlan.of(false, true, false), arena);
    KernelFactory factory =
        new KernelFactory(both.memory, TemplatesInForce::define, false, hidden ? 8 : 0);
    Kernel kernel = ofTwoRanges(both, factory);
    long low = both.machine.input();
    long expected = kernel.translate(low, 1);
    assertNotEquals(0, expected);
    for (long iova : new long[] {low | -1L << 48, low}) {
      for (int i = 0; i < 30_000; i++) {
        long answer = kernel.translate(iova, 1);
        if (answer == 0) {
          assertTrue(kernel.isBusy(), "no answer, yet not busy");
          kernel = factory.specialised(kernel);
          answer = kernel.translate(iova, 1);
        }
        assertEquals(expected, answer);
      }
    }
    assertEquals(hidden, kernel.isSpecialised());
    assertEquals(hidden, Objects.requireNonNull(kernel.other).isSpecialised());
  }

  @Test
  void withoutHiddenClassesTheTemplateItselfGoesOn() {
    KernelFactory factory = factory(true, 0);
    Kernel kernel = kernel(factory, CacheOptions.NONE);
    assertFalse(kernel.isSpecialised());
    long expected = kernel.translate(iova, 1);
    for (int i = 0; i < 3; i++) {
      while (!kernel.isBusy()) {
        long answer = kernel.translate(iova, 1);
        assertEquals(kernel.isBusy() ? 0 : expected, answer);
      }
      assertSame(kernel, factory.specialised(kernel));
      assertFalse(kernel.isBusy(), "it rests");
    }
  }

  @Test
  void theLeastUsedShapeGivesWay() {
    KernelFactory factory = factory(true, 2);
    for (int i = 0; i < 8; i++) {
      assertTrue(kernel(factory, options(1)).isSpecialised());
    }
    assertTrue(kernel(factory, options(2)).isSpecialised());
    int refused = 0;
    while (!kernel(factory, options(3)).isSpecialised()) {
      refused++;
      assertTrue(refused < 10, "never gets in");
    }
    assertTrue(kernel(factory, options(1)).isSpecialised(), "often used: stays");
  }

  /** Of shapes that are used alike one goes, not all of them. */
  @Test
  void oneShapeGivesWayToOne() {
    KernelFactory factory = factory(true, 6);
    List<Class<?>> classes = new ArrayList<>();
    for (int i = 1; i <= 6; i++) {
      classes.add(kernel(factory, options(i)).getClass());
    }
    assertTrue(kernel(factory, options(7)).isSpecialised());
    int same = 0;
    for (int i = 1; i <= 6; i++) {
      KernelLab.Bench bench = lab.new Bench(options(i), factory, null);
      same += bench.kernel.getClass() == classes.get(i - 1) ? 1 : 0;
    }
    assertTrue(same > 0, "some have their classes still");
  }

  @Test
  void aShapeThatIsUsedStaysWhereAnotherGivesWay() {
    KernelFactory factory = factory(true, 2);
    Class<?> used = kernel(factory, options(1)).getClass();
    for (int i = 0; i < 8; i++) {
      kernel(factory, options(1));
    }
    kernel(factory, options(2));
    // Halved, the second shape's only use is none: its class goes at once, and no other.
    assertTrue(kernel(factory, options(3)).isSpecialised(), "at once");
    assertSame(used, kernel(factory, options(1)).getClass());
  }

  /** What a kernel has kept, and what it is to refuse, is the same for the class that follows. */
  @Test
  void aKernelOfItsOwnClassGoesOnWithWhatWasKept() {
    KernelLab watched = new KernelLab(MappedPlan.of(true, false, true), arena, true);
    CountingMemory memory = (CountingMemory) watched.memory;
    KernelFactory factory = new KernelFactory(memory, TemplatesInForce::define, false, 8);
    Barrier none = (input, intermediate, span) -> input != iova + 4096;
    CacheOptions options = CacheOptions.DEFAULT.withStructures(0, 0, 0);
    KernelLab.Bench bench = watched.new Bench(options, factory, none);
    long answer = bench.kernel.translate(iova, 1);
    assertNotEquals(0, answer);
    Kernel specialised = factory.specialised(bench.kernel);
    assertTrue(specialised.isSpecialised());
    memory.reset();
    assertEquals(answer, specialised.translate(iova, 1));
    assertEquals(0, memory.loads(), "kept");
    assertEquals(0, specialised.translate(iova + 4096, 1), "barred");
    assertNotEquals(0, specialised.translate(iova + 8192, 1));
  }

  @Test
  void whereDefinitionFailsTheTemplateItselfAnswersTheSame() {
    long expected = kernel(factory(true, 8), CacheOptions.NONE).translate(iova, 1);
    assertNotEquals(0, expected);
    for (Throwable refusal :
        new Throwable[] {
          new IllegalAccessException("refused"),
          new UnsupportedOperationException("refused"),
          new LinkageError("refused"),
          new Error("refused by a native image")
        }) {
      for (int after = 0; after < 2; after++) {
        Refusing definer = new Refusing(after, refusal);
        KernelFactory factory = new KernelFactory(lab.memory, definer, true, 8);
        Kernel kernel = kernel(factory, CacheOptions.NONE);
        assertFalse(kernel.isSpecialised());
        assertEquals(expected, kernel.translate(iova, 1));
        while (!kernel.isBusy()) {
          kernel.translate(iova, 1);
        }
        assertSame(kernel, factory.specialised(kernel));
        assertEquals(expected, kernel.translate(iova, 1), "it goes on");
        assertEquals(2, definer.refused, "asked at first, and when it was busy");
      }
    }
  }

  @Test
  void aVirtualMachineThatIsOutOfMemorySaysSo() {
    Refusing definer = new Refusing(0, new OutOfMemoryError("metaspace"));
    KernelFactory factory = new KernelFactory(lab.memory, definer, true, 8);
    assertThrows(OutOfMemoryError.class, () -> kernel(factory, CacheOptions.NONE));
  }

  /** Defines some classes for each shape, and none after those. */
  private static final class Refusing implements KernelFactory.Definer {
    private final int most;
    private final Throwable refusal;
    private int defined;
    private int refused;

    Refusing(int most, Throwable refusal) {
      this.most = most;
      this.refusal = refusal;
    }

    @Override
    public MethodHandles.Lookup define(byte[] code, Object data) throws IllegalAccessException {
      if (defined < most) {
        defined++;
        return TemplatesInForce.define(code, data);
      }
      refused++;
      defined = 0;
      if (refusal instanceof IllegalAccessException e) {
        throw e;
      }
      if (refusal instanceof RuntimeException e) {
        throw e;
      }
      throw (Error) refusal;
    }
  }

  private KernelFactory factory(boolean atOnce, int limit) {
    return new KernelFactory(lab.memory, TemplatesInForce::define, atOnce, limit);
  }
}
