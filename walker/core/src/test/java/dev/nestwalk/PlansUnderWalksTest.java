package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A resolved configuration is filled in place, so that nothing is allocated; but never while a walk
 * uses it: whatever the structures say by now, it stays as it is until it is invalidated.
 */
class PlansUnderWalksTest {
  private static final int ROUNDS = 300;

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void noWalkChangesAPlanWhateverBecomesOfTheStructures(boolean vtd) throws Exception {
    try (Arena arena = Arena.ofConfined()) {
      MappedMachine machine = new MappedMachine(MappedPlan.of(vtd, true, true).flags(true), arena);
      Translator translator = translator(machine, vtd);
      Endpoint endpoint = translator.endpoint(MappedMachine.SOURCE, -1);
      long[] iovas = machine.addresses(64);
      endpoint.translate(iovas[0], Access.READ);
      String resolved = contents(endpoint.plan());
      Random random = new Random(20_261_128);
      for (int round = 0; round < ROUNDS; round++) {
        change(machine, random);
        iovas[random.nextInt(iovas.length)] = random.nextLong();
        endpoint.translate(iovas, new long[iovas.length], 0, iovas.length, 1 + round % 3);
        endpoint.translate(iovas[round % iovas.length], 1 + round % 3);
        // Requests of other kinds, for which everything is read anew.
        endpoint.translate(iovas[0], Access.READ | Access.EXECUTE);
        translator.translate(MappedMachine.SOURCE + 1, -1, iovas[0], Access.READ);
        assertEquals(resolved, contents(endpoint.plan()), "round " + round);
      }
      MappedMachine other = new MappedMachine(MappedPlan.of(vtd, false, true), arena);
      Endpoint differs = translator(other, vtd).endpoint(MappedMachine.SOURCE, -1);
      differs.translate(other.input(), Access.READ);
      assertNotEquals(resolved, contents(differs.plan()), "what is compared");
    }
  }

  private static Translator translator(MappedMachine machine, boolean vtd) {
    GuestMemory.Builder builder = GuestMemory.builder();
    for (TableMemory.Run run : machine.memory().runs()) {
      builder.ram(run.first(), run.bytes());
    }
    GuestMemory memory = builder.build();
    Iommu iommu =
        vtd
            ? Iommu.vtd(memory, machine.registers(), 46)
            : Iommu.smmuv3(memory, machine.registers());
    return iommu.newTranslator(CacheOptions.NONE);
  }

  /** Flips bits of configuration structures and of tables. */
  private static void change(MappedMachine machine, Random random) {
    for (int i = 0; i < 8; i++) {
      int page = random.nextInt(machine.memory().pagesUsed());
      long at = machine.memory().page(page) + random.nextInt(512) * 8L;
      long word = machine.memory().get(at);
      if (word != 0 || machine.isConfiguration(page)) {
        machine.memory().put(at, word ^ 1L << random.nextInt(64));
      }
    }
  }

  /** All fields, those of parts included. */
  private static String contents(Object of) throws IllegalAccessException {
    StringBuilder text = new StringBuilder();
    for (Class<?> type = of.getClass(); type != Object.class; type = type.getSuperclass()) {
      for (Field field : type.getDeclaredFields()) {
        if (!Modifier.isStatic(field.getModifiers())) {
          field.setAccessible(true);
          text.append(field.getName()).append('=').append(text(field.get(of))).append('\n');
        }
      }
    }
    return text.toString();
  }

  private static String text(Object value) throws IllegalAccessException {
    if (value.getClass().isArray()) {
      StringBuilder all = new StringBuilder();
      for (int i = 0; i < Array.getLength(value); i++) {
        all.append(Array.get(value, i)).append(',');
      }
      return all.toString();
    }
    return value.getClass().getSimpleName().equals("Regime") ? contents(value) : value.toString();
  }
}
