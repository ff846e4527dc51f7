package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.agrona.collections.Long2ObjectHashMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Classes whose bytes cannot be read as resources, as in a native image or where a tool has packed
 * the library anew: the fast walk stays in its templates, and answers are the same.
 */
class TemplatesMissingTest {
  /** More than a kernel answers before it asks for a class of its own. */
  private static final int WORK = 40_000;

  /** The library once more, without the bytes of the templates. */
  private static final class Packed extends URLClassLoader {
    private int asked;

    Packed(URL[] urls) {
      super(urls, ClassLoader.getPlatformClassLoader());
    }

    @Override
    public @Nullable URL findResource(String name) {
      if (name.endsWith("Template.class")) {
        asked++;
        return null;
      }
      return super.findResource(name);
    }
  }

  @Test
  void answersAreTheSame() throws IOException, ReflectiveOperationException {
    URL[] urls =
        Stream.of(
                TemplatesMissingTest.class,
                Iommu.class,
                MappedMachine.class,
                Long2ObjectHashMap.class)
            .map(type -> type.getProtectionDomain().getCodeSource().getLocation())
            .toArray(URL[]::new);
    List<Object> expected = new ArrayList<>(Work.answers());
    for (int i = 0; i < expected.size(); i += 2) {
      assertEquals(true, expected.get(i), "a class of its own");
      expected.set(i, false);
    }
    try (Packed packed = new Packed(urls)) {
      Class<?> work = packed.loadClass(Work.class.getName());
      Object answers = work.getMethod("answers").invoke(null);
      assertEquals(expected, assertInstanceOf(List.class, answers));
      assertTrue(packed.asked > 0, "somebody asked for the bytes");
    }
  }

  /** Work for the fast walks of both formats. */
  public static final class Work {
    /** By turns whether the kernel had a class of its own in the end, and a sum of all answers. */
    public static List<Object> answers() {
      List<Object> all = new ArrayList<>();
      for (boolean vtd : new boolean[] {true, false}) {
        for (int stages = 1; stages <= 3; stages++) {
          MappedPlan plan =
              MappedPlan.of(vtd, (stages & 1) != 0, (stages & 2) != 0).pages(64, 0, 1);
          try (Arena arena = Arena.ofConfined()) {
            MappedMachine machine = new MappedMachine(plan, arena);
            Iommu iommu =
                vtd
                    ? Iommu.vtd(Comparison.over(machine.memory()), machine.registers(), 46)
                    : Iommu.smmuv3(Comparison.over(machine.memory()), machine.registers());
            Endpoint endpoint =
                iommu.newTranslator(CacheOptions.NONE).endpoint(MappedMachine.SOURCE, -1);
            long sum = 0;
            for (int i = 0; i < WORK; i++) {
              // Every third page is beyond those that are mapped.
              long page = i % 3 == 0 ? 64 + i % 7 : i % 64;
              long iova = machine.input() + (page << 12) + i % 4096;
              sum = sum * 31 + endpoint.translate(iova, 1 + i % Access.ATOMIC);
            }
            all.add(endpoint.kernel != null && endpoint.kernel.getClass().isHidden());
            all.add(sum);
          }
        }
      }
      return all;
    }

    private Work() {}
  }
}
