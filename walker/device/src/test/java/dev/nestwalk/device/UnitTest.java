package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.MemoryRange;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What embedders give units and get from them, but for registers and translation. */
final class UnitTest {
  private static final long CAP = VtdRig.CAP;

  private static UnitOptions options(Arena arena, InterruptSink sink) {
    GuestMemory memory = PlainUnit.over(new TableMemory(arena).run(0x10_0000, 16));
    return UnitOptions.of(memory, sink);
  }

  @Test
  void eachOptionChangesItselfAlone() {
    try (Arena arena = Arena.ofConfined()) {
      UnitOptions plain = options(arena, (address, data) -> true);
      CacheOptions geometry = CacheOptions.DEFAULT.withIotlb(64, 4);
      UnitOptions all =
          plain
              .withCaches(geometry)
              .withKeptCaches()
              .withDoorbells(List.of(MemoryRange.ofSize(0x1000, 8)))
              .withMmio(MmioTarget.NONE)
              .withDeviceTlb(DeviceTlb.NONE)
              .withPageResponses(PageResponses.NONE);
      assertSame(plain.memory(), all.memory());
      assertSame(plain.interrupts(), all.interrupts());
      assertEquals(geometry, all.caches());
      assertTrue(all.keepsCaches());
      assertEquals(List.of(MemoryRange.ofSize(0x1000, 8)), all.doorbells());
      assertEquals(
          plain.withCaches(geometry),
          new UnitOptions(
              plain.memory(),
              plain.interrupts(),
              plain.pageResponses(),
              plain.deviceTlb(),
              plain.mmio(),
              plain.doorbells(),
              geometry,
              false));
    }
  }

  /** Threads of devices come and go; a unit holds none that has ended once another port is made. */
  @Test
  void aThreadThatHasEndedIsForgotten() throws InterruptedException {
    try (VtdRig rig = VtdRig.legacy()) {
      List<WeakReference<Thread>> ended = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        ended.add(new WeakReference<>(thread(rig)));
      }
      rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1);
      for (int tries = 0; tries < 200 && !isEmpty(ended); tries++) {
        System.gc();
        Thread.sleep(2);
      }
      assertTrue(isEmpty(ended));
    }
  }

  private static Thread thread(VtdRig rig) throws InterruptedException {
    Thread device = new Thread(() -> rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1));
    device.start();
    device.join();
    return device;
  }

  private static boolean isEmpty(List<WeakReference<Thread>> threads) {
    return threads.stream().allMatch(thread -> thread.get() == null);
  }

  @Test
  void outsideMemoryNothingIsReadOrWrittenUnlessSomethingIsThere() {
    MemorySegment bytes = MemorySegment.ofArray(new byte[8]);
    assertEquals(0, MmioTarget.NONE.read(0xe000_0000L, bytes, 0, 8));
    assertEquals(0, MmioTarget.NONE.write(0xe000_0000L, bytes, 0, 8));
  }

  @Test
  void aSinkOfMessagesIgnoresWiresAndTakesDevicesMessagesAsItsOwn() {
    List<String> messages = new ArrayList<>();
    InterruptSink sink = (address, data) -> messages.add("%x %x".formatted(address, data));
    sink.wire(InterruptLine.EVTQ);
    assertTrue(sink.deviceMessage(0x10, 0xfee0_0000L, 0x41));
    assertEquals(List.of("fee00000 41"), messages);
    InterruptSink nobody = (address, data) -> false;
    assertFalse(nobody.deviceMessage(0x10, 0xfee0_0000L, 0x41));
  }

  @Test
  void responseCodesAreThoseOfPcie() {
    assertEquals(0, PageResponses.Code.SUCCESS.number());
    assertEquals(1, PageResponses.Code.INVALID.number());
    assertEquals(15, PageResponses.Code.FAILURE.number());
  }

  @Test
  void mistakesOfAGuestAreCountedByKindAndForgotten() {
    try (VtdRig rig = VtdRig.legacy()) {
      rig.w32(0x00, 1);
      rig.w32(0x00, 1);
      GuestErrors errors = rig.unit.guestErrors();
      GuestErrors.Mistake mistake = new GuestErrors.Mistake("write to a read-only register", "VER");
      assertEquals(2, errors.count(mistake));
      assertEquals(Map.of(mistake, 2L), errors.counts());
      assertEquals(0, errors.count(new GuestErrors.Mistake("another", "VER")));
      errors.clear();
      assertTrue(errors.isEmpty());
      assertEquals(0, errors.count(mistake));
    }
  }

  @Test
  void asManyDifferentMistakesAreKeptAsFitAndTheRestIsCountedTogether() {
    GuestErrors errors = new GuestErrors();
    for (int round = 0; round < 2; round++) {
      for (int i = 0; i < GuestErrors.CAPACITY + 3; i++) {
        errors.count("read where no register is", "0x" + i);
      }
    }
    assertEquals(GuestErrors.CAPACITY + 1, errors.counts().size());
    for (int i = 0; i < GuestErrors.CAPACITY + 3; i++) {
      GuestErrors.Mistake one = new GuestErrors.Mistake("read where no register is", "0x" + i);
      assertEquals(i < GuestErrors.CAPACITY ? 2 : 0, errors.count(one), "0x" + i);
    }
    assertEquals(6, errors.count(new GuestErrors.Mistake("more than is listed here", "others")));
  }

  @Test
  void aSinkThatWritesRegistersWhereTheUnitWouldWaitIsAMistakeOfTheEmbedder() {
    VtdUnit[] unit = new VtdUnit[1];
    List<IllegalStateException> thrown = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      InterruptSink sink =
          (address, data) -> {
            thrown.add(
                assertThrows(
                    IllegalStateException.class, () -> unit[0].mmioWrite(0x18, 4, 0x4000_0000L)));
            return true;
          };
      unit[0] = VtdUnit.of(options(arena, sink), Map.of("CAP", CAP, "ECAP", VtdRig.LEGACY), -1);
      unit[0].mmioWrite(0x38, 4, 0); // FECTL: not masked
      unit[0].mmioWrite(0x18, 4, 0x4000_0000L); // SRTP
      unit[0].mmioWrite(0x18, 4, 0x8000_0000L); // TE, without any table
      unit[0].port(1).translate(0x1000, Access.READ);
      assertEquals(1, thrown.size());
      assertEquals("unit used by its own interrupt sink", thrown.get(0).getMessage());
      assertEquals(0x8000_0000L, unit[0].mmioRead(0x1c, 4) & 0x8000_0000L, "it goes on");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"CAP", "ECAP"})
  void aUnitWithoutItsCapabilitiesIsRefused(String missing) {
    try (Arena arena = Arena.ofConfined()) {
      UnitOptions options = options(arena, (address, data) -> true);
      String other = missing.equals("CAP") ? "ECAP" : "CAP";
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class, () -> VtdUnit.of(options, Map.of(other, 0L), -1));
      assertEquals("register " + missing + " is missing", e.getMessage());
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0x10, 0x20})
  void faultRecordsOverTheMtrrsAreRefused(long place) {
    try (Arena arena = Arena.ofConfined()) {
      UnitOptions options = options(arena, (address, data) -> true);
      long cap = CAP & ~(0x3ffL << 24) | place << 24;
      long mts = VtdRig.SCALABLE | 1L << 25;
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> VtdUnit.of(options, Map.of("CAP", cap, "ECAP", mts), -1));
      assertTrue(String.valueOf(e.getMessage()).contains("0x100..0x21f"), e::getMessage);
      VtdUnit without = VtdUnit.of(options, Map.of("CAP", cap, "ECAP", VtdRig.SCALABLE), -1);
      assertEquals(0, without.mmioRead(16 * place, 8));
    }
  }

  static Stream<Arguments> noSnapshots() {
    String title = "nestwalk-snapshot 1 vtd\n";
    return Stream.of(
        Arguments.of(1, ""),
        Arguments.of(1, "nestwalk-snapshot 1"),
        Arguments.of(1, "nestwalk-snapshot 2 vtd"),
        Arguments.of(2, title + "VER 1g"),
        Arguments.of(3, title + "VER 10\nVER 10"),
        Arguments.of(2, title + "VER -1"),
        Arguments.of(4, title + "VER 10\nCAP 5\nGSTS 10000000000000000\nECAP x"));
  }

  @ParameterizedTest
  @MethodSource("noSnapshots")
  void aTextThatIsNoSnapshotIsRefusedInOneLine(int line, String text) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Snapshot.parse(text));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith("snapshot, line " + line + ": "), message);
    assertEquals(1, message.lines().count());
  }

  @Test
  void snapshotsAreEqualByTheirContents() {
    Snapshot one = Snapshot.parse("nestwalk-snapshot 1 vtd\nGSTS 1 2\nVER 10\n");
    Snapshot same = Snapshot.parse("nestwalk-snapshot 1 vtd\nVER 0010\r\nGSTS  1 2");
    assertEquals(one, same);
    assertEquals(one.hashCode(), same.hashCode());
    assertNotEquals(one, Snapshot.parse("nestwalk-snapshot 1 vtd\nVER 10\nGSTS 1 3"));
    Snapshot smmu = Snapshot.parse("nestwalk-snapshot 1 smmuv3\nVER 10\nGSTS 1 2");
    assertNotEquals(one, smmu);
    assertNotEquals(one.hashCode(), smmu.hashCode());
    assertNotEquals(one, (Object) one.toString());
    assertThrows(IllegalArgumentException.class, () -> one.value("GSTS"));
    assertThrows(IllegalArgumentException.class, () -> one.value("CAP"));
  }
}
