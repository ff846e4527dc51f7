package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Events and global errors, items 31 to 37 and 46 to 49 of the list. */
final class SmmuEventsTest {
  private static final long OVFLG = 1L << 31;

  private final SmmuGuest guest = new SmmuGuest();

  @AfterEach
  void close() {
    guest.close();
  }

  private void fault(int stream) {
    Port port = guest.unit.port(stream);
    assertTrue(Translation.isFault(port.translate(SmmuGuest.NOWHERE, Access.READ)));
    port.done();
  }

  @Test
  @DisplayName("31: the first record interrupts, the second not, the first after draining does")
  void interruptWhenNoLongerEmpty() {
    guest.start(SmmuGuest.ON);
    fault(SmmuGuest.STREAM);
    assertEquals(List.of("EVTQ"), guest.signals());
    assertEquals(1, guest.r(SmmuGuest.EVENTQ_PROD));
    assertEquals(0x10 | 1L << 32, guest.event(0, 0));
    assertEquals(SmmuGuest.NOWHERE, guest.event(0, 2));
    fault(SmmuGuest.STREAM);
    assertEquals(List.of(), guest.signals());
    guest.w(SmmuGuest.EVENTQ_CONS, 2);
    fault(SmmuGuest.STREAM);
    assertEquals(List.of("EVTQ"), guest.signals());
    guest.w(SmmuGuest.EVENTQ_CONS, 3);
    guest.w(0x50, 0);
    fault(SmmuGuest.STREAM);
    guest.w(0x50, 4);
    assertEquals(List.of(), guest.signals(), "enabling raises nothing for what was before");
  }

  @Test
  @DisplayName("31: as a message, written to the interrupt controller or to memory")
  void interruptAsMessage() {
    guest.start(SmmuGuest.ON);
    guest.w(0x50, 0);
    guest.w8(0xb0, SmmuGuest.DOORBELL);
    guest.w(0xb8, 0x77);
    guest.w(0x50, 4);
    fault(SmmuGuest.STREAM);
    assertEquals(List.of("fee00040 <- 77"), guest.signals());
    long place = guest.ram.allocate();
    guest.w(0x50, 0);
    guest.w8(0xb0, place + 4);
    guest.w(0x50, 4);
    guest.w(SmmuGuest.EVENTQ_CONS, 1);
    fault(SmmuGuest.STREAM);
    assertEquals(0x77L << 32, guest.ram.get(place), "32 bits");
    assertEquals(List.of(), guest.signals());
  }

  @Test
  @DisplayName("32: overflow turns OVFLG once until it is acknowledged")
  void overflow() {
    guest.log2 = 1;
    guest.start(SmmuGuest.ON);
    fault(SmmuGuest.STREAM);
    fault(SmmuGuest.STREAM);
    assertEquals(2, guest.r(SmmuGuest.EVENTQ_PROD));
    guest.signals();
    fault(SmmuGuest.STREAM);
    assertEquals(2 | OVFLG, guest.r(SmmuGuest.EVENTQ_PROD));
    assertEquals(0, guest.r(0x60), "no global error");
    assertEquals(List.of(), guest.signals(), "no interrupt");
    fault(SmmuGuest.STREAM);
    assertEquals(2 | OVFLG, guest.r(SmmuGuest.EVENTQ_PROD), "before the acknowledgement");
    guest.w(SmmuGuest.EVENTQ_CONS, 0 | OVFLG);
    fault(SmmuGuest.STREAM);
    assertEquals(2, guest.r(SmmuGuest.EVENTQ_PROD), "after it, turned back");
  }

  @Test
  @DisplayName("33: with room, records are written although the overflow is not acknowledged")
  void recordsAfterRoom() {
    guest.log2 = 0;
    guest.start(SmmuGuest.ON);
    fault(SmmuGuest.STREAM);
    fault(SmmuGuest.STREAM);
    assertEquals(1 | OVFLG, guest.r(SmmuGuest.EVENTQ_PROD));
    guest.w(SmmuGuest.EVENTQ_CONS, 1);
    fault(SmmuGuest.ATS);
    assertEquals(OVFLG, guest.r(SmmuGuest.EVENTQ_PROD));
    assertEquals(0x10 | 3L << 32, guest.event(0, 0));
  }

  @Test
  @DisplayName("34: while EVENTQEN = 0 records are lost without overflow")
  void lostWhileOff() {
    guest.start(SmmuGuest.ON & ~4);
    fault(SmmuGuest.STREAM);
    assertEquals(0, guest.r(SmmuGuest.EVENTQ_PROD));
    assertEquals("event lost while EVENTQEN=0: EVENTQ, once", guest.unit.guestErrors().toString());
    guest.w(0x20, SmmuGuest.ON);
    assertEquals(0, guest.r(SmmuGuest.EVENTQ_PROD));
    fault(SmmuGuest.STREAM);
    assertEquals(1, guest.r(SmmuGuest.EVENTQ_PROD));
  }

  @Test
  @DisplayName("35, 37: a record that memory does not take: EVENTQ_ABT, lost until acknowledged")
  void abortedRecord() {
    guest.start(SmmuGuest.ON & ~4);
    guest.w8(0xa0, 0x7f_0000_0000L | 4);
    guest.w(0x20, SmmuGuest.ON);
    fault(SmmuGuest.STREAM);
    assertEquals(0, guest.r(SmmuGuest.EVENTQ_PROD));
    assertEquals(4, guest.r(0x60));
    assertEquals(List.of("GERROR"), guest.signals());
    guest.w(0x20, SmmuGuest.ON & ~4);
    guest.w8(0xa0, guest.events | 4);
    guest.w(0x20, SmmuGuest.ON);
    fault(SmmuGuest.STREAM);
    assertEquals(0, guest.r(SmmuGuest.EVENTQ_PROD), "not acknowledged yet");
    guest.w(SmmuGuest.GERRORN, 4);
    fault(SmmuGuest.STREAM);
    assertEquals(1, guest.r(SmmuGuest.EVENTQ_PROD));
    assertEquals(List.of("EVTQ"), guest.signals());
  }

  @Test
  @DisplayName("36: C_BAD_STREAMID is recorded if CR2.RECINVSID asks for it")
  void badStreamId() {
    guest.start(SmmuGuest.ON);
    fault(0x1234);
    assertEquals(1, guest.r(SmmuGuest.EVENTQ_PROD));
    assertEquals(2 | 0x1234L << 32, guest.event(0, 0));
    guest.w(0x20, 0x1e);
    guest.w(0x2c, 0);
    guest.w(0x20, SmmuGuest.ON);
    fault(0x1234);
    assertEquals(1, guest.r(SmmuGuest.EVENTQ_PROD));
  }

  @Test
  @DisplayName("46: an error of a kind that is active is not seen again")
  void doubleError() {
    guest.start(SmmuGuest.ON);
    guest.takesMessages = false;
    guest.command(SmmuGuest.CMD_SYNC | 1 << 12, SmmuGuest.DOORBELL);
    guest.command(SmmuGuest.CMD_SYNC | 1 << 12, SmmuGuest.DOORBELL);
    assertEquals(1 << 4, guest.r(0x60));
    assertEquals(
        List.of("fee00040 <- 0", "GERROR", "fee00040 <- 0"),
        guest.signals(),
        "messages go on, the error interrupts once");
  }

  @Test
  @DisplayName("47: software may turn the bit of an inactive error; it is stored and counted")
  void acknowledgingWhatIsNotActive() {
    guest.start(SmmuGuest.ON);
    guest.w(SmmuGuest.GERRORN, 1);
    assertEquals(1, guest.r(SmmuGuest.GERRORN));
    assertEquals(0, guest.r(0x60));
    assertEquals(List.of(), guest.signals());
    assertEquals(
        "acknowledged although not active: CMDQ_ERR, once", guest.unit.guestErrors().toString());
    guest.sync();
    assertEquals(0, guest.r(SmmuGuest.CMDQ_CONS), "now it looks active");
    guest.w(SmmuGuest.GERRORN, 0);
    assertEquals(1, guest.r(SmmuGuest.CMDQ_CONS));
  }

  @Test
  @DisplayName("48: a failed message about an error is an error that sends nothing")
  void messageOfErrorAborts() {
    guest.start(SmmuGuest.ON);
    guest.w(0x50, 0);
    guest.w8(0x68, SmmuGuest.DOORBELL);
    guest.w(0x50, 1);
    guest.takesMessages = false;
    guest.command(0xff, 0);
    assertEquals(0x81, guest.r(0x60), "CMDQ_ERR and MSI_GERROR_ABT_ERR");
    assertEquals(List.of("fee00040 <- 0"), guest.signals());
  }

  @Test
  @DisplayName("48: the event queue's and the page request queue's messages abort")
  void messagesOfQueuesAbort() {
    guest.start(SmmuGuest.ON);
    guest.w(0x50, 0);
    guest.w8(0xb0, SmmuGuest.DOORBELL);
    guest.w8(0xd0, SmmuGuest.DOORBELL + 4);
    guest.w(0x50, 7);
    guest.takesMessages = false;
    fault(SmmuGuest.STREAM);
    assertEquals(1 << 5, guest.r(0x60));
    guest.unit.port(SmmuGuest.ATS).requestPage(0x1000, Access.READ, 1, true);
    assertEquals(3 << 5, guest.r(0x60));
    assertEquals(1, guest.r(SmmuGuest.PRIQ_PROD), "the entry is there");
  }

  @Test
  @DisplayName("49: service failure stops traffic, commands and events until reset")
  void serviceFailure() {
    guest.start(SmmuGuest.ON);
    Port port = guest.unit.port(SmmuGuest.STREAM);
    guest.unit.fail();
    assertEquals(List.of("GERROR"), guest.signals());
    assertEquals(1 << 8, guest.r(0x60));
    assertTrue(Translation.isFault(port.translate(SmmuGuest.IOVA, Access.READ)));
    guest.w(SmmuGuest.GERRORN, 1 << 8);
    guest.sync();
    fault(SmmuGuest.STREAM);
    assertEquals(0, guest.r(SmmuGuest.CMDQ_CONS));
    assertEquals(0, guest.r(SmmuGuest.EVENTQ_PROD));
    Port pages = guest.unit.port(SmmuGuest.ATS, 7);
    pages.requestPage(0x1000, Access.READ, 1, true);
    pages.requestPage(0, 0, 2, true);
    assertEquals(List.of("3/-1 group 1 FAILURE"), guest.signals(), "but for the stop marker");
    guest.w(0x20, 0);
    assertTrue(Translation.isFault(port.translate(SmmuGuest.IOVA, Access.READ)));
    guest.unit.reset();
    assertEquals(0, guest.r(0x60));
    assertEquals(SmmuGuest.IOVA, Translation.address(port.translate(SmmuGuest.IOVA, Access.READ)));
  }

  @Test
  @DisplayName("49: in a unit without messages the bits about them do not exist")
  void errorsOfAbsentFeatures() {
    try (SmmuGuest plain = new SmmuGuest(Map.of("IDR0", 0xd44101aL), 128)) {
      plain.w(SmmuGuest.GERRORN, 0xffff_ffffL);
      assertEquals(0x105, plain.r(SmmuGuest.GERRORN), "SFM, EVENTQ_ABT, CMDQ_ERR");
    }
  }
}
