package dev.nestwalk.teach.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What newer kernels print beside a fault: dumped table entries, and events in words. */
class NewerKernelsTest {
  private static final String FAULT =
      "[   12.500000] DMAR: [DMA Write NO_PASID] Request device [00:03.0] fault addr 0xffffe000"
          + " [fault reason 0x05] PTE Write access is not set";

  private static final String[] LEGACY = {
    "DMAR: Dump dmar0 table entries for IOVA 0xffffe000",
    "DMAR: root entry: 0x000000000212d001",
    "DMAR: context entry: hi 0x0000000000000502, low 0x00000000026b6001",
    "DMAR: pte level: 4, pte value: 0x00000000026b7003",
    "DMAR: pte level: 3, pte value: 0x00000000026b8003",
    "DMAR: pte level: 2, pte value: 0x0000000000000000",
    "DMAR: page table not present at level 1",
  };

  private final List<Finding> findings = new ArrayList<>();
  private final FaultLog log = new FaultLog(findings::add);

  private void read(String... lines) {
    for (String line : lines) {
      log.line(line);
    }
  }

  /** Time stamps as the kernel puts before each line. */
  private static String[] at(double seconds, String... lines) {
    String[] all = lines.clone();
    for (int i = 0; i < all.length; i++) {
      all[i] = "[%12.6f] %s".formatted(seconds, all[i]);
    }
    return all;
  }

  private static void assertSays(Finding finding, String... expected) {
    for (String text : expected) {
      assertTrue(finding.text().contains(text), () -> text + " is not in\n" + finding.text());
    }
  }

  private static List<String> meanings(Finding finding, String name) {
    return finding.fields().stream()
        .filter(field -> field.name().equals(name))
        .map(Finding.FieldValue::value)
        .toList();
  }

  @Test
  void tablesDumpedAfterAFaultBelongToIt() {
    read(FAULT);
    read(at(12.5, LEGACY));
    log.end();
    assertEquals(1, findings.size());
    assertSays(
        findings.get(0),
        "0x05 LGN.2",
        "tables of dmar0 for 0xffffe000, printed after the fault",
        "Root Entry",
        "Context Entry",
        "page table not present at level 1");
    assertEquals(List.of("0x26b6 (0x26b6000)"), meanings(findings.get(0), "SSPTPTR"));
    assertEquals(3, meanings(findings.get(0), "R").size());
    assertTrue(findings.get(0).fields().stream().noneMatch(field -> field.bits().isEmpty()));
  }

  @Test
  void linesOfOthersMayComeBetween() {
    read(FAULT, "[   12.6] DMAR: Dump dmar0 table entries for IOVA 0xffffe000");
    for (int i = 1; i < LEGACY.length; i++) {
      read("[   12.6] usb 1-1: new device, 0x0000000000000000", LEGACY[i]);
    }
    read("[   13.0] a", "[   13.0] b", "[   13.0] c", "[   13.0] d", "[   14.0] e");
    assertEquals(1, findings.size(), "complete without the end of the log");
    assertEquals(3, meanings(findings.get(0), "R").size());
    log.end();
    assertEquals(1, findings.size());
    assertEquals("12.500000", log.devices().get(0).last());
  }

  @Test
  void eachFaultHasItsOwnDump() {
    String other = FAULT.replace("00:03.0", "00:04.0").replace("12.5", "99.5");
    read(FAULT);
    read(LEGACY);
    read(
        other, "DMAR: Dump dmar0 table entries for IOVA 0x1000", "DMAR: root table is not present");
    log.end();
    assertEquals(List.of("00:03.0", "00:04.0"), findings.stream().map(Finding::device).toList());
    assertSays(findings.get(1), "for 0x1000", "root table is not present");
    assertEquals(List.of(), meanings(findings.get(1), "R"));
    assertEquals("99.500000", log.devices().get(1).first());
  }

  @ParameterizedTest
  @CsvSource({"0x0000000000000041, first-stage, U/S", "0x0000000000000081, second-stage, X"})
  void scalableModeHasPasidEntriesAndAnyStage(String word, String stage, String field) {
    String[] pasid = new String[8];
    for (int i = 0; i < 8; i++) {
      String value = i == 0 ? word : i == 2 ? "0x0000000001230000" : "0x0000000000000000";
      pasid[i] = "DMAR: pasid table entry[%d]: %s".formatted(i, value);
    }
    read(FAULT.replace("0x05", "0x71"));
    read(
        "DMAR: Dump dmar1 table entries for IOVA 0x7f0000",
        "DMAR: scalable mode root entry: hi 0x0000000000000000, low 0x0000000001001001",
        "DMAR: context entry: hi 0x0000000000000000, low 0x0000000001002001",
        "DMAR: pasid dir entry: 0x0000000001003001");
    read(pasid);
    read(
        "DMAR: pte level: 4, pte value: 0x0000000001231003",
        "DMAR: pte level: 3, pte value: 0x0000000001232003",
        "DMAR: pte level: 2, pte value: 0x0000000040000083");
    log.end();
    assertEquals(1, findings.size());
    assertSays(
        findings.get(0),
        "Scalable-Mode Root Entry",
        "Scalable-Mode Context Entry",
        "PASID Directory Entry",
        "PASID Table Entry",
        "PDE (2 MiB page)");
    assertEquals(3, meanings(findings.get(0), field).size(), stage);
  }

  @Test
  void aDumpWithoutItsFaultIsShownByItself() {
    read(LEGACY);
    read("", "", "", "", "", FAULT);
    log.end();
    assertEquals(2, findings.size());
    assertSays(findings.get(0), "without the fault", "page table not present at level 1");
  }

  private static final String[] EVENT = {
    "arm-smmu-v3 9050000.smmuv3: event 0x10 received:",
    "arm-smmu-v3 9050000.smmuv3: \t0x0000000800000010",
    "arm-smmu-v3 9050000.smmuv3: \t0x0000020200000000",
    "arm-smmu-v3 9050000.smmuv3: \t0x00000000fffff000",
    "arm-smmu-v3 9050000.smmuv3: \t0x0000000000000000",
    "arm-smmu-v3 9050000.smmuv3: event: F_TRANSLATION client: 0000:00:01.0 sid: 0x8 ssid: 0 iova:"
        + " 0xfffff000 ipa: 0",
    "arm-smmu-v3 9050000.smmuv3: priv data write s1 \"Input address caused fault\" stag: 0",
  };

  @Test
  void anEventInWordsAndInTextIsOneEvent() {
    read(at(5, EVENT));
    read(at(6, EVENT));
    read(at(70, "usb 1-1: new device"));
    assertEquals(2, findings.size());
    assertSays(
        findings.get(0), "client    0000:00:01.0", "privileged data write", "input 0xfffff000");
    assertFalse(findings.get(0).text().contains("put together"));
    assertEquals("5.000000", log.devices().get(0).first());
    assertEquals("6.000000", log.devices().get(0).last());
    log.end();
    assertEquals(2, findings.size());
  }

  @Test
  void textOfAnotherStreamIsAnotherEvent() {
    read(EVENT[0], EVENT[1], EVENT[2], EVENT[3], EVENT[4]);
    read(EVENT[5].replace("sid: 0x8", "sid: 0x9"), EVENT[6]);
    log.end();
    assertEquals(List.of(8L, 9L), findings.stream().map(Finding::source).toList());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "event: C_BAD_STREAMID client: (unassigned sid) sid: 0x900 ssid: 0 | C_BAD_STREAMID ;"
            + " StreamID  0x900 ; no driver has registered",
        "event: F_CD_FETCH client: 0000:00:00.0 sid: 0 ssid: 0x5 fetch_addr: 0x81230000 |"
            + " F_CD_FETCH ; StreamID  0x0 ; Substream 0x5 ; address 0x81230000",
        "event: UNKNOWN client: x sid: 0x3 ssid: 0 | not known here ; StreamID  0x3",
        "x: EVTQ overflow detected -- events lost | event queue overflow ; events were lost",
        "x: PRIQ overflow detected -- requests lost | page request queue overflow",
        "x: \tsid 0x00000108.0x00003: [7L] unprivileged RW access at iova 0x0000000000401000 |"
            + " page request ; StreamID  0x108 ; Substream 0x3 ; 7, its last ; unprivileged RW ;"
            + " input 0x401000",
      })
  void otherLinesOfTheDriverAreDecoded(String line, String expected) {
    read(line);
    log.end();
    assertEquals(1, findings.size(), line);
    assertSays(findings.get(0), expected.split(" ; "));
  }

  @Test
  void aLineThatEndsOneFaultMayBeginAnother() {
    read(FAULT);
    read(EVENT[0] + " 0x0000000800000010 0x0 0x1000 0x0");
    read("AMD-Vi: Event logged [IO_PAGE_FAULT device=00:13.1 domain=0x000a address=0x10]");
    read(FAULT);
    log.end();
    assertEquals(
        List.of("vtd", "smmuv3", "amd", "vtd"), findings.stream().map(Finding::family).toList());
  }
}
