package dev.nestwalk.acpi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Texts as people paste them: groups with prompts, prefixes, quotes; acpidump; lspci. */
final class PastedTextTest {
  private static String sample(String name) throws IOException {
    return Files.readString(Scenarios.fixtures().resolve("samples/texts/" + name + ".txt"));
  }

  private static ReservedRegionsText.Group group(String name, Region... regions) {
    return new ReservedRegionsText.Group(name, List.of(regions));
  }

  @Test
  void groupsKeepTheirNames() throws IOException {
    Region relaxable = new Region(0x3bc0_0000, 0x3fff_ffff, RegionKind.DIRECT_RELAXABLE);
    assertEquals(
        List.of(group("group 0", Region.X86_MSI), group("group 1", relaxable, Region.X86_MSI)),
        ReservedRegionsText.parseGroups(sample("grep-prefix")));
    assertEquals(
        List.of(group("group 0", Region.X86_MSI), group("group 1", Region.X86_MSI)),
        ReservedRegionsText.parseGroups(sample("tail-star")));
    assertEquals(
        List.of(group("group of 0000:83:00.0", Region.X86_MSI)),
        ReservedRegionsText.parseGroups(sample("prompt")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"bom", "quoted"})
  void whatSurroundsARegionIsSkipped(String name) throws IOException {
    assertEquals(List.of(group("", Region.X86_MSI)), ReservedRegionsText.parseGroups(sample(name)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "> > 0x00000000fee00000 0x00000000feefffff msi",
        ">> 0xfee00000 0xfeefffff msi\r",
        "| 0xfee00000 0xfeefffff msi",
        "     3\t0xfee00000 0xfeefffff msi",
        "user@host:~$ cat reserved_regions\n0xfee00000 0xfeefffff msi\nuser@host:~$ ",
        "[root@host ~]# cat x\n0xfee00000 0xfeefffff msi\n[root@host ~]#",
        "```\n0xfee00000 0xfeefffff msi\n```",
        "::::::::::::::\nreserved_regions\n::::::::::::::\n0xfee00000 0xfeefffff msi",
        "reserved_regions:12:0xfee00000 0xfeefffff msi",
        "\u001b[35m\u001b[Kreserved_regions\u001b[m\u001b[K:0xfee00000 0xfeefffff msi",
        "iommu group 7:\n0xfee00000 0xfeefffff msi",
      })
  void pastedLinesGiveTheirRegion(String text) {
    assertEquals(List.of(Region.X86_MSI), ReservedRegionsText.parse(text));
  }

  @Test
  void refusedLinesAreShownShortAndPrintable() {
    String junk = "0x\u0007\u001b]0;title\u0007" + "z".repeat(100_000);
    FirmwareException refused =
        assertThrows(FirmwareException.class, () -> ReservedRegionsText.parse(junk));
    String message = String.valueOf(refused.getMessage());
    assertTrue(message.length() < 150 && message.chars().allMatch(c -> c >= ' '), message);
  }

  @Test
  void acpidumpGivesItsTablesByteForByte() throws IOException {
    List<AcpiDump.Table> tables = AcpiDump.parse(sample("acpidump"));
    assertEquals(List.of("WAET", "DMAR"), tables.stream().map(AcpiDump.Table::signature).toList());
    assertArrayEquals(
        Files.readAllBytes(Scenarios.fixtures().resolve("samples/firmware/dmar-usb-display.bin")),
        tables.get(1).bytes());
  }

  @Test
  void acpidumpWithAMissingLineIsRefusedWithTheLine() throws IOException {
    String text = sample("acpidump").replaceFirst("(?m)^ {4}0010: .*\\R", "");
    FirmwareException refused = assertThrows(FirmwareException.class, () -> AcpiDump.parse(text));
    assertEquals("line 3: offset 0x20 of table WAET, expected 0x10", refused.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "00:02.0 0300: 8086:9bc5 (rev 05) | 0 | 0x02 | 0x030000",
        "0001:00:14.0 0c03: 8086:a0ed | 1 | 0x14 | 0x0c0300",
        "00:02.0 VGA compatible controller [0300]: Intel UHD [8086:9bc5] | 0 | 0x02 | 0x030000",
      })
  void lspciGivesClasses(String line, int segment, int device, int code) {
    PciDevices devices = new PciDevices();
    assertEquals(1, devices.addLspci("some text\n" + line + "\n\tFlags: fast devsel\n"));
    assertEquals(code, devices.classOf(new DmarTable.Function(segment, 0, device, 0)));
  }

  @Test
  void lspciWithBusesIsATopology() {
    PciDevices devices = new PciDevices();
    devices.addLspci(
        """
        00:1c.4 0604: 8086:a33c (prog-if 00 [Normal decode])
        \tBus: primary=00, secondary=05, subordinate=07, sec-latency=0
        05:00.0 0c03: 1912:0014
        """);
    DmarTable.Function bridge = new DmarTable.Function(0, 0, 0x1c, 4);
    assertEquals(5, devices.secondaryBus(bridge));
    assertEquals(7, devices.subordinateBus(bridge));
    assertEquals(-1, devices.secondaryBus(new DmarTable.Function(0, 5, 0, 0)));
    DmarTable.Scope scope = new DmarTable.Scope(false, 0, List.of(0x1c, 4, 0, 0));
    assertEquals(new DmarTable.Function(0, 5, 0, 0), scope.resolve(0, devices));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "00:02.0", "00:02.0=", "00:02.0=3", "00:02.8=0300", "0:2.0=0300"})
  void otherClassesAreRefused(String text) {
    FirmwareException refused =
        assertThrows(FirmwareException.class, () -> new PciDevices().addClass(text));
    assertTrue(String.valueOf(refused.getMessage()).endsWith("as 00:02.0=0300"));
  }

  @Test
  void classesOfFourOrSixDigitsAreKeptAsSix() {
    PciDevices devices = new PciDevices();
    devices.addClass("00:02.0=0300");
    devices.addClass("0001:00:14.0=0c0330");
    DmarTable.Function graphics = new DmarTable.Function(0, 0, 2, 0);
    DmarTable.Function usb = new DmarTable.Function(1, 0, 0x14, 0);
    assertEquals(Map.of(graphics, 0x03_0000, usb, 0x0c_0330), devices.classes());
    assertEquals(0x0c_0330, devices.classOf(usb));
  }

  @Test
  void aTextIsADumpIfALineHasASignature() {
    assertTrue(AcpiDump.isDump("some words\nDMAR @ 0x0000000000000000\n    0000: 44 4d 41 52\n"));
    assertFalse(AcpiDump.isDump("0000: 44 4d 41 52\n"));
  }
}
