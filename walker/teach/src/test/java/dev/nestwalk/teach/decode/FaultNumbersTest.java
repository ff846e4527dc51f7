package dev.nestwalk.teach.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Numbers of a log line that no field can hold: the line is left out, or says them in full. */
class FaultNumbersTest {
  /** Every digit of these is the start of a sequence that no line of the forms below has. */
  private static final List<String> TOO_LONG =
      List.of("123456789abcdef01", "1234567890123456789012345");

  private static final Pattern NUMBER =
      Pattern.compile("(?<=0x)[0-9a-fA-F]+|(?<![0-9a-zA-Z])[0-9a-fA-F]+(?![0-9a-zA-Z])");

  /** One line, or several joined by a newline, of each form that is no fixture. */
  private static final List<String> FORMS =
      List.of(
          "DMAR: [DMA Read PASID 0x1] Request device [6a:01.0] fault addr 0x7f0000 [fault reason"
              + " 0x71] SM: x",
          "DMAR: [DMA Write] Request device [0000:6a:01.0] PASID 5 fault addr 1000 [fault reason"
              + " 113] x",
          "DMAR: [DMA Read NO_PASID] Request device [0x00:0x02.0] fault addr 0x70ad5000 [fault"
              + " reason 0x07] x",
          "(XEN) [VT-D]DMAR:[DMA Read] Request device [0000:00:02.0] fault addr 9bc5e000\n"
              + "(XEN) [VT-D]DMAR: reason 0c - non-zero reserved fields in PTE",
          "INTR-REMAP: Request device [[ff:1f.7] fault index ff\nINTR-REMAP:[fault reason 34] x",
          "DRHD: handling fault status reg 3",
          "DMAR: Dump dmar0 table entries for IOVA 0x1000\nDMAR: root entry: 0x0000000001000001",
          "DMAR: Dump dmar0 table entries for IOVA 0x1000\nDMAR: pte level: 2, pte value:"
              + " 0x0000000001000003",
          "DMAR: pasid table entry[0]: 0x0000000001000001",
          "DMAR: scalable mode root entry: hi 0x0000000000000000, low 0x0000000001000001",
          "qemu: vtd_iova_to_fspte: detected non canonical IOVA"
              + " (iova=0x8000000000000000,pasid=0x0)",
          "qemu: vtd_iova_to_flpte: detected flpte permission error (iova=0x1000, level=0x1,"
              + " flpte=0x8000000000000005, write=1, pasid=0x1)\n"
              + "qemu: vtd_iommu_translate: detected translation failure (dev=00:03:00,"
              + " iova=0x1000)",
          "qemu: vtd_iova_to_slpte: detected IOVA overflow (iova=0x8000000000)",
          "vtd_dmar_fault sid 0x18 fault 5 addr 0x1234 write 1",
          "vtd_frr_new index 0 high 0xc000000600000018 low 0x1000",
          "smmuv3_record_event F_TRANSLATION sid=0x8",
          "smmuv3-iommu translation failed for iova=0x5000 (SMMU_EVT_F_PERMISSION)",
          "AMD-Vi: Event logged [IO_PAGE_FAULT device=00:13.1 domain=0x000a address=0x10"
              + " flags=0x0]",
          "arm-smmu 5000.iommu: Unhandled context fault: fsr=0x402, iova=0x1000, cb=2",
          "arm-smmu-v3 x: unexpected global error reported (0x00000001), this could be serious",
          "arm-smmu-v3 x: event 0x10 received:\nx: \t0x0000000800000010\nx: \t0x0000020000000000\n"
              + "x: \t0x00000000fffff000\nx: \t0x0000000000000000",
          "event: F_TRANSLATION client: 0000:00:01.0 sid: 0x8 ssid: 0x3 iova: 0x2000 ipa: 0x0\n"
              + "priv data read s1 \"Input address caused fault\" stag: 0x1",
          "event: C_BAD_STE client: (unassigned sid) sid: 0x8 ssid: 0x0 fetch_addr: 0x2000",
          "x: sid 0x00000008.0x00001: [3L] unprivileged RW access at iova 0x0000000000002000");

  private static List<Finding> decode(String text) {
    List<Finding> findings = new ArrayList<>();
    FaultLog log = new FaultLog(findings::add);
    text.lines().forEach(log::line);
    log.end();
    assertEquals("", log.firstUnread(), text);
    return findings;
  }

  private static List<String> forms() throws IOException {
    List<String> forms = new ArrayList<>(FORMS);
    Files.readAllLines(Scenarios.fixtures().resolve("samples/fault-lines.tsv")).stream()
        .filter(line -> !line.startsWith("#"))
        .forEach(line -> forms.add(line.split("\t", -1)[1]));
    return forms;
  }

  private static List<String> replaced(String form, String by) {
    List<String> all = new ArrayList<>();
    Matcher number = NUMBER.matcher(form);
    while (number.find()) {
      all.add(form.substring(0, number.start()) + by + form.substring(number.end()));
    }
    return all;
  }

  @Test
  void everyFormIsRecognised() throws IOException {
    for (String form : forms()) {
      assertEquals(1, decode(form).size(), form);
    }
  }

  @Test
  void numbersTooLongForTheirFieldAreNeverCutShort() throws IOException {
    int tried = 0;
    for (String form : forms()) {
      for (String by : TOO_LONG) {
        for (String line : replaced(form, by)) {
          for (Finding finding : decode(line)) {
            String rest = finding.text().replace(by, "");
            assertFalse(rest.contains("1234"), () -> line + "\n" + finding.text());
            assertFalse(rest.contains("f01") && by.endsWith("f01"), () -> line + "\n" + rest);
            assertFalse(rest.contains("ffffffffffffffff"), () -> line + "\n" + finding.text());
          }
          tried++;
        }
      }
    }
    assertTrue(tried > 300, tried + " lines");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"0", "00", "ff", "999", "fffff", "ffffffff", "ffffffffffffffff", "-1", "", "0x"})
  void anyNumberGivesAnAnswerOrNone(String by) throws IOException {
    for (String form : forms()) {
      replaced(form, by).forEach(FaultNumbersTest::decode);
    }
  }

  @Test
  void aPasidOfMoreThan20BitsIsSaid() {
    String line =
        "DMAR: [DMA Read PASID 0x112345] Request device [6a:01.0] fault addr 0x7f0000 [fault"
            + " reason 0x71] x";
    String text = decode(line).get(0).text();
    assertTrue(text.contains("0x112345 is no PASID"), text);
    assertFalse(text.contains("0x12345"), text);
  }

  @Test
  void aReasonOfMoreThan8BitsIsNotCut() {
    assertEquals(List.of(), decode("vtd_dmar_fault sid 0x18 fault 261 addr 0x1234 write 1"));
  }

  @Test
  void aLineThatAReaderFailsOnEndsNoLog() {
    FaultLog.LineReader failing =
        (line, when, found) -> {
          if (line.contains("bad")) {
            throw new NumberFormatException(line);
          }
          return false;
        };
    List<Finding> findings = new ArrayList<>();
    FaultLog log = new FaultLog(findings::add, List.of(failing, new QemuLines()));
    log.line("vtd_dmar_fault sid 0x18 fault 5 addr 0x1000 write 1");
    log.line("bad vtd_dmar_fault sid 0x18 fault 5 addr 0x2000 write 1");
    log.line("worse, and bad");
    log.line("vtd_dmar_fault sid 0x18 fault 6 addr 0x3000 write 0");
    log.end();
    assertEquals(3, findings.size());
    assertEquals(3, log.devices().get(0).count());
    assertEquals(2, log.unread());
    assertTrue(log.firstUnread().startsWith("line 2 ("), log.firstUnread());
  }
}
