package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.MappedMachine;
import dev.nestwalk.fixtures.MappedPlan;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionSet;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import jdk.jfr.EventType;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.agrona.collections.Long2ObjectHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a recording of JDK Flight Recorder shows of a unit, and that nothing is shown unasked. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class FlightRecordingTest {
  private static final String FAULT = "nestwalk.TranslationFault";
  private static final String INVALIDATION = "nestwalk.Invalidation";
  private static final String SYNC = "nestwalk.Sync";
  private static final String RECONFIGURATION = "nestwalk.Reconfiguration";
  private static final List<String> ALL = List.of(FAULT, INVALIDATION, SYNC, RECONFIGURATION);

  private final Arena arena = Arena.ofShared();
  @TempDir private Path folder = Path.of("");

  @AfterEach
  void close() {
    arena.close();
  }

  /** Something that threads do with a unit. */
  private interface Doing {
    void run() throws InterruptedException;
  }

  /** What a recording of all events has of it, in order. */
  private List<RecordedEvent> recorded(Doing what) throws IOException, InterruptedException {
    try (Recording recording = new Recording()) {
      ALL.forEach(recording::enable);
      return recorded(recording, what);
    }
  }

  private List<RecordedEvent> recorded(Recording recording, Doing what)
      throws IOException, InterruptedException {
    recording.start();
    what.run();
    recording.stop();
    Path file = folder.resolve("recording.jfr");
    recording.dump(file);
    List<RecordedEvent> events =
        RecordingFile.readAllEvents(file).stream()
            .filter(event -> event.getEventType().getName().startsWith("nestwalk."))
            .sorted((a, b) -> a.getStartTime().compareTo(b.getStartTime()))
            .toList();
    Files.delete(file);
    return events;
  }

  private static RecordedEvent only(List<RecordedEvent> events, String name) {
    assertEquals(List.of(name), events.stream().map(e -> e.getEventType().getName()).toList());
    return events.get(0);
  }

  private static String format(MappedPlan plan) {
    return plan.vtd() ? "VT-d" : "SMMUv3";
  }

  static Stream<MappedPlan> plans() {
    return Stream.of(true, false)
        .flatMap(
            vtd ->
                Stream.of(1, 2, 3)
                    .map(
                        stages ->
                            MappedPlan.of(vtd, (stages & 1) != 0, (stages & 2) != 0)
                                .pages(64, 0, 1)));
  }

  private Iommu iommu(MappedPlan plan, MappedMachine machine) {
    return plan.vtd()
        ? Iommu.vtd(Comparison.over(machine.memory()), machine.registers(), 46)
        : Iommu.smmuv3(Comparison.over(machine.memory()), machine.registers());
  }

  private Iommu iommu(boolean vtd) {
    MappedPlan plan = MappedPlan.of(vtd, true, false);
    return iommu(plan, new MappedMachine(plan, arena));
  }

  /** Ways to be refused, each once. */
  private enum Way {
    ONE {
      @Override
      void ask(Translator translator, long iova) {
        translator.endpoint(MappedMachine.SOURCE, -1).translate(iova, Access.WRITE);
      }
    },
    BY_ID {
      @Override
      void ask(Translator translator, long iova) {
        translator.translate(MappedMachine.SOURCE, -1, iova, Access.WRITE);
      }
    },
    BATCH {
      @Override
      void ask(Translator translator, long iova) {
        long[] all = {iova};
        translator.endpoint(MappedMachine.SOURCE, -1).translate(all, all, 0, 1, Access.WRITE);
      }
    },
    COPY {
      @Override
      void ask(Translator translator, long iova) {
        MemorySegment bytes = MemorySegment.ofArray(new byte[8]);
        translator.endpoint(MappedMachine.SOURCE, -1).write(iova, bytes, 0, 8);
      }
    };

    abstract void ask(Translator translator, long iova);
  }

  @ParameterizedTest
  @MethodSource("plans")
  void aRefusalIsOneEventWithAllOfIt(MappedPlan plan) throws IOException, InterruptedException {
    MappedMachine machine = new MappedMachine(plan, arena);
    Iommu iommu = iommu(plan, machine);
    long iova = machine.input() + (1L << 30);
    for (Way way : Way.values()) {
      for (Translator translator : List.of(iommu.newTranslator(), iommu.newUncachedTranslator())) {
        RecordedEvent event = only(recorded(() -> way.ask(translator, iova)), FAULT);
        String where = plan + ", " + way;
        long refusal = translator.lastFault().translation();
        assertTrue(Translation.isFault(refusal), where);
        assertEquals(format(plan), event.getString("format"), where);
        assertEquals(MappedMachine.SOURCE, event.getInt("sourceId"), where);
        assertEquals(-1, event.getInt("pasid"), where);
        assertEquals(iova, event.getLong("iova"), where);
        assertEquals("w", event.getString("access"), where);
        assertEquals(iommu.reason(Translation.code(refusal)), event.getString("reason"), where);
        assertEquals(Translation.stage(refusal), event.getInt("stage"), where);
        assertEquals(Translation.level(refusal), event.getInt("level"), where);
        assertEquals(translator.lastFault().intermediate(), event.getLong("intermediate"), where);
        assertEquals(translator.lastFault().isRecorded(), event.getBoolean("recorded"), where);
        assertTrue(
            event.getStackTrace().getFrames().stream()
                .anyMatch(frame -> frame.getMethod().getName().equals("ask")),
            "the stack trace shows who asked");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aRequesterThatDoesNotExistIsNamedUnsigned(boolean vtd)
      throws IOException, InterruptedException {
    Translator translator = iommu(vtd).newTranslator();
    int source = vtd ? 0xfff8 : 0xffff_fff8;
    RecordedEvent event =
        only(recorded(() -> translator.translate(source, 5, 0x1000, Access.READ)), FAULT);
    assertEquals(Integer.toUnsignedLong(source), event.getLong("sourceId"));
    assertEquals(5, event.getInt("pasid"));
  }

  @Test
  void whatMeetsAReservedRegionIsAFaultOfThatKind() throws IOException, InterruptedException {
    MappedPlan plan = MappedPlan.of(true, false, true);
    MappedMachine machine = new MappedMachine(plan, arena);
    Iommu iommu = iommu(plan, machine);
    long iova = machine.input();
    for (RegionKind kind : List.of(RegionKind.RESERVED, RegionKind.DIRECT)) {
      RegionSet set = RegionSet.of(List.of(new Region(iova, iova + 4095, kind)));
      iommu.restrict(MappedMachine.SOURCE, -1, set, RegionSet.EMPTY);
      for (Translator translator : List.of(iommu.newTranslator(), iommu.newUncachedTranslator())) {
        RecordedEvent event = only(recorded(() -> Way.ONE.ask(translator, iova)), FAULT);
        assertEquals(
            kind == RegionKind.DIRECT ? "reserved: direct" : "reserved", event.getString("reason"));
      }
    }
  }

  /** An interrupt, a reply that grants nothing, and what a scan of mappings is refused. */
  @Test
  void whatIsNoFaultIsNoEvent() throws IOException, InterruptedException {
    MappedPlan plan = MappedPlan.of(true, false, true);
    MappedMachine machine = new MappedMachine(plan, arena);
    Iommu iommu = iommu(plan, machine);
    RegionSet msi =
        RegionSet.of(List.of(new Region(machine.input(), machine.input() + 4095, RegionKind.MSI)));
    iommu.restrict(MappedMachine.SOURCE, -1, msi, RegionSet.EMPTY);
    Translator translator = iommu.newTranslator();
    List<RecordedEvent> events =
        recorded(
            () -> {
              assertTrue(Translation.isFault(write(translator, 0xfee0_0000L)));
              assertTrue(Translation.isFault(write(translator, machine.input())));
              iommu.mappings(MappedMachine.SOURCE, -1).advance(1000, mapping -> {});
            });
    assertEquals(List.of(), events);
  }

  private static long write(Translator translator, long iova) {
    return translator.translate(MappedMachine.SOURCE, -1, iova, Access.WRITE);
  }

  @Test
  void anInvalidationIsRecordedWithWhatItNames() throws IOException, InterruptedException {
    Iommu vtd = iommu(true);
    Iommu smmu = iommu(false);
    List<RecordedEvent> events =
        recorded(
            () -> {
              vtd.vtdInvalidations().iotlbPages(7, 0x1234_5000L, 1, false);
              vtd.vtdInvalidations().pasidIotlb(7, 3);
              vtd.vtdInvalidations().contextDevice(0x10, 3);
              smmu.smmuInvalidations().stage1Range(9, 4, 0x8000, 0x8fff, true);
              smmu.smmuInvalidations().configContext(-8, 2);
              smmu.smmuInvalidations().vmidAll(9);
            });
    assertEquals(
        List.of(
            "VT-d second stage -1 0 -1 7 12344000 12345fff",
            "VT-d first stage -1 0 3 7 0 ffffffffffffffff",
            "VT-d configurations 16 7 -1 -1 0 ffffffffffffffff",
            "SMMUv3 first stage -1 0 4 9 8000 8fff",
            "SMMUv3 configurations 4294967288 0 2 -1 0 ffffffffffffffff",
            "SMMUv3 translations -1 0 -1 9 0 ffffffffffffffff"),
        events.stream().map(FlightRecordingTest::named).toList());
  }

  private static String named(RecordedEvent event) {
    assertEquals(INVALIDATION, event.getEventType().getName());
    return "%s %s %d %d %d %d %x %x"
        .formatted(
            event.getString("format"),
            event.getString("of"),
            event.getLong("sourceId"),
            event.getInt("ignoredSourceBits"),
            event.getInt("pasid"),
            event.getInt("domain"),
            event.getLong("first"),
            event.getLong("last"));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aChangeOfRegistersIsRecordedWithThem(boolean vtd) throws IOException, InterruptedException {
    Iommu iommu = iommu(vtd);
    Map<String, Long> changes = vtd ? Map.of("GSTS", 0L, "RTADDR", 0x4000L) : Map.of("CR0", 0L);
    RecordedEvent event = only(recorded(() -> iommu.reconfigure(changes, true)), RECONFIGURATION);
    assertEquals(vtd ? "VT-d" : "SMMUv3", event.getString("format"));
    assertEquals(vtd ? "GSTS=0x0 RTADDR=0x4000" : "CR0=0x0", event.getString("registers"));
    assertTrue(event.getBoolean("keepsCaches"));
    if (vtd) {
      // Hits do not look at protected memory.
      RecordedEvent other =
          only(recorded(() -> iommu.reconfigure(Map.of("PMEN", 1L), true)), RECONFIGURATION);
      assertFalse(other.getBoolean("keepsCaches"));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aSyncIsRecordedWithItsTimeAndTheThreadThatHeldIt(boolean vtd)
      throws IOException, InterruptedException {
    Iommu iommu = iommu(vtd);
    CountDownLatch made = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    Thread device =
        Thread.ofPlatform()
            .name("device")
            .start(
                () -> {
                  Translator translator = iommu.newTranslator();
                  made.countDown();
                  await(go);
                  translator.poll();
                });
    made.await();
    iommu.invalidateAll();
    List<RecordedEvent> events =
        recorded(
            () -> {
              assertEquals(1, iommu.sync(20, TimeUnit.MILLISECONDS).size());
              go.countDown();
              iommu.sync();
              device.join();
              iommu.sync();
            });
    assertEquals(
        List.of(SYNC, SYNC, SYNC), events.stream().map(e -> e.getEventType().getName()).toList());
    RecordedEvent late = events.get(0);
    assertEquals(vtd ? "VT-d" : "SMMUv3", late.getString("format"));
    assertFalse(late.getBoolean("complete"));
    assertTrue(late.getDuration().compareTo(Duration.ofMillis(20)) >= 0, late::toString);
    assertEquals(1, late.getInt("translators"));
    assertEquals("device", late.getThread("last").getJavaName());
    assertEquals(Thread.currentThread().getName(), late.getThread().getJavaName());
    assertTrue(events.get(1).getBoolean("complete"));
    RecordedEvent free = events.get(2);
    assertTrue(free.getBoolean("complete"));
    assertEquals(0, free.getInt("translators"));
    assertEquals(null, free.getThread("last"));
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aSyncThatIsInterruptedIsIncomplete() throws IOException, InterruptedException {
    Iommu iommu = iommu(true);
    Translator translator = iommu.newTranslator();
    CountDownLatch waits = new CountDownLatch(1);
    List<RecordedEvent> events =
        recorded(
            () -> {
              Thread other =
                  Thread.ofPlatform()
                      .start(
                          () -> {
                            iommu.invalidateAll();
                            waits.countDown();
                            try {
                              iommu.sync();
                            } catch (InterruptedException e) {
                              Thread.currentThread().interrupt();
                            }
                          });
              waits.await();
              other.interrupt();
              other.join();
              translator.poll();
            });
    RecordedEvent sync = events.get(events.size() - 1);
    assertEquals(SYNC, sync.getEventType().getName());
    assertFalse(sync.getBoolean("complete"));
  }

  /** A recording of everything else is not filled by a guest that faults. */
  @Test
  void nothingIsRecordedUnlessAskedFor() throws IOException, InterruptedException {
    Iommu iommu = iommu(true);
    Translator translator = iommu.newTranslator();
    try (Recording recording = new Recording()) {
      List<RecordedEvent> events =
          recorded(
              recording,
              () -> {
                translator.translate(7, -1, 0, Access.READ);
                iommu.invalidateAll();
                iommu.reconfigure(Map.of("GSTS", 0L), true);
                iommu.sync();
              });
      assertEquals(List.of(), events);
    }
  }

  @Test
  void everyEventAndFieldHasALabel() throws IOException, InterruptedException {
    Iommu iommu = iommu(true);
    recorded(
        () -> {
          iommu.newTranslator().translate(7, -1, 0, Access.READ);
          iommu.invalidateAll();
          iommu.reconfigure(Map.of("GSTS", 0L), true);
          iommu.sync();
        });
    List<EventType> types =
        FlightRecorder.getFlightRecorder().getEventTypes().stream()
            .filter(type -> ALL.contains(type.getName()))
            .toList();
    // Another class loader of this JVM may have registered its own.
    assertEquals(
        Set.copyOf(ALL), types.stream().map(EventType::getName).collect(Collectors.toSet()));
    types.forEach(
        type -> {
          assertNotNull(type.getLabel(), type.getName());
          assertNotNull(type.getDescription(), type.getName());
          assertEquals(List.of("nestwalk"), type.getCategoryNames());
          type.getFields()
              .forEach(field -> assertNotNull(field.getLabel(), type.getName() + field.getName()));
        });
  }

  /**
   * A runtime made by jlink may leave Flight Recorder out: then there are no events, that is all.
   */
  @Test
  void aRuntimeWithoutFlightRecorderTranslatesAllTheSame()
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--limit-modules",
                "java.base,jdk.unsupported",
                "-cp",
                classPath(),
                WithoutFlightRecorder.class.getName())
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals("no jdk.jfr, all answered", said.strip());
    assertEquals(0, process.waitFor());
  }

  static String classPath() {
    return Stream.of(
            FlightRecordingTest.class, Iommu.class, MappedMachine.class, Long2ObjectHashMap.class)
        .map(type -> type.getProtectionDomain().getCodeSource().getLocation().getPath())
        .collect(Collectors.joining(File.pathSeparator));
  }

  /** What the process without Flight Recorder runs. */
  static final class WithoutFlightRecorder {
    public static void main(String[] arguments) throws InterruptedException {
      if (ModuleLayer.boot().findModule("jdk.jfr").isPresent()) {
        throw new IllegalStateException("there is a jdk.jfr");
      }
      try (Arena arena = Arena.ofShared()) {
        for (boolean vtd : new boolean[] {true, false}) {
          MappedPlan plan = MappedPlan.of(vtd, true, true);
          MappedMachine machine = new MappedMachine(plan, arena);
          Iommu iommu =
              vtd
                  ? Iommu.vtd(Comparison.over(machine.memory()), machine.registers(), 46)
                  : Iommu.smmuv3(Comparison.over(machine.memory()), machine.registers());
          Translator translator = iommu.newTranslator();
          long good = translator.translate(MappedMachine.SOURCE, -1, machine.input(), Access.READ);
          long bad = translator.translate(7, -1, 0, Access.READ);
          if (Translation.isFault(good) || !Translation.isFault(bad)) {
            throw new IllegalStateException(Long.toHexString(good) + " " + Long.toHexString(bad));
          }
          iommu.invalidateAll();
          iommu.sync();
          iommu.reconfigure(vtd ? Map.of("GSTS", 0L) : Map.of("CR0", 0L), false);
        }
      }
      System.out.println("no jdk.jfr, all answered");
    }
  }
}
