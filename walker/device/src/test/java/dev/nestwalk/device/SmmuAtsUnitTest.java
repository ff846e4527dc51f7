package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.AtsReply;
import dev.nestwalk.dma.Translation;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Address Translation Services at a port, items 57 to 59 of the list. */
final class SmmuAtsUnitTest {
  private static final int READ = Access.READ | Access.TRANSLATION_REQUEST;
  private static final int WRITE = Access.ATOMIC | Access.TRANSLATION_REQUEST;

  private final SmmuGuest guest = new SmmuGuest();

  @AfterEach
  void close() {
    guest.close();
  }

  private void expectEvents(SmmuGuest of, int code) {
    assertEquals(code == 0 ? 0 : 1, of.r(SmmuGuest.EVENTQ_PROD));
    if (code != 0) {
      assertEquals(code, of.event(0, 0) & 0xff);
    }
  }

  @ParameterizedTest(name = "57: translation request, CR0 {0}, stream {1}, address {2}: {3}")
  @CsvSource({
    "1e, 3, 40302000, unsupported request,               5",
    "1f, 5, 40302000, unsupported request,               0",
    "1f, 4, 40302000, unsupported request,               5",
    "1f, 1, 40302000, unsupported request,               5",
    "f,  6, 40302000, unsupported request,               5",
    "1f, 7, 40302000, completer abort,                   0",
    "1f, 8, 40302000, completer abort,                   0",
    "1f, 9999, 40302000, completer abort,                0",
    "1f, 3, 40305000, success without rights,            0",
    "1f, 3, 40302000, success 0x80000000 size=0x1000 rw, 0",
    "1f, 6, 40302000, success 0x80000000 size=0x1000 rw, 0",
  })
  void translationRequests(String cr0, String stream, String address, String reply, int event) {
    guest.start(Integer.parseInt(cr0, 16));
    Port port = guest.unit.port(Integer.parseInt(stream, 16));
    long answer = port.translate(Long.parseLong(address, 16), WRITE);
    assertEquals(reply, AtsReply.describe(answer));
    expectEvents(guest, event);
  }

  @Test
  @DisplayName("57: a page that grants less is a success with what remains")
  void lessRights() {
    guest.start(SmmuGuest.ON);
    long readOnly = SmmuGuest.NOWHERE + 4096;
    guest.tables.map(readOnly, SmmuGuest.OUTPUT + 4096, 3, 1L << 10 | 3L << 6);
    Port port = guest.unit.port(SmmuGuest.ATS);
    assertEquals(Access.READ, AtsReply.rights(port.translate(readOnly, WRITE)));
    assertEquals(Access.READ, AtsReply.rights(port.translate(readOnly, READ)));
    expectEvents(guest, 0);
  }

  @ParameterizedTest(name = "57: configuration errors are recorded if CR2 is {0}: stream {1}: {2}")
  @CsvSource({"8, 7, a", "8, 8, 4", "8, 9999, 0", "a, 9999, 2", "2, 7, 0"})
  void recordedConfigurationErrors(String cr2, String stream, String event) {
    Map<String, Long> caps = Map.of("IDR0", SmmuGuest.id("IDR0") | 1L << 23);
    try (SmmuGuest one = new SmmuGuest(caps)) {
      one.start(0);
      one.w(0x2c, Long.parseLong(cr2, 16));
      one.w(0x20, SmmuGuest.ON);
      Port port = one.unit.port(Integer.parseInt(stream, 16));
      assertEquals("completer abort", AtsReply.describe(port.translate(SmmuGuest.IOVA, READ)));
      expectEvents(one, Integer.parseInt(event, 16));
    }
  }

  @ParameterizedTest(name = "57: translated access, CR0 {0}, stream {1}, address {2}: {3}")
  @CsvSource({
    "1e, 3, 80000000,        refused, 7",
    "f,  3, 80000000,        passes,  0",
    "f,  8, 80000000,        passes,  0",
    "1f, 5, 80000000,        refused, 0",
    "1f, 4, 80000000,        refused, 7",
    "1f, 1, 80000000,        refused, 7",
    "1f, 8, 80000000,        refused, 0",
    "1f, 9999, 80000000,     refused, 0",
    "1f, 3, 80000000,        passes,  0",
    "1f, 6, 80000000,        passes,  0",
    "1f, 6, 90000000,        refused, 10",
    "1f, 3, 1000000000000,   refused, 0",
    "f,  3, 1000000000000,   refused, 0",
  })
  void translatedAccesses(String cr0, String stream, String address, String end, String event) {
    guest.start(Integer.parseInt(cr0, 16));
    Port port = guest.unit.port(Integer.parseInt(stream, 16));
    long at = Long.parseLong(address, 16);
    long answer = port.translate(at, Access.READ | Access.TRANSLATED);
    assertEquals(end.equals("refused"), Translation.isFault(answer));
    if (end.equals("passes")) {
      assertEquals(at, Translation.address(answer));
    }
    expectEvents(guest, Integer.parseInt(event, 16));
  }

  @ParameterizedTest(name = "58: CMD_ATC_INV {0} {1}: {2}")
  @CsvSource({
    "40, 1, 12345000, 3/-1 drops 12344000..12345fff",
    "840, 0, 12345000, 3/0 drops 12345000..12345fff",
    "7840, 9, 12345000, 3/7 drops 12200000..123fffff",
    "240, 0, 1000,     3/-1 drops 1000..1fff",
    "a40, 0, 1000,     3/0 drops 1000..1fff global",
    "40, 34, 1000,     3/-1 drops 0..ffffffffffffffff",
    "40, 33, 1000,     3/-1 drops 0..7fffffffffffffff",
    "40, 3f, 1000,     3/-1 drops 0..ffffffffffffffff",
  })
  void invalidationsOfDevices(String w0, String size, String address, String expected) {
    guest.start(SmmuGuest.ON);
    long word = Long.parseLong(w0, 16);
    guest.command(
        word | (long) SmmuGuest.ATS << 32, Long.parseLong(address, 16) | Long.parseLong(size, 16));
    assertEquals(List.of(expected), guest.signals());
    assertEquals(1, guest.r(SmmuGuest.CMDQ_CONS));
    guest.w(0x20, SmmuGuest.ON & ~1);
    guest.command(word | (long) SmmuGuest.ATS << 32, 0);
    assertEquals(2, guest.r(SmmuGuest.CMDQ_CONS));
    assertEquals(List.of(), guest.signals(), "consumed, no message while SMMUEN = 0");
  }

  @Test
  @DisplayName("59: without ATS, CMD_ATC_INV is illegal and ATSCHK does not exist")
  void withoutAts() {
    try (SmmuGuest one = new SmmuGuest(Map.of("IDR0", SmmuGuest.id("IDR0") & ~(1L << 10)))) {
      one.start(SmmuGuest.ON);
      assertEquals(SmmuGuest.ON & ~0x10, one.r(0x24));
      one.command(0x40 | (long) SmmuGuest.ATS << 32, 0);
      assertEquals(1L << 24, one.r(SmmuGuest.CMDQ_CONS));
      Port port = one.unit.port(SmmuGuest.ATS);
      assertEquals("unsupported request", AtsReply.describe(port.translate(SmmuGuest.IOVA, READ)));
    }
  }
}
