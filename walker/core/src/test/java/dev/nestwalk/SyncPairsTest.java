package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.nestwalk.SyncSubject.Table;
import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Step by step, every pair of what a device does and what is changed meanwhile: a sync waits for
 * the device from the change on, and no longer than until its next request, poll or pause; from
 * then on the device sees the change. A pause is not waited for, and what resumes is again.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class SyncPairsTest {
  private static final long PAGE = SyncSubject.PAGE;
  private static final long OUT = SyncSubject.OUT;
  private static final int PAGES = 8;
  private static final long NOWHERE = -2;

  private final Arena arena = Arena.ofShared();
  private final TableMemory memory = new TableMemory(arena).run(0x10_0000, 64).run(OUT, PAGES);
  private final MemorySegment pages = memory.runs().get(1).bytes();
  private final ExecutorService thread = Executors.newSingleThreadExecutor();

  SyncPairsTest() {
    for (long page = 0; page < PAGES; page++) {
      pages.set(ValueLayout.JAVA_LONG, page * 4096, page);
    }
  }

  @AfterEach
  void close() throws InterruptedException {
    thread.shutdown();
    thread.awaitTermination(10, TimeUnit.SECONDS);
    arena.close();
  }

  /** What changes, and what the requester's page leads to then. */
  enum Change {
    VTD_CONTEXT_GLOBAL(Table.VTD_SECOND, false, "contextGlobal", i -> vtd(i).contextGlobal()),
    VTD_CONTEXT_DOMAIN(Table.VTD_SECOND, false, "contextDomain", i -> vtd(i).contextDomain(10)),
    VTD_CONTEXT_DEVICE(Table.VTD_SECOND, false, "contextDevice", i -> vtd(i).contextDevice(1, 0)),
    VTD_PASID_GLOBAL(Table.VTD_FIRST, false, "pasidGlobal", i -> vtd(i).pasidGlobal()),
    VTD_PASID_DOMAIN(Table.VTD_FIRST, false, "pasidDomain", i -> vtd(i).pasidDomain(10)),
    VTD_PASID(Table.VTD_FIRST, false, "pasid", i -> vtd(i).pasid(10, 0)),
    VTD_IOTLB_GLOBAL(Table.VTD_SECOND, true, "iotlbGlobal", i -> vtd(i).iotlbGlobal()),
    VTD_IOTLB_DOMAIN(Table.VTD_SECOND, true, "iotlbDomain", i -> vtd(i).iotlbDomain(10)),
    VTD_IOTLB_PAGES(
        Table.VTD_SECOND, true, "iotlbPages", i -> vtd(i).iotlbPages(10, PAGE, 0, true)),
    VTD_PASID_IOTLB(Table.VTD_FIRST, true, "pasidIotlb", i -> vtd(i).pasidIotlb(10, 0)),
    VTD_PASID_PAGES(
        Table.VTD_FIRST,
        true,
        "pasidIotlbPages",
        i -> vtd(i).pasidIotlbPages(10, 0, PAGE, 0, true)),
    CONFIG_STREAM(Table.SMMUV3_STAGE1, false, "configStream", i -> smmu(i).configStream(1)),
    CONFIG_STREAMS(Table.SMMUV3_STAGE1, false, "configStreams", i -> smmu(i).configStreams(0, 3)),
    CONFIG_CONTEXT(Table.SMMUV3_STAGE1, false, "configContext", i -> smmu(i).configContext(1, 0)),
    CONFIG_CONTEXTS(Table.SMMUV3_STAGE1, false, "configContexts", i -> smmu(i).configContexts(1)),
    CONFIG_ALL(Table.SMMUV3_STAGE2, false, "configAll", i -> smmu(i).configAll()),
    STAGE1_ALL(Table.SMMUV3_STAGE1, true, "stage1All", i -> smmu(i).stage1All(0)),
    STAGE1_ASID(Table.SMMUV3_STAGE1, true, "stage1Asid", i -> smmu(i).stage1Asid(0, 0)),
    STAGE1_RANGE(
        Table.SMMUV3_STAGE1,
        true,
        "stage1Range",
        i -> smmu(i).stage1Range(0, 0, PAGE, PAGE + 4095, true)),
    STAGE1_RANGE_OF_ALL(
        Table.SMMUV3_STAGE1,
        true,
        "stage1RangeOfAll",
        i -> smmu(i).stage1RangeOfAll(0, PAGE, PAGE + 4095, false)),
    EL2_ALL(Table.SMMUV3_STAGE1, false, "el2All", i -> smmu(i).el2All()),
    EL2_ASID(Table.SMMUV3_STAGE1, false, "el2Asid", i -> smmu(i).el2Asid(0)),
    EL2_RANGE(Table.SMMUV3_STAGE1, false, "el2Range", i -> smmu(i).el2Range(0, PAGE, PAGE, true)),
    EL2_RANGE_OF_ALL(
        Table.SMMUV3_STAGE1, false, "el2RangeOfAll", i -> smmu(i).el2RangeOfAll(PAGE, PAGE, true)),
    VMID_ALL(Table.SMMUV3_STAGE2, true, "vmidAll", i -> smmu(i).vmidAll(0)),
    STAGE2_RANGE(
        Table.SMMUV3_STAGE2,
        true,
        "stage2Range",
        i -> smmu(i).stage2Range(0, PAGE, PAGE + 4095, true)),
    SMMU_ALL(Table.SMMUV3_STAGE2, true, "all", i -> smmu(i).all()),
    EVERYTHING_VTD(Table.VTD_SECOND, true, "", Iommu::invalidateAll),
    EVERYTHING_SMMU(Table.SMMUV3_STAGE1, true, "", Iommu::invalidateAll),
    RECONFIGURED_VTD(Table.VTD_FIRST, true, "", i -> i.reconfigure(Map.of(), false)),
    RECONFIGURED_SMMU(Table.SMMUV3_STAGE1, true, "", i -> i.reconfigure(Map.of(), false)),
    KEPT_VTD(Table.VTD_FIRST, false, "", i -> i.reconfigure(Map.of(), true)),
    KEPT_SMMU(Table.SMMUV3_STAGE2, false, "", i -> i.reconfigure(Map.of(), true)),
    OFF_VTD(Table.VTD_SECOND, true, "", i -> i.reconfigure(Map.of("GSTS", 0L), true)),
    OFF_SMMU(Table.SMMUV3_STAGE1, true, "", i -> i.reconfigure(Map.of("CR0", 0L), true)),
    RESTRICTED_VTD(Table.VTD_SECOND, true, "", SyncPairsTest::bar),
    RESTRICTED_SMMU(Table.SMMUV3_STAGE2, true, "", SyncPairsTest::bar);

    private final Table table;

    /** Whether a change of the leaf shows afterwards, and not only may. */
    private final boolean dropsTheLeaf;

    private final String method;

    @SuppressWarnings("ImmutableEnumChecker") // every one is a lambda without state
    private final Consumer<Iommu> make;

    Change(Table table, boolean dropsTheLeaf, String method, Consumer<Iommu> make) {
      this.table = table;
      this.dropsTheLeaf = dropsTheLeaf;
      this.method = method;
      this.make = make;
    }

    boolean leadsNowhere() {
      return name().startsWith("OFF") || name().startsWith("RESTRICTED");
    }

    private static VtdInvalidations vtd(Iommu iommu) {
      return iommu.vtdInvalidations();
    }

    private static SmmuInvalidations smmu(Iommu iommu) {
      return iommu.smmuInvalidations();
    }
  }

  private static void bar(Iommu iommu) {
    Region page = new Region(PAGE, PAGE + 4095, RegionKind.RESERVED);
    iommu.restrict(1, -1, RegionSet.of(List.of(page)), RegionSet.EMPTY);
  }

  /** What a device does, and which page it meets; {@link #NOWHERE} if it is refused. */
  enum Call {
    TRANSLATE {
      @Override
      long page(Device device) {
        return pageOf(device.endpoint.translate(PAGE, Access.READ));
      }
    },
    BY_SOURCE_ID {
      @Override
      long page(Device device) {
        return pageOf(device.translator.translate(1, -1, PAGE, Access.READ));
      }
    },
    TRANSLATION_REQUEST {
      @Override
      long page(Device device) {
        // Not the plain case: walked anew, and refused by units without ATS.
        device.endpoint.translate(PAGE, Access.READ | Access.TRANSLATION_REQUEST);
        return pageOf(device.endpoint.translate(PAGE, Access.READ));
      }
    },
    BATCH {
      @Override
      long page(Device device) {
        Arrays.fill(device.iovas, PAGE);
        device.endpoint.translate(device.iovas, device.answers, 0, 40, Access.READ);
        return pageOf(device.answers[39]);
      }
    },
    BATCH_IN_MEMORY {
      @Override
      long page(Device device) {
        MemorySegment iovas = MemorySegment.ofArray(new long[] {PAGE, PAGE});
        MemorySegment answers = MemorySegment.ofArray(new long[2]);
        device.endpoint.translate(iovas, answers, Access.READ);
        return pageOf(answers.getAtIndex(ValueLayout.JAVA_LONG, 1));
      }
    },
    RANGE {
      @Override
      long page(Device device) {
        DmaRuns runs = new DmaRuns(1);
        long covered = device.endpoint.translateRange(PAGE, 8, Access.READ, runs);
        return covered == 8 && runs.address(0) >= OUT ? runs.address(0) - OUT >>> 12 : NOWHERE;
      }
    },
    SLICE {
      @Override
      long page(Device device) {
        MemorySegment slice = device.endpoint.slice(PAGE, 8, Access.READ);
        return slice == null ? NOWHERE : slice.get(ValueLayout.JAVA_LONG, 0);
      }
    },
    READ {
      @Override
      long page(Device device) {
        MemorySegment word = MemorySegment.ofArray(new long[1]);
        long read = device.endpoint.read(PAGE, word);
        return read == 8 ? word.get(ValueLayout.JAVA_LONG, 0) : NOWHERE;
      }
    },
    WRITE {
      @Override
      long page(Device device) {
        MemorySegment word = MemorySegment.ofArray(new long[] {0x77});
        long written = device.endpoint.write(PAGE + 8, word);
        for (long page = 0; page < PAGES; page++) {
          long at = page * 4096 + 8;
          if (written == 8 && device.pages.get(ValueLayout.JAVA_LONG, at) == 0x77) {
            device.pages.set(ValueLayout.JAVA_LONG, at, 0);
            return page;
          }
        }
        return NOWHERE;
      }
    };

    abstract long page(Device device);

    private static long pageOf(long answer) {
      boolean there = !Translation.isFault(answer) && Translation.address(answer) >= OUT;
      return there ? Translation.address(answer) - OUT >>> 12 : NOWHERE;
    }
  }

  /** A device, on its own thread. */
  final class Device {
    final SyncSubject subject;
    final MemorySegment pages = SyncPairsTest.this.pages;
    final long[] iovas = new long[40];
    final long[] answers = new long[40];
    final Translator translator;
    final Endpoint endpoint;
    private int version;

    Device(Table table) throws InterruptedException {
      subject = SyncSubject.build(table, memory, 1);
      translator = does(() -> subject.iommu().newTranslator());
      endpoint = does(() -> translator.endpoint(1, -1));
    }

    <T> T does(Callable<T> what) throws InterruptedException {
      try {
        return thread.submit(what).get();
      } catch (ExecutionException e) {
        throw new AssertionError("the device's thread", e.getCause());
      }
    }

    long asks(Call call) throws InterruptedException {
      return does(() -> call.page(this));
    }

    boolean isWaitedFor() throws InterruptedException {
      return !subject.iommu().sync(1, TimeUnit.MILLISECONDS).isEmpty();
    }

    /** The page leads elsewhere from now on, and that is told. */
    void change(Change change) {
      version++;
      memory.put(subject.leaf(), OUT + version * 4096L | subject.flags());
      change.make.accept(subject.iommu());
    }

    long expected(Change change) {
      return change.leadsNowhere() ? NOWHERE : version;
    }
  }

  static Stream<Arguments> pairs() {
    List<Arguments> pairs = new ArrayList<>();
    for (Change change : Change.values()) {
      for (Call call : Call.values()) {
        pairs.add(Arguments.of(change, call));
      }
    }
    return pairs.stream();
  }

  @ParameterizedTest
  @MethodSource("pairs")
  void aSyncWaitsForACallsAnswersAndNoLonger(Change change, Call call) throws InterruptedException {
    Device device = new Device(change.table);
    assertEquals(0, device.asks(call));
    assertEquals(false, device.isWaitedFor(), "nothing has changed");
    device.change(change);
    assertEquals(true, device.isWaitedFor(), "its answer is in use");
    long page = device.asks(call);
    assertEquals(false, device.isWaitedFor(), "it has asked again");
    if (change.dropsTheLeaf) {
      assertEquals(device.expected(change), page, "and sees the change");
      assertEquals(device.expected(change), device.asks(call), "once more");
    }
  }

  @ParameterizedTest
  @MethodSource("pairs")
  void aPauseIsNotWaitedForAndWhatResumesIs(Change change, Call call) throws InterruptedException {
    Device device = new Device(change.table);
    assertEquals(0, device.asks(call));
    device.does(
        () -> {
          device.translator.pause();
          return 0;
        });
    device.change(change);
    assertEquals(false, device.isWaitedFor(), "it is paused");
    device.does(
        () -> {
          device.translator.resume();
          return 0;
        });
    assertEquals(false, device.isWaitedFor(), "it has applied the change");
    long page = device.asks(call);
    if (change.dropsTheLeaf) {
      assertEquals(device.expected(change), page, "it sees what changed meanwhile");
    }
    device.change(change);
    assertEquals(true, device.isWaitedFor(), "it is no longer paused");
    page = device.asks(call);
    assertEquals(false, device.isWaitedFor());
    if (change.dropsTheLeaf) {
      assertEquals(device.expected(change), page);
    }
  }

  @ParameterizedTest
  @MethodSource("pairs")
  void aPauseInWhichNothingChangesLeavesNobodyUnseen(Change change, Call call)
      throws InterruptedException {
    Device device = new Device(change.table);
    assertEquals(0, device.asks(call));
    device.does(
        () -> {
          device.translator.pause();
          device.translator.resume();
          return 0;
        });
    device.change(change);
    assertEquals(true, device.isWaitedFor(), "it is no longer paused");
    device.asks(call);
    assertEquals(false, device.isWaitedFor());
  }

  @ParameterizedTest
  @MethodSource("pairs")
  void aPollEndsTheUseOfAnswersAndForgettingDoesNot(Change change, Call call)
      throws InterruptedException {
    Device device = new Device(change.table);
    assertEquals(0, device.asks(call));
    device.change(change);
    assertEquals(true, device.does(() -> device.translator.forget(1, -1)));
    assertEquals(true, device.isWaitedFor(), "what was answered may be in use");
    device.does(
        () -> {
          device.translator.poll();
          return 0;
        });
    assertEquals(false, device.isWaitedFor());
    long page = device.asks(call);
    if (change.dropsTheLeaf) {
      assertEquals(device.expected(change), page);
    }
  }

  @Test
  void everyInvalidationThereIsHasItsPairs() {
    Set<String> named = new TreeSet<>();
    for (Change change : Change.values()) {
      named.add(change.method);
    }
    Set<String> known = new TreeSet<>(Set.of("", "submit"));
    for (Class<?> unit : List.of(VtdInvalidations.class, SmmuInvalidations.class)) {
      Arrays.stream(unit.getDeclaredMethods())
          .filter(method -> Modifier.isPublic(method.getModifiers()))
          .forEach(method -> known.add(method.getName()));
    }
    named.add("submit");
    assertEquals(known, named);
    assertNotEquals(0, pairs().count());
  }
}
