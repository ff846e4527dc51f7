package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Page requests, items 50 to 56 of the list. */
final class SmmuPagesTest {
  private static final long OVFLG = 1L << 31;
  private static final long LO = 1L << 31;

  private final SmmuGuest guest = new SmmuGuest();

  @AfterEach
  void close() {
    guest.close();
  }

  private void request(int pasid, int group, boolean last) {
    Port port = guest.unit.port(SmmuGuest.ATS, pasid);
    port.requestPage(0x1234_5678, Access.READ | Access.WRITE, group, last);
  }

  private long entry(int index, int word) {
    return guest.ram.get(guest.pages + 16L * index + 8L * word);
  }

  @Test
  @DisplayName("50: entries, and interrupts by LO = 0 and 1")
  void entriesAndInterrupts() {
    guest.start(SmmuGuest.ON);
    request(-1, 5, false);
    assertEquals(1, guest.r(SmmuGuest.PRIQ_PROD));
    assertEquals(3L << 60 | SmmuGuest.ATS, entry(0, 0), "R and W, no SubstreamID");
    assertEquals(0x1234_5005, entry(0, 1));
    assertEquals(List.of("PRIQ"), guest.signals());
    guest
        .unit
        .port(SmmuGuest.ATS, 0x12)
        .requestPage(0x5000, Access.READ | Access.EXECUTE | Access.PRIVILEGED, 0x1ff, true);
    assertEquals(0xdcL << 56 | 0x12L << 32 | SmmuGuest.ATS, entry(1, 0), "SSV, Last, R, X, P");
    assertEquals(0x51ff, entry(1, 1));
    assertEquals(List.of(), guest.signals(), "not empty before");
    guest.w(0x50, 0);
    guest.w(0xdc, LO);
    guest.w(0x50, 7);
    guest.w(SmmuGuest.PRIQ_CONS, 2);
    request(-1, 6, false);
    assertEquals(List.of(), guest.signals());
    request(-1, 6, true);
    assertEquals(List.of("PRIQ"), guest.signals());
    request(-1, 7, true);
    assertEquals(List.of("PRIQ"), guest.signals(), "each last one");
  }

  @Test
  @DisplayName("51: an overflow is sticky: nothing is written until acknowledged, even with room")
  void overflowIsSticky() {
    guest.log2 = 1;
    guest.start(SmmuGuest.ON);
    request(-1, 1, true);
    request(-1, 2, true);
    guest.signals();
    request(-1, 3, false);
    assertEquals(2 | OVFLG, guest.r(SmmuGuest.PRIQ_PROD));
    assertEquals(List.of(), guest.signals(), "Last = 0 is silent");
    request(-1, 3, true);
    assertEquals(List.of("3/-1 group 3 SUCCESS"), guest.signals());
    guest.w(SmmuGuest.PRIQ_CONS, 2);
    request(-1, 4, true);
    assertEquals(2 | OVFLG, guest.r(SmmuGuest.PRIQ_PROD), "room, but not acknowledged");
    assertEquals(List.of("3/-1 group 4 SUCCESS"), guest.signals());
    guest.w(SmmuGuest.PRIQ_CONS, 2 | OVFLG);
    request(-1, 5, true);
    assertEquals(3 | OVFLG, guest.r(SmmuGuest.PRIQ_PROD));
    assertEquals(List.of("PRIQ"), guest.signals());
  }

  @Test
  @DisplayName("51: with LO = 1 a last request that is lost interrupts, too")
  void lostLastRequestInterrupts() {
    guest.log2 = 0;
    guest.start(SmmuGuest.ON);
    guest.w(0x50, 0);
    guest.w(0xdc, LO);
    guest.w(0x50, 7);
    request(-1, 1, true);
    request(-1, 2, true);
    assertEquals(List.of("PRIQ", "3/-1 group 2 SUCCESS", "PRIQ"), guest.signals());
  }

  @ParameterizedTest(name = "52: PASID {0}, PPS {1}, STE {2}: {3}")
  @CsvSource({
    "-1, 0, none,    3/-1 group 2 SUCCESS",
    "7,  1, none,    3/7 group 2 SUCCESS",
    "7,  1, invalid, 3/7 group 2 SUCCESS",
    "7,  0, ppar,    3/7 group 2 SUCCESS",
    "7,  0, plain,   3/-1 group 2 SUCCESS",
    "7,  0, silent,  3/-1 group 2 SUCCESS",
    "7,  0, invalid, 3/-1 group 2 FAILURE",
  })
  void automaticAnswer(int pasid, int pps, String entry, String answer) {
    Map<String, Long> caps = Map.of("IDR3", SmmuGuest.id("IDR3") | (long) pps << 5);
    try (SmmuGuest one = new SmmuGuest(caps)) {
      one.log2 = 0;
      StreamEntry ste = new StreamEntry(entry.equals("silent") ? 0 : 4);
      switch (entry) {
        case "ppar" -> ste.set(82);
        case "invalid" -> ste.flip(0);
        default -> {}
      }
      one.machine.stream(SmmuGuest.ATS, ste);
      one.start(SmmuGuest.ON);
      Port port = one.unit.port(SmmuGuest.ATS, pasid);
      port.requestPage(0x1000, Access.READ, 1, true);
      one.signals();
      port.requestPage(0x1000, Access.READ, 2, true);
      assertEquals(List.of(answer), one.signals());
      assertEquals(0, one.r(SmmuGuest.EVENTQ_PROD));
    }
  }

  @Test
  @DisplayName("52: an STE that is invalid is recorded if CR2.REC_CFG_ATS asks for it")
  void invalidEntryIsRecorded() {
    Map<String, Long> caps = Map.of("IDR0", SmmuGuest.id("IDR0") | 1L << 23);
    try (SmmuGuest one = new SmmuGuest(caps)) {
      one.log2 = 0;
      one.start(0);
      one.w(0x2c, 8);
      one.w(0x20, SmmuGuest.ON);
      Port port = one.unit.port(SmmuGuest.INVALID, 7);
      port.requestPage(0x1000, Access.READ, 1, true);
      port.requestPage(0x1000, Access.READ, 2, true);
      assertEquals(1, one.r(SmmuGuest.EVENTQ_PROD));
      assertEquals(4 | 1 << 11 | 7 << 12 | 8L << 32, one.event(0, 0), "C_BAD_STE");
    }
  }

  @Test
  @DisplayName("52: a unit without substreams answers without PASID, not looking at the STE")
  void withoutSubstreams() {
    Map<String, Long> caps = Map.of("IDR1", SmmuGuest.id("IDR1") & ~(31L << 6));
    try (SmmuGuest one = new SmmuGuest(caps)) {
      one.log2 = 0;
      one.start(SmmuGuest.ON);
      Port port = one.unit.port(SmmuGuest.INVALID, 7);
      port.requestPage(0x1000, Access.READ, 1, true);
      one.signals();
      port.requestPage(0x1000, Access.READ, 2, true);
      assertEquals(List.of("8/-1 group 2 SUCCESS"), one.signals());
    }
  }

  @Test
  @DisplayName("53: PRIQEN without SMMUEN is acknowledged, yet every request fails")
  void withoutTranslation() {
    guest.start(SmmuGuest.ON & ~1);
    assertEquals(SmmuGuest.ON & ~1, guest.r(0x24));
    request(7, 1, true);
    request(7, 1, false);
    assertEquals(
        List.of("3/-1 group 1 FAILURE", "3/-1 group 1 FAILURE"), guest.signals(), "no PASID");
    guest.w(0x20, SmmuGuest.ON & ~2);
    request(7, 2, true);
    assertEquals(List.of("3/-1 group 2 FAILURE"), guest.signals());
  }

  @Test
  @DisplayName("54: a stop marker is queued, and never answered")
  void stopMarker() {
    guest.log2 = 0;
    guest.start(SmmuGuest.ON);
    Port port = guest.unit.port(SmmuGuest.ATS, 7);
    port.requestPage(0, 0, 3, true);
    assertEquals(0xcL << 60 | 7L << 32 | SmmuGuest.ATS, entry(0, 0));
    guest.signals();
    port.requestPage(0, 0, 3, true);
    assertEquals(List.of(), guest.signals(), "dropped under overflow");
    guest.unit.port(SmmuGuest.ATS).requestPage(0, 0, 3, true);
    assertEquals(List.of("3/-1 group 3 SUCCESS"), guest.signals(), "without PASID it is a request");
  }

  @ParameterizedTest(name = "55: CMD_PRI_RESP with Resp = {0}: {1}")
  @CsvSource({"0, FAILURE", "1, INVALID", "2, SUCCESS"})
  void responses(int resp, String code) {
    guest.start(SmmuGuest.ON);
    guest.command(0x41 | (long) SmmuGuest.ATS << 32, 0x1ff | resp << 12);
    guest.command(0x41 | 1 << 11 | 7 << 12 | (long) SmmuGuest.ATS << 32, 1 | resp << 12);
    assertEquals(List.of("3/-1 group 511 " + code, "3/7 group 1 " + code), guest.signals());
    guest.w(0x20, SmmuGuest.ON & ~1);
    guest.command(0x41 | (long) SmmuGuest.ATS << 32, 1);
    assertEquals(3, guest.r(SmmuGuest.CMDQ_CONS));
    assertEquals(List.of(), guest.signals(), "consumed, no message while SMMUEN = 0");
  }

  @Test
  @DisplayName("56: an entry that memory does not take: PRIQ_ABT, requests fail until acknowledged")
  void abortedEntry() {
    guest.start(SmmuGuest.ON & ~2);
    guest.w8(0xc0, 0x7f_0000_0000L | 4);
    guest.w(0x20, SmmuGuest.ON);
    request(7, 1, true);
    assertEquals(8, guest.r(0x60));
    assertEquals(0, guest.r(SmmuGuest.PRIQ_PROD));
    assertEquals(List.of("GERROR", "3/-1 group 1 FAILURE"), guest.signals());
    guest.w(0x20, SmmuGuest.ON & ~2);
    guest.w8(0xc0, guest.pages | 4);
    guest.w(0x20, SmmuGuest.ON);
    request(7, 1, true);
    assertEquals(List.of("3/-1 group 1 FAILURE"), guest.signals());
    guest.w(SmmuGuest.GERRORN, 8);
    request(7, 1, true);
    assertEquals(List.of("PRIQ"), guest.signals());
  }
}
