package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Each mistake of a guest is counted, by its kind and place, and does what is said besides. */
final class VtdMistakesTest {
  private static final long GO = 1L << 63;

  private VtdRig rig = VtdRig.legacy();

  @AfterEach
  void close() {
    rig.close();
  }

  private void assertCounted(String... lines) {
    assertEquals(List.of(lines), rig.unit.guestErrors().lines());
    rig.unit.guestErrors().clear();
  }

  private void scalable() {
    rig.close();
    rig = VtdRig.scalable();
  }

  @Test
  void readsWhereNoRegisterIs() {
    assertEquals(0xffff_ffffL, rig.r32(0x1000));
    assertEquals(-1, rig.r64(0x1000));
    assertCounted("read past the registers: 0x1000, 2 times");
    assertEquals(0, rig.r32(0xffc));
    assertCounted("read where no register is: 0xffc, once");
    assertEquals(0, rig.r64(0xff8));
    assertCounted("read where no register is: 0xff8, once");
    assertEquals(rig.cap, rig.r64(8));
    assertCounted();
  }

  @Test
  void writesWhereNoRegisterIs() {
    rig.w32(0x1000, 1);
    rig.w64(0x1000, 1);
    assertCounted("write past the registers: 0x1000, 2 times");
    rig.w32(0xffc, 1);
    assertCounted("write where no register is: 0xffc, once");
    rig.w64(0xff8, 1);
    assertCounted(
        "write where no register is: 0xff8, once", "write where no register is: 0xffc, once");
  }

  @Test
  void commandsWithoutWhatTheyNeed() {
    rig.w32(0x18, 0x8000_0000L);
    assertCounted("TE before SRTP, translating through the root at 0: GCMD, once");
    rig.w64(0x28, GO);
    assertCounted("reserved granularity: CCMD, once");
    rig.w64(0xf8, GO);
    assertCounted("reserved granularity: IOTLB, once");
    rig.w64(0xf0, 10);
    rig.w64(0xf8, GO | 3L << 60);
    assertCounted("address mask beyond CAP.MAMV: IVA, once");
  }

  @Test
  void aContextInvalidationByRegisterInScalableMode() {
    scalable();
    rig.translate();
    rig.w64(0x28, GO | 1L << 61);
    assertCounted("context invalidation outside legacy mode: CCMD, once");
  }

  @Test
  void queuesWhereNoMemoryIs() {
    rig.queue(0, false);
    rig.w64(0x90, VtdRig.QUEUE);
    assertCounted("written while GSTS.QIES=1, in force from the next QIE on: IQA, once");
    rig.put(0x25, 0x7000_0000_0000L).ring();
    List<String> lines = rig.unit.guestErrors().lines();
    assertTrue(
        lines.contains(
            "status of a wait cannot be written, no memory there: invalidation queue, once"),
        lines::toString);
    assertEquals(0, rig.head(), "the wait is not done");
  }

  @Test
  void pageRequestsThatNobodyTakes() {
    scalable();
    rig.w64(0xd0, VtdRig.PAGES);
    Port port = rig.port(VtdRig.SOURCE);
    port.requestPage(0x5000, 1, 7, true);
    assertCounted("page request that no queue takes: PQA, once");
    assertEquals(List.of("10 -1 7 INVALID"), rig.responses);
    assertEquals(0, rig.r32(0x34), "no fault while translation is off");
    rig.translate();
    rig.w64(0xd0, 0x7000_0000_0000L);
    port.requestPage(0x5000, 1, 7, true);
    assertCounted("entry cannot be written, no memory there: page request queue, once");
  }
}
