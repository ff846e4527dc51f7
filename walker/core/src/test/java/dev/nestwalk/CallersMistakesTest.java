package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Mistakes of callers: refused by name, at once, and without a trace. */
@NullUnmarked
class CallersMistakesTest {
  private static final long PAGE = 0x4000_0000L;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 16);
  private final Map<String, Long> registers = machine().registers();
  private final GuestMemory ram = Comparison.over(memory);
  private final Iommu iommu = Iommu.vtd(ram, registers, 46);
  private final Translator translator = iommu.newTranslator();
  private final Endpoint endpoint = translator.endpoint(1, -1);
  private final MemorySegment segment = arena.allocate(64);
  private final long[] words = new long[8];

  /** A call, and the argument that its refusal names. */
  private record Call(String argument, Executable executable) {}

  private VtdMachine machine() {
    SecondStageTables second = new SecondStageTables(memory, 4).map(PAGE, 0x10_0000L, 12, 3);
    return new VtdMachine(memory).context(1, 0, 2, 5, second.root());
  }

  @AfterEach
  void close() {
    arena.close();
  }

  @Test
  void nullArgumentsAreRefusedByName() {
    List<Call> calls =
        List.of(
            new Call("memory", () -> Iommu.vtd(null, registers, 46)),
            new Call("registers", () -> Iommu.vtd(ram, null, 46)),
            new Call("memory", () -> Iommu.smmuv3(null, registers)),
            new Call("registers", () -> Iommu.smmuv3(ram, null)),
            new Call("options", () -> iommu.newTranslator(null)),
            new Call("changes", () -> iommu.reconfigure(null, false)),
            new Call("input", () -> iommu.restrict(1, -1, null, RegionSet.EMPTY)),
            new Call("intermediate", () -> iommu.restrict(1, -1, RegionSet.EMPTY, null)),
            new Call("iovas", () -> endpoint.translate(null, words, 0, 8, Access.READ)),
            new Call("answers", () -> endpoint.translate(words, null, 0, 8, Access.READ)),
            new Call("iovas", () -> endpoint.translate(null, segment, Access.READ)),
            new Call("answers", () -> endpoint.translate(segment, null, Access.READ)),
            new Call("into", () -> endpoint.read(PAGE, null)),
            new Call("from", () -> endpoint.write(PAGE, null)),
            new Call("into", () -> endpoint.read(PAGE, null, 0, 8)),
            new Call("from", () -> endpoint.write(PAGE, null, 0, 8)),
            new Call("bytes", () -> GuestMemory.builder().ram(0, null)),
            new Call("bytes", () -> GuestMemory.builder().rom(0, null)),
            new Call("runs", () -> endpoint.translateRange(PAGE, 8, Access.READ, null)));
    for (Call call : calls) {
      NullPointerException refusal =
          assertThrows(NullPointerException.class, call.executable, call.argument);
      assertEquals(call.argument, refusal.getMessage());
    }
  }

  @ParameterizedTest(name = "access {0}")
  @ValueSource(ints = {0, 4, 8, 12, 16, 32, 64, 97, 128, -1, Integer.MIN_VALUE})
  void anAccessThatAsksForNothingOrForTooMuchIsRefusedByEveryCall(int access) {
    List<Executable> calls =
        List.of(
            () -> endpoint.translate(PAGE, access),
            () -> translator.translate(1, -1, PAGE, access),
            () -> iommu.newUncachedTranslator().translate(1, -1, PAGE, access),
            () -> iommu.newTranslator(CacheOptions.NONE).translate(1, -1, PAGE, access),
            () -> endpoint.translate(words, words, 0, 8, access),
            () -> endpoint.translate(words, words, 0, 0, access),
            () -> endpoint.translate(segment, segment, access),
            () -> endpoint.translateRange(PAGE, 4096, access, new DmaRuns(1)),
            () -> endpoint.slice(PAGE, 8, access));
    for (int warm = 0; warm < 2; warm++) {
      for (Executable call : calls) {
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, call);
        String message = String.valueOf(refusal.getMessage());
        assertTrue(message.contains("access 0x" + Integer.toHexString(access)), message);
      }
      endpoint.translate(PAGE, Access.READ);
    }
    assertEquals(0, words[0], "nothing was answered");
  }

  @Test
  void aTranslatorOnAnotherThreadIsRefusedWithBothNames() throws InterruptedException {
    assertTrue(Translator.class.desiredAssertionStatus(), "tests run with -ea");
    List<Executable> calls =
        List.of(
            () -> endpoint.translate(PAGE, Access.READ),
            () -> endpoint.translate(words, words, 0, 8, Access.READ),
            () -> endpoint.translateRange(PAGE, 8, Access.READ, new DmaRuns(1)),
            () -> endpoint.read(PAGE, segment),
            () -> translator.translate(1, -1, PAGE, Access.READ),
            () -> translator.endpoint(1, 3),
            () -> translator.forget(1, 3),
            translator::pause,
            translator::resume);
    // A hit, which asks nothing but the IOTLB, is no exception.
    endpoint.translate(PAGE, Access.READ);
    Thread mine = Thread.currentThread();
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread other =
        new Thread(
            () -> {
              try {
                for (Executable call : calls) {
                  String message =
                      String.valueOf(assertThrows(AssertionError.class, call).getMessage());
                  assertTrue(message.contains('"' + mine.getName() + '"'), message);
                  assertTrue(message.contains("\"a device\""), message);
                }
              } catch (Throwable e) {
                failure.set(e);
              }
            },
            "a device");
    other.start();
    other.join();
    assertDoesNotThrow(
        () -> {
          if (failure.get() != null) {
            throw failure.get();
          }
        });
    assertDoesNotThrow(() -> endpoint.translate(PAGE, Access.READ));
  }
}
