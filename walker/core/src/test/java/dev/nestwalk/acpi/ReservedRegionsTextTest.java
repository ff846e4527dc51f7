package dev.nestwalk.acpi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Linux's text of reserved regions, read and written back. */
final class ReservedRegionsTextTest {
  private static String sample(String name) throws IOException {
    return Files.readString(Scenarios.fixtures().resolve("samples/" + name));
  }

  @ParameterizedTest
  @ValueSource(strings = {"rr-intel-client.txt", "rr-amd-server.txt", "rr-arm-smmuv3.txt"})
  void samplesComeBackByteForByte(String name) throws IOException {
    String text = sample(name);
    List<Region> regions = ReservedRegionsText.parse(text);
    assertEquals(3, regions.size());
    assertEquals(text, ReservedRegionsText.print(regions));
  }

  @Test
  void softwareWindowIsToldByItsPlace() throws IOException {
    assertEquals(
        RegionKind.SW_MSI, ReservedRegionsText.parse(sample("rr-arm-smmuv3.txt")).get(0).kind());
    assertEquals(
        RegionKind.MSI, ReservedRegionsText.parse(sample("rr-intel-client.txt")).get(2).kind());
  }

  @Test
  void aRegionMayHaveOneByteOrAllOfThem() {
    assertEquals(
        List.of(new Region(0x1000, 0x1000, RegionKind.RESERVED)),
        ReservedRegionsText.parse("0x1000 0x1000 reserved\n"));
    assertEquals(
        List.of(new Region(0, -1, RegionKind.RESERVED)),
        ReservedRegionsText.parse("0x0 0xffffffffffffffff reserved\n"));
  }

  @Test
  void emptyTextIsAnEmptyList() {
    assertEquals(List.of(), ReservedRegionsText.parse(""));
    assertEquals(List.of(), ReservedRegionsText.parse("\n  \n"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0xfee00000 0xfeefffff msi # interrupts",
        "0xfee00000 0xfeefffff msi\t# 0x1000 0x1fff reserved",
        "  0xfee00000 0xfeefffff msi #",
        "7: 0xfee00000 0xfeefffff msi # of every device",
        "> 0xfee00000 0xfeefffff msi # quoted",
        "/sys/kernel/iommu_groups/1/reserved_regions:0xfee00000 0xfeefffff msi # with its file",
        "# 0x1000 0x1fff reserved\n0xfee00000 0xfeefffff msi",
        "root@host:~# cat reserved_regions\n0xfee00000 0xfeefffff msi",
        "[me@cafe1 decade2]$ cat reserved_regions\n0xfee00000 0xfeefffff msi # my own",
      })
  void commentsHideNoRegion(String text) {
    assertEquals(
        List.of(new Region(0xfee0_0000L, 0xfeef_ffffL, RegionKind.MSI)),
        ReservedRegionsText.parse(text));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0x2000 0x1fff direct | expected the last address not below the first",
        "0x0 0x1 foo | expected direct, direct-relaxable, reserved or msi, found 'foo'",
        "0 1 msi | expected 0xFIRST 0xLAST TYPE",
        "0x0 0x1 | expected 0xFIRST 0xLAST TYPE",
        "0x0 0x1 msi more | expected 0xFIRST 0xLAST TYPE",
        "0x0 0x11112222333344445 msi | expected 0xFIRST 0xLAST TYPE",
        "0x0 0x1 # msi | expected 0xFIRST 0xLAST TYPE",
        "0x0 0x1 msi $ x | expected 0xFIRST 0xLAST TYPE",
        "0x0 0x1 msi > | expected 0xFIRST 0xLAST TYPE",
        "0x0 0x1 msi% | expected direct, direct-relaxable, reserved or msi, found 'msi%'",
        "0x0 0x1 foo # bar | expected direct, direct-relaxable, reserved or msi, found 'foo'",
        "fee00000 feefffff msi # bare | expected 0xFIRST 0xLAST TYPE",
        "4: 0x0 0x1 # msi | expected 0xFIRST 0xLAST TYPE",
        "$ 0x0 0x1 msi | expected 0xFIRST 0xLAST TYPE",
      })
  void badLinesAreRefusedWithTheirNumber(String line, String expected) {
    FirmwareException refused =
        assertThrows(
            FirmwareException.class, () -> ReservedRegionsText.parse("0x0 0x1 msi\n" + line));
    String message = String.valueOf(refused.getMessage());
    assertTrue(message.startsWith("line 2: " + expected), message);
  }
}
