package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Translation;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The invalidation queue (test list 16 to 26). */
final class VtdQueueTest extends WithVtdRig {
  private static final int IQE = 1 << 4;
  private static final int ICE = 1 << 5;
  private static final int ITE = 1 << 6;

  VtdQueueTest() {
    super(VtdRig.scalable());
  }

  private void assertStopped(int error, long head) {
    assertEquals(IQE, rig.r32(0x34) & IQE);
    assertEquals(error, rig.r64(0xb0) & 0xf, "IQEI");
    assertEquals(head, rig.head());
  }

  static List<Arguments> shapes() {
    List<Arguments> all = new ArrayList<>();
    for (int qs = 0; qs < 8; qs++) {
      all.add(Arguments.of(qs, false));
      all.add(Arguments.of(qs, true));
    }
    return all;
  }

  @ParameterizedTest(name = "QS {0}, 256 bits {1}")
  @MethodSource("shapes")
  @DisplayName("16 queues of every size and width wrap")
  void sizes(int qs, boolean wide) {
    rig.queue(qs, wide);
    int entries = (4096 << qs) / rig.entryBytes();
    int batch = entries / 2 + 1;
    for (int round = 1; round <= 4; round++) {
      for (int i = 1; i < batch; i++) {
        rig.put(0x11);
      }
      rig.putWait(round).ring();
      assertEquals(round, rig.status());
      assertEquals(rig.tail(), rig.head());
      assertEquals((long) round * batch % entries * rig.entryBytes(), rig.head());
    }
    assertEquals(0, rig.r32(0x34));
  }

  /** Words that are right, and the bits of both that must be 0. */
  static List<Arguments> descriptors() {
    return List.of(
        Arguments.of("context cache", 0x11L, 0L, 0xfffc_0000_0000_f1c0L, -1L),
        Arguments.of("IOTLB", 0x12L, 0L, 0xffff_ffff_0000_f100L, 0xf80L),
        Arguments.of("device-TLB", 0x03L, 0L, 0x000f_0000_ffe0_01f0L, 0xffeL),
        Arguments.of("interrupt entries", 0x04L, 0L, 0xffff_0000_07ff_f1e0L, -1L),
        Arguments.of("wait", 0x45L, 0L, 0xffff_f100L, 3L),
        Arguments.of("PASID IOTLB", 0x26L, 0L, 0xfff0_0000_0000_f1c0L, 0xf80L),
        Arguments.of("PASID cache", 0x37L, 0L, 0xfff0_0000_0000_f1c0L, -1L),
        Arguments.of("PASID device-TLB", 0x08L, 0L, 0L, 0x7feL),
        Arguments.of("page group response", 0x09L, 0L, 0xfff0_0000_0000_01e0L, ~0xfffL | 3));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("descriptors")
  @DisplayName("17 each reserved bit of each type stops the queue with IQEI 4, and nothing is done")
  void reservedBits(String name, long low, long high, long reservedLow, long reservedHigh) {
    rig.translate().unmask().queue(0, true);
    rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1);
    rig.second.map(VtdRig.IOVA, 0x31_0000L, 12, 3);
    for (int word = 0; word < 4; word++) {
      for (int bit = 0; bit < 64; bit++) {
        long mask = word == 0 ? reservedLow : word == 1 ? reservedHigh : -1;
        boolean response = name.equals("page group response") && word > 1;
        if ((mask >>> bit & 1) == 0 || response) {
          continue;
        }
        long[] words = {low, high, 0, 0};
        words[word] |= 1L << bit;
        long head = rig.head();
        rig.put(words).ring();
        assertStopped(4, head);
        assertEquals(List.of("fee00000 21"), rig.sent());
        assertEquals(rig.page, Translation.address(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 1)));
        // The slot is replaced, as Linux does it, and the queue goes on by itself.
        rig.poke64(VtdRig.QUEUE + head, 0x45);
        rig.poke64(VtdRig.QUEUE + head + 8, 0);
        rig.poke64(VtdRig.QUEUE + head + 16, 0);
        rig.poke64(VtdRig.QUEUE + head + 24, 0);
        rig.w32(0x34, IQE);
        assertEquals(rig.tail(), rig.head());
      }
    }
    assertEquals(List.of(), rig.deviceInvalidations);
    assertEquals(List.of(), rig.responses);
    rig.put(low, high).ring();
    assertEquals(0, rig.r32(0x34), "without a reserved bit it is carried out");
  }

  @ParameterizedTest
  @CsvSource({"0x01, 0", "0x02, 0", "0x32, 10", "0x06, 0", "0x16, 0", "0x27, 0", "0x05, 0"})
  @DisplayName("17 granularities that a type does not have, AM beyond MAMV, a wait for nothing")
  void granularities(long low, long high) {
    rig.translate().queue(0, true).put(low, high).ring();
    assertStopped(4, 0);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 0x11, 0",
    "2, 0x12, 0",
    "3, 3, 0",
    "4, 4, 0",
    "5, 0x45, 0",
    "6, 0x26, 5",
    "7, 0x37, 5",
    "8, 8, 5",
    "9, 9, 0"
  })
  @DisplayName("18 types of 256-bit queues alone stop a 128-bit queue with IQEI 5")
  void wrongWidth(int type, long low, int error) {
    rig.translate().queue(0, false).put(low, 0).ring();
    assertEquals(error == 0 ? 0 : IQE, rig.r32(0x34), "type " + type);
    assertEquals(error, rig.r64(0xb0));
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf, 0x200, 0xe01})
  @DisplayName("18 unknown types stop the queue with IQEI 3")
  void unknownTypes(long low) {
    for (boolean wide : new boolean[] {false, true}) {
      rig.unit.reset();
      rig.queue(0, wide).putWait(1).put(low).putWait(2).ring();
      assertStopped(3, rig.entryBytes());
      assertEquals(1, rig.status());
    }
  }

  @Test
  @DisplayName("18 descriptors of PASIDs in legacy mode stop the queue with IQEI 7")
  void wrongMode() {
    rig.w64(0x20, rig.machine.root());
    rig.w32(0x18, 0x4000_0000L);
    rig.queue(0, true).put(0x26).ring();
    assertStopped(7, 0);
  }

  @Test
  @DisplayName("19 DW=1 without SMTS and ADMS sets IQE with IQEI 5 at once")
  void wideWithoutScalableMode() {
    replace(VtdRig.legacy());
    rig.w64(0x90, VtdRig.QUEUE | 1 << 11);
    assertStopped(5, 0);
    rig.w64(0x90, VtdRig.QUEUE);
    rig.w32(0x34, IQE);
    rig.queue(0, false).putWait(3).ring();
    assertEquals(3, rig.status());
  }

  @Test
  @DisplayName("20 a tail beyond the queue stops it with IQEI 1, an unaligned one with IQEI 6")
  void badTails() {
    rig.queue(0, true);
    rig.w64(0x88, 4096);
    assertStopped(1, 0);
    rig.w64(0x88, 0);
    rig.w32(0x34, IQE);
    rig.w64(0x88, 16);
    assertStopped(6, 0);
    assertEquals(0, rig.r64(0x88));
    rig.w32(0x34, IQE);
    assertEquals(0, rig.r32(0x34));
    rig.w32(0x18, 0);
    rig.queue(0, false);
    rig.w64(0x88, 0x7fff0);
    assertStopped(1, 0);
  }

  @Test
  @DisplayName("21 a queue outside memory stops with IQEI 2")
  void queueOutsideMemory() {
    rig.queue(0, false);
    rig.w32(0x18, 0);
    rig.w64(0x88, 16);
    rig.w64(0x90, 0x7000_0000_0000L);
    rig.w32(0x18, 0x0400_0000L);
    assertStopped(2, 0);
  }

  @Test
  @DisplayName("22 a status address outside memory stops the queue at the wait")
  void statusOutsideMemory() {
    rig.queue(0, true).putWait(1).put(0x25 | 5L << 32, 0x7000_0000_0000L).ring();
    assertStopped(2, 32);
    rig.put(0x45).ring();
    assertEquals(32, rig.head());
  }

  @Test
  @DisplayName("23 while IQE is set doorbells do nothing; cleared, the queue resumes by itself")
  void stoppedQueue() {
    rig.unmask().queue(0, true).putWait(1).put(0x0d).putWait(2).ring();
    assertStopped(3, 32);
    rig.putWait(3).ring();
    assertStopped(3, 32);
    assertEquals(1, rig.status());
    rig.poke64(VtdRig.QUEUE + 32, 0x25 | 9L << 32);
    rig.poke64(VtdRig.QUEUE + 40, VtdRig.STATUS + 8);
    rig.w32(0x34, IQE);
    assertEquals(3, rig.status());
    assertEquals(9, (int) rig.peek64(VtdRig.STATUS + 8));
    assertEquals(rig.tail(), rig.head());
    assertEquals(List.of("fee00000 21"), rig.sent());
  }

  @Test
  @DisplayName("24 ITE: waits that were pending never write, the queue resumes after the clear")
  void deviceDoesNotAnswer() {
    rig.unmask().queue(0, true);
    rig.deviceAnswer = DeviceTlb.Completion.TIMED_OUT;
    rig.put(3 | 0x18L << 32, 1 | 0x1000).putWait(1).put(0x15).putWait(2).ring();
    assertEquals(ITE, rig.r32(0x34));
    assertEquals(0x18, rig.r64(0xb0) >>> 32 & 0xffff);
    assertEquals(List.of("fee00000 21"), rig.sent());
    assertEquals(List.of("18 -1 0..3fff"), rig.deviceInvalidations);
    rig.putWait(3).ring();
    assertEquals(0, rig.status());
    assertEquals(32, rig.head());
    rig.w32(0x34, ITE);
    assertEquals(3, rig.status(), "queued after the time-out");
    assertEquals(0, rig.r32(0x9c), "the wait with IF was aborted");
    assertEquals(rig.tail(), rig.head());
    assertEquals(0, rig.r32(0x34));
  }

  @Test
  @DisplayName("24 ICE: fetching goes on, IQERCD names the device, a second error changes nothing")
  void deviceAnswersNonsense() {
    rig.queue(0, true);
    rig.deviceAnswer = DeviceTlb.Completion.UNEXPECTED;
    rig.put(3 | 0x18L << 32, 0).put(3 | 0x10L << 32, 0).putWait(1).ring();
    assertEquals(ICE, rig.r32(0x34));
    assertEquals(0x18, rig.r64(0xb0) >>> 48);
    assertEquals(1, rig.status());
  }

  @ParameterizedTest
  @CsvSource({
    "0x1000, 10 -1 1000..1fff",
    "0x2001, 10 -1 2000..3fff",
    "0x1001, 10 -1 0..3fff",
    "0x7ffffffffffff001, 10 -1 0..ffffffffffffffff",
    "-4095, 10 -1 0..ffffffffffffffff"
  })
  @DisplayName("device-TLB ranges: S and the lowest zero bit of the address give the size")
  void deviceRanges(long high, String expected) {
    rig.queue(0, true).put(3 | 0x10L << 32, high).ring();
    assertEquals(List.of(expected), rig.deviceInvalidations);
  }

  @Test
  @DisplayName("device-TLB invalidations with PASID")
  void pasidDeviceRanges() {
    rig.queue(0, true).put(8 | 0x10L << 16 | 3L << 32, 0x1800 | 1).ring();
    assertEquals(List.of("10 3 0..3fff global"), rig.deviceInvalidations);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7})
  @DisplayName("25 a wait with each mixture of IF, SW and FN")
  void waits(int mixture) {
    for (boolean wide : new boolean[] {false, true}) {
      rig.unit.reset();
      rig.poke64(VtdRig.STATUS, 0);
      rig.unmask().queue(0, wide).put(5L | (long) mixture << 4 | 0x77L << 32, VtdRig.STATUS).ring();
      assertEquals((mixture & 2) != 0 ? 0x77 : 0, rig.status());
      assertEquals(mixture & 1, rig.r32(0x9c));
      assertEquals(mixture == 0 ? IQE : 0, rig.r32(0x34));
      String message = mixture == 0 ? "fee00000 21" : "fee00000 22";
      assertEquals((mixture & 1) != 0 || mixture == 0 ? List.of(message) : List.of(), rig.sent());
    }
  }

  @Test
  @DisplayName("26 while IWC is set a wait with IF raises no second event")
  void completionStays() {
    rig.unmask().queue(0, true).put(0x15).put(0x15).ring();
    assertEquals(List.of("fee00000 22"), rig.sent());
    rig.put(0x15).ring();
    assertEquals(List.of(), rig.sent());
    rig.w32(0x9c, 1);
    rig.put(0x15).ring();
    assertEquals(List.of("fee00000 22"), rig.sent());
  }

  @Test
  @DisplayName("S7 300 single submissions in a queue of 256 entries")
  void manySubmissions() {
    for (boolean wide : new boolean[] {false, true}) {
      rig.unit.reset();
      rig.queue(wide ? 1 : 0, wide);
      for (int i = 1; i <= 300; i++) {
        rig.put(0x11).putWait(i).ring();
        assertEquals(i, rig.status());
      }
    }
  }

  @Test
  @DisplayName("a drain of page requests needs ECAP.PDS, a PFSID needs ECAP.DIT")
  void absentCapabilities() {
    replace(new VtdRig(VtdRig.CAP, VtdRig.SCALABLE & ~(3L << 41)));
    rig.queue(0, true).put(0xa5, VtdRig.STATUS).ring();
    assertStopped(4, 0);
    rig.poke64(VtdRig.QUEUE, 3 | 1L << 52);
    rig.w32(0x34, IQE);
    assertStopped(4, 0);
    rig.poke64(VtdRig.QUEUE, 3);
    rig.poke64(VtdRig.QUEUE + 8, 0);
    rig.w32(0x34, IQE);
    assertEquals(0, rig.r32(0x34));
    assertTrue(
        rig.unit.guestErrors().toString().contains("IQEI 4"), rig.unit.guestErrors().toString());
  }

  @Test
  @DisplayName("without device-TLBs and page requests their descriptors are of an invalid type")
  void absentTypes() {
    replace(VtdRig.legacy());
    for (long low : new long[] {3, 8, 9}) {
      rig.unit.reset();
      rig.queue(0, false).put(low).ring();
      assertStopped(3, 0);
    }
  }

  @Test
  @DisplayName("38 after its wait completed, no DMA uses what a descriptor invalidated")
  void invalidations() {
    rig.translate().queue(0, true);
    long[][] descriptors = {
      {0x12, 0},
      {0x22 | (long) VtdRig.DOMAIN << 16, 0},
      {0x32 | (long) VtdRig.DOMAIN << 16, VtdRig.IOVA},
    };
    long target = rig.page;
    for (long[] descriptor : descriptors) {
      assertEquals(target, Translation.address(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 2)));
      target += 0x1000;
      rig.second.map(VtdRig.IOVA, target, 12, 3);
      rig.put(descriptor).putWait(1).ring();
      assertEquals(target, Translation.address(rig.dma(VtdRig.SOURCE, VtdRig.IOVA, 2)));
    }
  }
}
