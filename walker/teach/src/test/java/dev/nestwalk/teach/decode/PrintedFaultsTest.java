package dev.nestwalk.teach.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Faults printed as drivers print them, field by field, are read back as those faults. The formats
 * are written down here once more: those of the readers are patterns.
 */
class PrintedFaultsTest {
  private static final String[] CLASSES = {
    "CD fetch", "Stage 1 translation table fetch", "Input address caused fault", "Reserved"
  };

  private final SplittableRandom random = new SplittableRandom(20261128);
  private final List<Finding> findings = new ArrayList<>();
  private final FaultLog log = new FaultLog(findings::add);

  private Finding only(String... lines) {
    List<Finding> found = new ArrayList<>();
    FaultLog one = new FaultLog(found::add);
    Arrays.stream(lines).forEach(one::line);
    one.end();
    assertEquals(1, found.size(), () -> String.join("\n", lines));
    return found.get(0);
  }

  private static String function(int source) {
    return "%02x:%02x.%d".formatted(source >> 8, source >> 3 & 31, source & 7);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void faultsOfTheDmarDriver(boolean old) {
    for (int n = 0; n < 400; n++) {
      int source = random.nextInt(1 << 16);
      int reason = random.nextInt(1, 256);
      boolean write = random.nextBoolean();
      long pasid = random.nextBoolean() ? -1 : random.nextInt(1 << 20);
      long address = random.nextLong() >>> random.nextInt(40);
      String direction = write ? "Write" : "Read";
      String with = pasid < 0 ? " NO_PASID" : " PASID 0x%x".formatted(pasid);
      String line =
          "DMAR: [DMA %s%s] Request device [%s] fault addr 0x%x [fault reason 0x%02x] some text"
              .formatted(direction, with, function(source), address, reason);
      if (old) {
        String trailing = pasid < 0 ? "" : " PASID %x".formatted(pasid);
        line =
            "DMAR: [DMA %s] Request device [%s]%s fault addr %x [fault reason %02d] some text"
                .formatted(direction, function(source), trailing, address, reason);
      }
      Finding expected =
          VtdFaults.translation(source, write, pasid, address, reason)
              .build("VT-d fault " + VtdFaults.reason(reason));
      Finding found = only(line);
      assertEquals(expected.facts(), found.facts(), line);
      assertEquals(expected.next(), found.next(), line);
      assertEquals(old, found.notes().stream().anyMatch(note -> note.contains("decimal")), line);
    }
  }

  @Test
  void faultsOfInterruptRemapping() {
    for (int n = 0; n < 200; n++) {
      int source = random.nextInt(1 << 16);
      int index = random.nextInt(1 << 16);
      int reason = random.nextInt(0x20, 0x29);
      Finding found =
          only(
              "DMAR: [INTR-REMAP] Request device [%s] fault index 0x%x [fault reason 0x%x] text"
                  .formatted(function(source), index, reason));
      assertEquals(source, found.source());
      assertEquals(reason, found.code());
      assertEquals("0x%x, in FI[63:48]".formatted(index), found.facts().get("index"));
    }
  }

  /** An event as the arm-smmu-v3 driver of newer kernels tells it, with its words or without. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void eventsOfTheSmmuDriver(boolean words) {
    int[] codes = {0x0b, 0x10, 0x11, 0x12, 0x13};
    for (int n = 0; n < 400; n++) {
      int code = codes[random.nextInt(codes.length)];
      long stream = random.nextInt() & 0xffff_ffffL;
      int substream = random.nextInt(3) == 0 ? 0 : random.nextInt(1, 1 << 20);
      // PnU, InD, RnW, S2, CLASS and, of a table, TTRnW: bits 97, 98, 99, 103, 105:104 and 108.
      int flags = random.nextInt(8) << 1 | random.nextInt(2) << 7 | random.nextInt(4) << 8;
      boolean table = (flags >> 8 & 3) == 1;
      flags |= table ? random.nextInt(2) << 12 : 0;
      boolean stall = random.nextBoolean();
      int tag = random.nextInt(1 << 16);
      long iova = random.nextLong() >>> random.nextInt(40);
      long third = random.nextLong() >>> 12 & -4096;
      long[] record = {
        stream << 32 | (substream == 0 ? 0 : (long) substream << 12 | 1 << 11) | code,
        (long) flags << 32 | (stall ? 1L << 31 : 0) | tag,
        iova,
        third
      };
      String[] lines = {
        "event 0x%02x received: 0x%016x 0x%016x 0x%016x 0x%016x"
            .formatted(code, record[0], record[1], record[2], record[3]),
        "event: %s client: 0000:01:00.0 sid: 0x%x ssid: 0x%x iova: 0x%x %s: 0x%x"
            .formatted(
                SmmuEvents.name(code),
                stream,
                substream,
                iova,
                code == 0x0b ? "fetch_addr" : "ipa",
                third),
        "%s %s %s s%d \"%s\"%s stag: 0x%x"
            .formatted(
                (flags & 2) != 0 ? "priv" : "unpriv",
                (flags & 4) != 0 ? "inst" : "data",
                (flags & 8) != 0 ? "read" : "write",
                (flags & 0x80) != 0 ? 2 : 1,
                CLASSES[flags >> 8 & 3],
                (table ? (flags & 0x1000) != 0 ? " ttd_read" : " ttd_write" : "")
                    + (stall ? " stall" : ""),
                tag)
      };
      Finding found = words ? only(lines) : only(lines[1], lines[2]);
      Finding expected = SmmuLines.finding(record);
      assertEquals("0000:01:00.0", found.facts().get("client"));
      expected.facts().forEach((name, value) -> assertEquals(value, found.facts().get(name), name));
      assertEquals(expected.facts().size() + 1, found.facts().size());
      assertEquals(expected.next(), found.next());
      assertEquals(expected.fields(), found.fields());
    }
  }

  /** The words of an event stand in the lines after it, among at most four of others. */
  @ParameterizedTest
  @CsvSource({"3, 1", "4, 1", "5, 0"})
  void wordsOfAnEventMayBeAmongOtherLines(int others, int expected) {
    log.line("x: event 0x10 received:");
    for (int n = 0; n < others; n++) {
      log.line("usb 1-1: new device");
    }
    for (int n = 0; n < 4; n++) {
      log.line("x: \t0x%016x".formatted(n == 0 ? 0x8_0000_0010L : n));
    }
    log.end();
    assertEquals(expected, findings.size());
  }

  private static Set<Integer> bits(Finding finding) {
    Set<Integer> bits = new LinkedHashSet<>();
    for (String fact : finding.facts().keySet()) {
      if (fact.startsWith("bit ")) {
        bits.add(Integer.valueOf(fact.substring(4)));
      }
    }
    return bits;
  }

  /** FSTS has bits 7:0 (VT-d 11.4.7.1); GERROR bits 8:2 and 0 (IHI 0070, 6.3.18). */
  @Test
  void eachBitOfAStatusIsNamed() {
    for (int bit = 0; bit < 16; bit++) {
      Finding status = only("DMAR: DRHD: handling fault status reg %x".formatted(1 << bit));
      assertEquals(bit < 8 ? Set.of(bit) : Set.of(), bits(status));
      Finding error =
          only("x: unexpected global error reported (0x%08x), this could".formatted(1 << bit));
      assertEquals(bit <= 8 && bit != 1 ? Set.of(bit) : Set.of(), bits(error));
    }
    assertEquals(Set.of(0, 1, 2, 3, 4, 5, 6, 7), bits(only("DRHD: handling fault status reg ff")));
  }

  private static String entry(int level, long value) {
    return "DMAR: pte level: %d, pte value: 0x%016x".formatted(level, value);
  }

  /** Names of the dumped structures, in their order. */
  private static List<String> structures(Finding finding) {
    return finding.fields().stream()
        .filter(field -> field.bits().endsWith(":0") && field.meaning().startsWith("VT-d 9"))
        .map(Finding.FieldValue::name)
        .toList();
  }

  /** PGTT, bits 8:6 of a PASID entry: 1 first stage, 2 second, 3 both, of which it dumps this. */
  @ParameterizedTest
  @CsvSource({"0, Second", "1, First", "2, Second", "3, Second"})
  void dumpedEntriesAreOfTheirLevelAndStage(int type, String stage) {
    List<String> lines = new ArrayList<>();
    if (type != 0) {
      for (int word = 0; word < 8; word++) {
        long value = word == 0 ? 1 | (long) type << 6 : 0;
        lines.add("DMAR: pasid table entry[%d]: 0x%016x".formatted(word, value));
      }
    }
    for (long large : new long[] {0, 1 << 7}) {
      for (int level = large == 0 ? 5 : 3; level > (large == 0 ? 0 : 1); level--) {
        List<String> dump = new ArrayList<>(lines);
        dump.add(entry(level, 0x1_0000_0003L | large));
        String[] names = {
          "PTE",
          large == 0 ? "PDPE/PDE (table)" : "PDE (2 MiB page)",
          large == 0 ? "PDPE/PDE (table)" : "PDPE (1 GiB page)",
          "PML5E/PML4E",
          "PML5E/PML4E"
        };
        String expected = stage + "-Stage " + names[level - 1];
        List<String> found = structures(only(dump.toArray(String[]::new)));
        assertEquals(expected, found.get(found.size() - 1), "level " + level);
      }
    }
  }

  /** Root, context, PASID directory and table, and five levels. */
  @Test
  void aDumpHasNoMoreEntriesThanAWalk() {
    String[] lines = new String[14];
    for (int n = 0; n < lines.length; n++) {
      lines[n] = entry(2, n << 12 | 3);
    }
    assertEquals(9, structures(only(lines)).size());
  }

  @Test
  void aDumpLeavesOutWhatIsIgnored() {
    assertTrue(
        only(entry(1, -1)).fields().stream().noneMatch(field -> field.name().equals("ignored")));
  }

  @Test
  void aTableThatIsAbsentIsADumpByItself() {
    String fault =
        "DMAR: [DMA Read NO_PASID] Request device [00:03.0] fault addr 0x1000 [fault reason 0x06]";
    Finding finding = only(fault, "DMAR: context table is not present");
    assertEquals("tables, printed after the fault", finding.facts().get("dump"));
    assertTrue(
        finding.notes().contains("Linux's walk of the tables: context table is not present"));
    assertFalse(only(fault).facts().containsKey("dump"));
  }

  /** The device of an error of QEMU's walk stands in the next line, or is not told. */
  @Test
  void anErrorOfQemuWithoutItsDeviceIsToldToo() {
    String walk =
        "qemu: vtd_iova_to_slpte: detected slpte permission error (iova=0x%x, level=0x1,"
            + " slpte=0x8000001, write=%d, pasid=0xffffffff)";
    log.line(walk.formatted(0x5000, 0));
    log.line(walk.formatted(0x6000, 1));
    log.line("qemu: vtd_iommu_translate: detected translation failure (dev=00:03:00, iova=0x6000)");
    log.line(walk.formatted(0x7000, 0));
    log.end();
    assertEquals(
        List.of("page 0x5000", "page 0x6000", "page 0x7000"),
        findings.stream().map(finding -> finding.facts().get("address")).toList());
    assertEquals(List.of("?", "00:03.0", "?"), findings.stream().map(Finding::device).toList());
    assertEquals(List.of(6, 5, 6), findings.stream().map(Finding::code).toList());
  }

  @Test
  void aSummaryTellsDevicesOfFamiliesApartInTheirOrder() {
    String smmu = "smmuv3_record_event F_TRANSLATION sid=0x%x";
    String vtd =
        "[   %d.5] DMAR: [DMA Write NO_PASID] Request device [%s] fault addr 0x1000"
            + " [fault reason 0x05] text";
    log.line("[    1.5] " + smmu.formatted(9));
    log.line(vtd.formatted(2, "00:1f.0"));
    log.line(vtd.formatted(3, "00:02.0"));
    log.line("2026-11-28T10:00:01 AMD-Vi: Event logged [IO_PAGE_FAULT device=00:02.0 address=0x1]");
    log.line("[    5.5] " + smmu.formatted(9).replace("TRANSLATION", "ACCESS"));
    log.line("Nov 28 10:00:06 host kernel: " + smmu.formatted(3));
    log.end();
    assertEquals(
        List.of(
            "smmuv3 0x9 2 1.5 5.5",
            "vtd 00:1f.0 1 2.5 2.5",
            "vtd 00:02.0 1 3.5 3.5",
            "amd 00:02.0 1 2026-11-28T10:00:01 2026-11-28T10:00:01",
            "smmuv3 0x3 1 Nov2810:00:06 Nov2810:00:06"),
        log.devices().stream()
            .map(
                device ->
                    "%s %s %d %s %s"
                        .formatted(
                            device.family(),
                            device.name(),
                            device.count(),
                            device.first(),
                            device.last()))
            .toList());
    Map<String, Long> reasons = log.devices().get(0).reasons();
    assertEquals(2, reasons.size(), reasons::toString);
  }

  @Test
  void aSummaryIsBounded() {
    int devices = (1 << 16) + 10;
    for (int device = 0; device < devices; device++) {
      log.line("smmuv3_record_event F_TRANSLATION sid=0x%x".formatted(device));
    }
    log.line("smmuv3_record_event F_TRANSLATION sid=0x0");
    log.end();
    assertEquals(devices + 1, log.findings());
    assertEquals(1 << 16, log.devices().size());
    assertEquals(2, log.devices().get(0).count());
  }

  @Test
  void whatStandsBeyond2048CharactersOfALineIsNotRead() {
    String fault = "smmuv3_record_event F_TRANSLATION sid=0x8";
    log.line(" ".repeat(2048 - fault.length()) + fault);
    assertEquals(1, log.findings());
    log.line(" ".repeat(2048) + fault);
    assertEquals(1, log.findings());
  }
}
