package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Each mistake of a guest is counted, by its kind and place, and does what is said besides. */
final class SmmuMistakesTest {
  private final SmmuGuest guest = new SmmuGuest();

  @AfterEach
  void close() {
    guest.close();
  }

  private void assertCounted(String... lines) {
    assertEquals(List.of(lines), guest.unit.guestErrors().lines());
    guest.unit.guestErrors().clear();
  }

  @Test
  void accessesWhereNoRegisterIs() {
    assertEquals(0, guest.r(0xf00));
    assertCounted("read where no register is: 0xf00, once");
    assertEquals(0, guest.r8(0xf00));
    assertCounted(
        "read where no register is: 0xf00, once", "read where no register is: 0xf04, once");
    guest.w(0xf00, 1);
    assertCounted("write where no register is: 0xf00, once");
  }

  @Test
  void commandsInError() {
    guest.start(SmmuGuest.ON);
    guest.command(0xff, 0);
    assertCounted("CERROR_ILL, opcode 0xff: CMDQ, once");
    guest.w(0x20, SmmuGuest.ON & ~8);
    guest.w8(0x90, 0x7000_0000_0000L | guest.log2);
    guest.w(SmmuGuest.CMDQ_CONS, 0);
    guest.w(SmmuGuest.GERRORN, 1);
    guest.w(0x20, SmmuGuest.ON);
    assertCounted("CERROR_ABT, command not readable: CMDQ, once");
  }

  @Test
  void pageRequestsThatFindNoRoom() {
    guest.log2 = 0;
    guest.start(SmmuGuest.ON & ~2);
    Port port = guest.unit.port(SmmuGuest.ATS, 1);
    port.requestPage(0x5000, Access.READ, 1, false);
    assertCounted("page request while PRIQ takes none: PRIQ, once");
    guest.w(0x20, SmmuGuest.ON);
    for (int i = 0; i < 3; i++) {
      port.requestPage(0x5000, Access.READ, 1, false);
    }
    assertCounted("page request lost, queue full or overflow not acknowledged: PRIQ, 2 times");
  }

  @Test
  void aBypassWrittenWithoutUpdate() {
    guest.w(0x44, 1 << 20);
    assertCounted("write without UPDATE: GBPA, once");
  }

  @Test
  void attributesOfTablesAndQueuesInUse() {
    guest.start(SmmuGuest.ON & ~1);
    guest.w(0x28, -1);
    assertCounted("guarded write while a queue is on: CR1, once");
    guest.w(0x20, SmmuGuest.ON);
    guest.w(0x28, 0);
    assertCounted("guarded write while SMMUEN=1: CR1, once");
    guest.w(0x2c, 0);
    assertCounted("guarded write while SMMUEN=1: CR2, once");
  }

  @Test
  void eventsThatAreLostAndErrorsThatAreNotThere() {
    guest.start(SmmuGuest.ON & ~4);
    guest.w8(0xa0, 0x7000_0000_0000L | guest.log2);
    guest.w(0x20, SmmuGuest.ON);
    Port port = guest.unit.port(SmmuGuest.STREAM);
    port.translate(SmmuGuest.NOWHERE, Access.READ);
    port.translate(SmmuGuest.NOWHERE, Access.READ);
    port.done();
    assertCounted("event lost while EVENTQ_ABT_ERR is active: EVENTQ, once");
    guest.w(SmmuGuest.GERRORN, 4);
    guest.w(SmmuGuest.GERRORN, 0);
    assertCounted("acknowledged although not active: EVENTQ_ABT_ERR, once");
  }

  @Test
  void pagesHaveNoRegistersBeyondTheirFirst4KiB() {
    for (int offset : new int[] {0x1000, 0x1_1000}) {
      assertEquals(0, guest.r(offset));
      assertCounted("read where no register is: 0x%x, once".formatted(offset));
    }
  }
}
