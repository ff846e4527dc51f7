package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Fault recording and events (test list 27 to 33, 37). */
final class VtdFaultTest {
  private static final int PFO = 1;
  private static final int PPF = 2;
  private static final int IQE = 1 << 4;
  private static final long F = 1L << 63;

  private VtdRig rig = VtdRig.withRecords(1);

  @AfterEach
  void close() {
    rig.close();
  }

  private void records(int count) {
    rig.close();
    rig = VtdRig.withRecords(count);
    rig.translate().unmask();
  }

  private long high(int record) {
    return rig.r64(0x228 + 16L * record);
  }

  private void clear(int record) {
    rig.w32(0x22c + 16L * record, 0x8000_0000L);
  }

  private int firstIndex() {
    return (int) (rig.r32(0x34) >>> 8 & 0xff);
  }

  /** A fault of a requester that no context entry serves, so each has a record of its own. */
  private void faultOf(int source) {
    rig.fault(0x1000 + source);
  }

  @ParameterizedTest
  @CsvSource({"0x38, 21", "0xa0, 22", "0xe0, 23"})
  @DisplayName("27 a masked event waits in IP; unmasked it is sent exactly once")
  void maskedEvents(long control, String data) {
    rig.close();
    rig = VtdRig.scalable();
    rig.unmask().queue(0, true).translate();
    rig.w64(0xd0, VtdRig.PAGES);
    rig.w32(control, 0x8000_0000L);
    rig.fault(VtdRig.SOURCE);
    rig.put(0x15).ring();
    rig.port(VtdRig.SOURCE).requestPage(0x1000, 1, 0, true);
    List<String> sent = rig.sent();
    assertEquals(2, sent.size(), sent.toString());
    assertTrue(sent.stream().noneMatch(one -> one.endsWith(data)), sent.toString());
    assertEquals(0xc000_0000L, rig.r32(control));
    rig.w32(control, 0x8000_0000L);
    assertEquals(List.of(), rig.sent());
    rig.w32(control, 0);
    assertEquals(List.of("fee00000 " + data), rig.sent());
    assertEquals(0, rig.r32(control));
    rig.w32(control, 0x8000_0000L);
    rig.w32(control, 0);
    assertEquals(List.of(), rig.sent());
  }

  @Test
  @DisplayName("28 IP falls when software has cleared what the event told of")
  void servicedEvents() {
    rig.close();
    rig = VtdRig.scalable();
    rig.unmask().queue(0, true).translate();
    rig.w64(0xd0, VtdRig.PAGES);
    for (long control : new long[] {0x38, 0xa0, 0xe0}) {
      rig.w32(control, 0x8000_0000L);
    }
    rig.fault(VtdRig.SOURCE);
    rig.put(0x15).ring();
    rig.port(VtdRig.SOURCE).requestPage(0x1000, 1, 0, true);
    clear(0);
    rig.w32(0x9c, 1);
    rig.w32(0xdc, 1);
    for (long control : new long[] {0x38, 0xa0, 0xe0}) {
      assertEquals(0x8000_0000L, rig.r32(control), "0x%x".formatted(control));
      rig.w32(control, 0);
    }
    assertEquals(List.of(), rig.sent());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 8, 256})
  @DisplayName("29 a fault storm fills the records in order, overflows, and resumes")
  void storm(int count) {
    records(count);
    for (int round = 0; round < 3; round++) {
      int from = firstFree(count);
      for (int i = 0; i < count + 3; i++) {
        faultOf(i);
      }
      assertEquals(List.of("fee00000 21"), rig.sent());
      assertEquals(PFO | PPF, rig.r32(0x34) & 0xff);
      assertEquals(from, firstIndex());
      for (int i = 0; i < count; i++) {
        int at = (from + i) % count;
        assertEquals(F | 1L << 62 | 1L << 32 | 0x1000 + i, high(at));
        assertEquals(0x7000_0000L, rig.r64(0x220 + 16L * at));
        clear(at);
      }
      assertEquals(PFO, rig.r32(0x34) & 0xff);
      faultOf(0);
      assertEquals(PFO, rig.r32(0x34) & 0xff, "nothing is recorded while PFO is set");
      rig.w32(0x34, 0x83);
      assertEquals(0, rig.r32(0x34) & 0xff);
      if (count > 1) {
        faultOf(7);
        rig.sent();
        clear(firstIndex());
      }
    }
  }

  /** Where the next record goes: one of a storm went to each, and one more besides. */
  private int firstFree(int count) {
    faultOf(0x77);
    int at = firstIndex();
    clear(at);
    rig.sent();
    return (at + 1) % count;
  }

  @Test
  @DisplayName("30 a second fault of a requester with a pending record is dropped")
  void sameRequester() {
    records(4);
    rig.fault(VtdRig.SOURCE);
    rig.fault(VtdRig.OTHER);
    rig.dma(VtdRig.SOURCE, 0x6000_0000L, 2);
    assertEquals(0, high(2));
    assertEquals(PPF, rig.r32(0x34));
    clear(0);
    rig.dma(VtdRig.SOURCE, 0x6000_0000L, 2);
    assertEquals(F, high(2) & F);
    assertEquals(0x6000_0000L, rig.r64(0x220 + 32));
  }

  @Test
  @DisplayName("31 a record cleared in the middle of the ring is used again in its turn")
  void clearedInTheMiddle() {
    records(4);
    for (int i = 0; i < 3; i++) {
      faultOf(i);
    }
    clear(1);
    faultOf(3);
    assertEquals(F, high(3) & F);
    assertEquals(0, high(1) & F);
    faultOf(4);
    assertEquals(PFO | PPF, rig.r32(0x34) & 0xff, "record 0 is next, and taken");
    assertEquals(0, firstIndex());
    clear(0);
    rig.w32(0x34, PFO);
    faultOf(5);
    assertEquals(F | 1L << 62 | 1L << 32 | 0x1005, high(0));
    assertEquals(0, firstIndex(), "FRI changes with PPF alone");
  }

  @Test
  @DisplayName("32 an event is raised only if no status bit was set: all states")
  void eventsByState() {
    // IQE, ICE, ITE, PPF, PFO; a new fault or a new queue error on top.
    for (int state = 0; state < 32; state++) {
      for (int cause = 0; cause < 2; cause++) {
        try (VtdRig one = new VtdRig(VtdRig.CAP | 1L << 40, VtdRig.SCALABLE)) {
          one.unmask().translate().queue(0, true);
          int set = enter(one, state);
          one.sent();
          if (cause == 0) {
            one.fault(0x2000);
          } else {
            one.w64(0x90, VtdRig.QUEUE);
            one.w64(0x88, 0x7ffe0);
          }
          boolean silent = set != 0 || (one.r32(0x34) & 0xff) == set;
          assertEquals(silent ? 0 : 1, one.sent().size(), "state 0x%x".formatted(set));
        }
      }
    }
  }

  /** Brings a unit into a state as far as it exists; returns FSTS 7:0. */
  private static int enter(VtdRig one, int state) {
    if ((state & 2) != 0) {
      one.deviceAnswer = DeviceTlb.Completion.UNEXPECTED;
      one.put(3).ring();
    }
    if ((state & 4) != 0) {
      one.deviceAnswer = DeviceTlb.Completion.TIMED_OUT;
      one.put(3).ring();
    } else if ((state & 1) != 0) {
      one.put(0xd).ring();
    }
    if ((state & 8) != 0) {
      one.fault(VtdRig.SOURCE);
    }
    if ((state & 16) != 0) {
      one.fault(0x1001);
      one.fault(0x1002);
      one.fault(0x1003);
    }
    return (int) one.r32(0x34) & 0xff;
  }

  @Test
  @DisplayName("33 a fault and a queue error together: one message, both statuses")
  void faultAndQueueError() {
    records(1);
    rig.queue(0, false);
    rig.fault(VtdRig.SOURCE);
    rig.put(0xd).ring();
    assertEquals(List.of("fee00000 21"), rig.sent());
    assertEquals(PPF | IQE, rig.r32(0x34));
    clear(0);
    assertEquals(IQE, rig.r32(0x34));
    rig.w32(0x38, 0x8000_0000L);
    rig.fault(VtdRig.SOURCE);
    assertEquals(PPF | IQE, rig.r32(0x34));
    assertEquals(0x8000_0000L, rig.r32(0x38), "no second event while IQE is set");
    clear(0);
    rig.poke64(VtdRig.QUEUE, 0x45);
    rig.w32(0x34, IQE);
    assertEquals(0, rig.r32(0x34));
    rig.fault(VtdRig.SOURCE);
    assertEquals(0xc000_0000L, rig.r32(0x38));
  }

  @Test
  @DisplayName("37 the record is readable when its message is seen")
  void recordBeforeMessage() {
    AtomicReference<VtdUnit> unit = new AtomicReference<>();
    List<Long> seen = new ArrayList<>();
    VtdUnit watched =
        VtdUnit.of(
            UnitOptions.of(
                rig.unit.options().memory(),
                (address, data) -> {
                  seen.add(unit.get().mmioRead(0x228, 8));
                  seen.add(unit.get().mmioRead(0x34, 4));
                  return true;
                }),
            Map.of("CAP", VtdRig.CAP, "ECAP", VtdRig.LEGACY),
            -1);
    unit.set(watched);
    watched.mmioWrite(0x38, 4, 0);
    watched.mmioWrite(0x20, 8, rig.machine.root());
    watched.mmioWrite(0x18, 4, 0x4000_0000L);
    watched.mmioWrite(0x18, 4, 0x8000_0000L);
    watched.port(VtdRig.SOURCE).translate(0x7000_0000L, 1);
    assertEquals(List.of(F | 1L << 62 | 6L << 32 | VtdRig.SOURCE, 2L), seen);
  }

  @Test
  @DisplayName(
      "S5 two devices, one record: one message, overflow, and after the clears all is quiet")
  void twoDevices() {
    records(1);
    rig.fault(VtdRig.SOURCE);
    rig.fault(VtdRig.OTHER);
    assertEquals(List.of("fee00000 21"), rig.sent());
    clear(0);
    rig.w32(0x34, 0x83);
    assertEquals(0, rig.r32(0x34));
    assertEquals(0, rig.r32(0x38));
  }

  @Test
  @DisplayName("nothing is recorded while translation is off")
  void translationOff() {
    rig.unmask();
    rig.fault(VtdRig.SOURCE);
    assertEquals(0, rig.r32(0x34));
    assertEquals(List.of(), rig.sent());
  }

  @ParameterizedTest
  @CsvSource({"0x38, 21", "0xa0, 22", "0xe0, 23"})
  void anEventGoesToAllSixtyFourBitsOfItsAddress(long control, String data) {
    rig.close();
    rig = VtdRig.scalable();
    rig.unmask().queue(0, true).translate();
    rig.w64(0xd0, VtdRig.PAGES);
    rig.w32(control + 12, 0x8000_0001L);
    rig.fault(VtdRig.SOURCE);
    rig.put(0x15).ring();
    rig.port(VtdRig.SOURCE).requestPage(0x1000, 1, 0, true);
    assertEquals(
        List.of("80000001fee00000 " + data),
        rig.sent().stream().filter(message -> message.endsWith(" " + data)).toList());
  }

  @Test
  void aSecondFaultOfTheRequesterInTheOnlyRecordIsNoOverflow() {
    records(1);
    rig.fault(VtdRig.SOURCE);
    rig.fault(VtdRig.SOURCE);
    assertEquals(PPF, rig.r32(0x34));
    rig.fault(VtdRig.OTHER);
    assertEquals(PPF | PFO, rig.r32(0x34));
    rig.w32(0x34, PFO);
    assertEquals(PPF, rig.r32(0x34), "the record is still there");
  }

  @Test
  void aMaskedEventThatIsSeenToIsNotSent() {
    rig.close();
    rig = VtdRig.legacy();
    rig.unmask().queue(0, false);
    rig.w32(0x38, 0x8000_0000L);
    rig.put(0x0f).ring();
    assertEquals(0xc000_0000L, rig.r32(0x38), "IP");
    rig.w64(0x88, 0);
    rig.w32(0x34, IQE);
    assertEquals(0x8000_0000L, rig.r32(0x38));
  }

  @Test
  void aRequesterWithARecordGetsNoOtherWhateverSoftwareWroteMeanwhile() {
    records(4);
    faultOf(0);
    rig.w32(0x34, 0);
    faultOf(1);
    faultOf(0);
    assertEquals(F | 1L << 62 | 1L << 32 | 0x1001, high(1));
    assertEquals(0, high(2));
    assertEquals(0, firstIndex());
    clear(0);
    faultOf(1);
    assertEquals(0, high(2));
  }
}
