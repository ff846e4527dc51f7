package dev.nestwalk.teach.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenario;
import dev.nestwalk.fixtures.ScenarioRow;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.teach.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Lines of real logs, records of real machines, structures by value: what each has to say. */
class FaultLinesTest {
  /** What the decoding of each line of fault-lines.tsv says, in the file's order. */
  private static final String[][] EXPECTED = {
    {
      "00:1a.0 (0x00d0)",
      "write, no PASID",
      "page 0x0\n",
      "0x05 LGN.2",
      "word1 0x80000005000000d0 word0 0x0\n",
      "an entry that is not there"
    },
    {
      "(0x0b00)",
      "read (older units: or atomic)",
      "0x06 LGN.3",
      "word1 0xc000000600000b00 word0 0xffffe000"
    },
    {"(0x0300)", "access    read", "0x04 LGN.1", "43 bits", "CAP.MGAW or the context's AW"},
    {"(0x0301)", "access    write", "0x02 LCT.2", "DMA aliases"},
    {"(0x006a)", "0x51 SPD.2", "scalable", "word1 0xc00000510000006a word0 0x1026a4000"},
    {"(0x2000)", "write", "0x71 SFS.2", "scalable, first stage"},
    {"(0x0101)", "0x0c LSS.2", "page 0x2231b8000", "decimal"},
    {"(0x0028)", "0x06 LGN.3", "no PASID", "PASID ffffffff", "decimal"},
    {"interrupt, not a translation", "0x25", "0x0, in FI[63:48]"},
    {"interrupt, not a translation", "0x22"},
    {"00:03.0 (0x0018)", "level 3 of the second stage, 0x0, absent", "0x05 LGN.2", "0x79 SSS.2"},
    {"(0x0300)", "level 2", "absent", "0x06 LGN.3"},
    {
      "F_TRANSLATION",
      "StreamID  0x3102",
      "STALL tag 0x7f",
      "unprivileged data read",
      "stage 1, CLASS IN",
      "input 0x0"
    },
    {"StreamID  0x180", "unprivileged data write", "input 0xffffe040", "bit 96", "S2 is 0"},
    {"StreamID  0x11", "privileged data read", "stage 1, CLASS IN", "input 0x9b0cc000"},
    {"StreamID  0x20600", "unprivileged data write", "input 0xff9bc000"},
    {"StreamID  0x8", "stage 2", "0x0000000800000010 0x0000028000000000 0x8090040 0x8090000"},
    {"C_BAD_STREAMID", "StreamID  0x900"},
    {"C_BAD_STREAMID", "StreamID  0x100"},
  };

  private static List<Finding> decode(String... lines) {
    List<Finding> findings = new ArrayList<>();
    FaultLog log = new FaultLog(findings::add);
    Arrays.stream(lines).flatMap(String::lines).forEach(log::line);
    log.end();
    return findings;
  }

  private static void assertSays(Finding finding, String... expected) {
    for (String text : expected) {
      assertTrue(finding.text().contains(text), () -> text + " is not in\n" + finding.text());
    }
  }

  @Test
  void reportedLinesAreDecoded() throws IOException {
    List<String> lines =
        Files.readAllLines(Scenarios.fixtures().resolve("samples/fault-lines.tsv")).stream()
            .filter(line -> !line.startsWith("#"))
            .toList();
    assertEquals(EXPECTED.length, lines.size());
    for (int i = 0; i < lines.size(); i++) {
      List<Finding> findings = decode(lines.get(i).split("\t", -1)[1]);
      assertEquals(1, findings.size(), lines.get(i));
      assertSays(findings.get(0), EXPECTED[i]);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "DMAR: [DMA Read PASID 0x1] Request device [6a:01.0] fault addr 0x7f0000 [fault reason"
            + " 0x71] SM: x | PASID     0x1 ; word1 0xc000017180006a08 ; --pasid 0x1",
        "DMAR: [DMA Write] Request device [0000:6a:01.0] PASID 5 fault addr 1000 [fault reason 113]"
            + " x | 0x71 SFS.2 ; PASID     0x5",
        "DMAR: [DMA Read NO_PASID] Request device [0x00:0x02.0] fault addr 0x70ad5000 [fault reason"
            + " 0x07] x | 0x07 LSS.1 ; (0x0010) ; page 0x70ad5000",
        "DMAR: [INTR-REMAP] Request device [0xf0:0x1f.7] fault index 0x2 [fault reason 0x22] x |"
            + " f0:1f.7 ; 0x22",
        "qemu: vtd_iova_to_fspte: detected non canonical IOVA (iova=0x8000000000000000,pasid=0x0) |"
            + " 0x80 SGN.1 ; PASID     0x0",
        "qemu: vtd_iova_to_flpte: detected flpte reserved non-zero (iova=0x1000, level=0x1,"
            + " flpte=0x80000000001, pasid=0x1) | 0x72 SFS.3",
        "DMAR:[INTR-REMAP] Request device [[f0:1f.7] fault index ffff | ",
        "dmar: DRHD: handling fault status reg 3 | PFO ; PPF",
        "vtd_dmar_fault sid 0x18 fault 5 addr 0x1234 write 1 | (0x0018) ; 0x05 LGN.2 ; page 0x1000",
        "vtd_frr_new index 0 high 0xc000000600000018 low 0x1000 | (0x0018) ; 0x06 LGN.3 ; page"
            + " 0x1000",
        "qemu: vtd_iova_to_flpte: detected flpte permission error (iova=0x1000, level=0x1,"
            + " flpte=0x8000000000000005, write=1, pasid=0x1) | 0x85 SGN.6 ; 0x8000000000000005",
        "qemu: vtd_iova_to_slpte: detected IOVA overflow (iova=0x8000000000) | 0x04 LGN.1 ; 0x84"
            + " SGN.5",
        "smmuv3_record_event F_TRANSLATION sid=0x8 | F_TRANSLATION (0x10) ; StreamID  0x8",
        "smmuv3-iommu-memory-region-8-3 translation failed for iova=0x5000 (SMMU_EVT_F_PERMISSION)"
            + " | F_PERMISSION (0x13) ; input 0x5000",
        "AMD-Vi: Event logged [IO_PAGE_FAULT device=00:13.1 domain=0x000a address=0x10 flags=0x0] |"
            + " AMD-Vi event IO_PAGE_FAULT ; not covered ; 00:13.1 ; 0x000a",
        "arm-smmu 5000.iommu: Unhandled context fault: fsr=0x402, iova=0x1000, cb=2 | SMMUv2 ; not"
            + " covered ; 0x402",
        "qemu: vtd_iommu_translate: detected translation failure (dev=00:03:00, iova=0x0) | QEMU,"
            + " vtd_iommu_translate ; 00:03:00 ; the line before",
        "arm-smmu-v3 x: unexpected global error reported (0x00000001), this could be serious |"
            + " CMDQ_ERR",
      })
  void otherFormsAreDecoded(String line, String expected) {
    List<Finding> findings = decode(line);
    if (expected == null) {
      assertEquals(List.of(), findings);
      return;
    }
    assertEquals(1, findings.size(), line);
    assertSays(findings.get(0), expected.split(" ; "));
  }

  @Test
  void faultsOverSeveralLinesArePutTogether() {
    assertSays(
        decode(
                "DMAR:[DMA Write] Request device [01:00.1] fault addr 2231b8000 ",
                "DMAR:[fault reason 05] PTE Write access is not set")
            .get(0),
        "0x05 LGN.2",
        "(0x0101)",
        "page 0x2231b8000");
    assertSays(
        decode(
                "(XEN) [VT-D]DMAR:[DMA Read] Request device [0000:00:02.0] fault addr 9bc5e000",
                "(XEN) [VT-D]DMAR: reason 0c - non-zero reserved fields in PTE")
            .get(0),
        "0x0c LSS.2",
        "(0x0010)");
    assertSays(
        decode(
                "INTR-REMAP: Request device [[ff:1f.7] fault index ff",
                "INTR-REMAP:[fault reason 34] Present field in the IRTE entry is clear")
            .get(0),
        "0x22",
        "0xff, in FI[63:48]");
    String prefix = "[  12.5] arm-smmu-v3 arm-smmu-v3.0.auto: ";
    assertSays(
        decode(
                prefix + "event 0x10 received:",
                "[  12.5] usb 1-1: reset of port 0 at 0x1234 done, 0 left, 0",
                prefix + "\t0x0000000800000010",
                prefix + "\t0x0000020000000000",
                prefix + "\t0x00000000fffff000",
                prefix + "\t0x0000000000000000")
            .get(0),
        "StreamID  0x8",
        "input 0xfffff000");
    assertSays(
        decode(
                "event: F_TRANSLATION client: 0000:00:01.0 sid: 0x8 ssid: 0x3 iova: 0x2000 ipa:"
                    + " 0x0",
                "priv data read s1 \"Input address caused fault\" stag: 0x0")
            .get(0),
        "Substream 0x3",
        "privileged data read",
        "stage 1, CLASS IN",
        "input 0x2000");
    assertSays(
        decode(
                "qemu-system-x86_64: vtd_iova_to_slpte: detected slpte permission error"
                    + " (iova=0x5000, level=0x1, slpte=0x8000001, write=1, pasid=0xffffffff)",
                "qemu-system-x86_64: vtd_iommu_translate: detected translation failure"
                    + " (dev=00:03:00, iova=0x5000)")
            .get(0),
        "(0x0018)",
        "level 1 of the second stage, 0x8000001\n",
        "0x05 LGN.2",
        "no PASID",
        "0x85 SGN.6");
  }

  @Test
  void aWholeLogIsSummedUpPerDevice() {
    List<Finding> findings = new ArrayList<>();
    FaultLog log = new FaultLog(findings::add);
    String line =
        "[%9.6f] DMAR: [DMA Write NO_PASID] Request device [%s] fault addr 0x%x000"
            + " [fault reason 0x0%d] text";
    for (int i = 0; i < 30; i++) {
      log.line("[    1.0] usb 1-1: new device");
      String device = i % 3 == 0 ? "00:02.0" : "01:00.0";
      log.line(line.formatted(100.5 + i, device, i, 5 + i % 2));
    }
    log.end();
    assertEquals(30, findings.size());
    assertEquals(60, log.lines());
    FaultLog.Device display = log.devices().get(0);
    assertEquals("00:02.0", display.name());
    assertEquals(10, display.count());
    assertEquals("100.500000", display.first());
    assertEquals("127.500000", display.last());
    assertEquals(2, display.reasons().size());
  }

  /** Every raw record of the shipped scenarios decodes to the row's own source, code, address. */
  @Test
  void recordsOfShippedScenariosDecodeToTheirRows() throws IOException {
    int seen = 0;
    List<Path> stems;
    try (Stream<Path> files = Files.walk(Scenarios.fixtures().resolve("captures"))) {
      stems = files.filter(file -> file.toString().endsWith(".elf.gz")).sorted().toList();
    }
    for (Path stem : stems) {
      Scenario scenario = Scenario.load(stem);
      for (ScenarioRow row : scenario.rows()) {
        String detail = row.detail();
        boolean vtd = detail.matches("[0-9a-f]{16}:[0-9a-f]{16}");
        if (!vtd && !detail.matches("[0-9a-f]{64}")) {
          continue;
        }
        Finding finding = Values.of(List.of(vtd ? "frcd" : "event", detail));
        assertNotNull(finding, detail);
        assertEquals(row.sourceId(), finding.source(), detail);
        assertEquals(
            row.iova() >>> 12, address(finding, vtd) >>> 12, () -> detail + finding.text());
        seen++;
      }
    }
    assertTrue(seen > 500, seen + " records");
  }

  private static long address(Finding finding, boolean vtd) {
    String record = String.valueOf(finding.facts().get("record"));
    return vtd
        ? Long.parseUnsignedLong(record.substring(record.lastIndexOf('x') + 1), 16)
        : Long.parseUnsignedLong(record.split(" ", -1)[2].substring(2), 16);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ste 0xd 0x0 | STE (SMMUv3 5.2) ; CONFIG ; 6 of 8 words are not given",
        "event 0x0000090000000002 0 0 0 | C_BAD_STREAMID ; StreamID  0x900",
        "frcd 80000005000000d0:0 | 0x05 LGN.2 ; (0x00d0)",
        "0x80000005000000d0 0x0 | 0x05 LGN.2 ; (0x00d0)",
        "0x0000090000000002 0 0 0 | C_BAD_STREAMID",
        "frcd 0x0 0x80000005000000d0 | 0x05 LGN.2 ; (0x00d0)",
        "frcd 0x80000005000000d0 0x0 | 0x05 LGN.2 ; (0x00d0)",
        "command 0x12 0x1000 | CMD_TLBI_NH_VA ; ADDRESS",
        "descriptor 0x62 0x1000 | IOTLB Invalidate Descriptor, type 2 ; DID",
        "invalidation descriptor 0x25 0x0 | Invalidation Wait Descriptor, type 5",
        "pasid table entry 0x1001 | PASID Table Entry (VT-d 9.6)",
        "root entry 0x1002 0x5 | reserved bits are set in word 1: 0x5",
        "cap 0xd2008c222f0606 | CAP (VT-d ; MGAW",
      })
  void structuresAreDecodedByValue(String text, String expected) {
    Finding finding = Values.of(List.of(text.split(" ", -1)));
    assertNotNull(finding, text);
    assertSays(finding, expected.split(" ; "));
    assertFalse(finding.fields().isEmpty());
  }

  @Test
  void unknownStructuresAndTooManyWordsAreRefused() {
    assertThrows(InputException.class, () -> Values.of(List.of("nonsense", "0x1")));
    assertThrows(InputException.class, () -> Values.of(List.of("frcd", "0x1", "0x2", "0x3")));
    assertThrows(InputException.class, () -> Values.of(List.of("descriptor", "0x0")));
    // Bits 11:9 are the upper bits of the type: none up to 9 has them.
    for (String type : List.of("0x201", "0x402", "0x801")) {
      assertThrows(InputException.class, () -> Values.of(List.of("descriptor", type, "0x0")), type);
    }
    assertEquals(null, Values.of(List.of("some", "words")));
  }

  /** Lines cut, mixed and flipped at random: never an exception, never a character to fear. */
  @Test
  void noLogDoesMoreThanBeSkipped() throws IOException {
    byte[] seed = Files.readAllBytes(Scenarios.fixtures().resolve("samples/fault-lines.tsv"));
    SplittableRandom random = new SplittableRandom(11);
    List<Finding> findings = new ArrayList<>();
    FaultLog log = new FaultLog(findings::add);
    for (int round = 0; round < 20_000; round++) {
      int at = random.nextInt(seed.length - 200);
      byte[] line = Arrays.copyOfRange(seed, at, at + 20 + random.nextInt(180));
      for (int i = random.nextInt(4); i > 0; i--) {
        line[random.nextInt(line.length)] = (byte) random.nextInt(256);
      }
      log.line(new String(line, StandardCharsets.ISO_8859_1));
    }
    log.line("x".repeat(10_000_000));
    log.end();
    assertTrue(findings.size() > 100, findings.size() + " findings");
    for (Finding finding : findings) {
      assertTrue(finding.text().chars().allMatch(c -> c == '\n' || c >= ' ' && c < 0x7f));
    }
  }
}
