package dev.nestwalk.acpi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tables of real machines, odd in one way each, and what they mean. */
final class FirmwareReportsTest {
  private static byte[] bytes(String name) throws IOException {
    return Files.readAllBytes(Scenarios.fixtures().resolve("samples/firmware/" + name + ".bin"));
  }

  private static IortTable iort(String name) throws IOException {
    return IortTable.parse(bytes(name));
  }

  private static IortTable.Stream stream(String name, int requesterId) throws IOException {
    return iort(name).streamOf(0, requesterId);
  }

  @ParameterizedTest
  @CsvSource({"0, 0x40", "1, 0x40", "0xffff, 0x40"})
  void singleMappingGivesItsOutputWhateverTheRequester(int requesterId, long id)
      throws IOException {
    assertEquals(new IortTable.Stream(0x48, id), stream("iort-rc-single", requesterId));
  }

  @ParameterizedTest
  @CsvSource({
    "iort-rc-its-only, 0",
    "iort-rc-its-only, 0xffff",
    "iort-no-smmu, 8",
    "iort-pad-offset-34, 0x7c00",
    "iort-pad-offset-34, 0x7400",
    "iort-pad-offset-34, 0x5000",
  })
  void requesterMappedPastTheSmmuHasNoStreamAndNoRegion(String name, int requesterId)
      throws IOException {
    IortTable table = iort(name);
    IortTable.Stream stream = table.streamOf(0, requesterId);
    assertEquals(new IortTable.Stream(-1, -1), stream);
    assertEquals(List.of(), table.regionsOf(stream, true));
  }

  @ParameterizedTest
  @CsvSource({
    "iort-count-off-by-one, 0x3fff, 0x48, 0x3fff",
    "iort-count-off-by-one, 0x4000, 0x8c, 0x4000",
    "iort-count-off-by-one, 0x4001, 0x8c, 0x4001",
    "iort-count-off-by-one, 0x8000, 0x8c, 0x8000",
    "iort-pad-offset-34, 0x4000, 0x4c, 0x4000",
    "iort-pad-offset-34, 0x7e00, 0x4c, 0x7e00",
  })
  void lastIdOfARangeLosesToTheRangeThatBeginsThere(String name, int requesterId, int smmu, long id)
      throws IOException {
    assertEquals(new IortTable.Stream(smmu, id), stream(name, requesterId));
  }

  @Test
  void rmrBelowRevision5IsIgnoredWithAWarning() throws IOException {
    IortTable table = iort("iort-rmr-rev3");
    assertEquals(List.of(), table.rmrs());
    assertEquals(
        List.of("offset 196: RMR in a table of revision 3, ignored: they count from revision 5 on"),
        table.warnings());
  }

  @Test
  void smmuModel1WarnsOfTheRegionThatTheMadtHas() throws IOException {
    List<String> warnings = iort("iort-hi161x").warnings();
    assertEquals(1, warnings.size());
    assertTrue(warnings.get(0).startsWith("offset 72: SMMUv3 model 1 (HiSilicon"), warnings.get(0));
  }

  @Test
  void smmusAreToldApartByNodeVersionAndBase() throws IOException {
    assertEquals(
        List.of(new IortTable.Smmu(0x48, 3, 0xb01_0000), new IortTable.Smmu(0xdc, 3, 0xb1b_0000)),
        iort("iort-two-smmus-rmr").smmus());
    IortTable table = IortTable.parseLeniently(bytes("iort-checksum-field-zero"));
    assertEquals(
        List.of(
            new IortTable.Smmu(0x30, 2, 0x1500_0000),
            new IortTable.Smmu(0x37c, 2, 0x3da_0000),
            new IortTable.Smmu(0x1435, 3, 0x1540_0000)),
        table.smmus());
    assertEquals(new IortTable.Stream(0x1435, 0x7_0100), table.streamOf(7, 0x100));
  }

  @Test
  void regionsOfEqualStreamIdsBelongToTheSmmuThatTheRmrNames() throws IOException {
    IortTable table = iort("iort-two-smmus-rmr");
    Region range = new Region(0x8480_0000L, 0x84ff_ffffL, RegionKind.DIRECT_RELAXABLE);
    assertEquals(
        List.of(Region.ARM_SW_MSI, range), table.regionsOf(new IortTable.Stream(0xdc, 6), true));
    assertEquals(List.of(Region.ARM_SW_MSI), table.regionsOf(new IortTable.Stream(0x48, 6), true));
  }

  @ParameterizedTest
  @CsvSource({
    "iort-checksum-field-zero, 'offset 9: checksum: all bytes sum to 93, expected 0'",
    "dmar-rmrr-zero-length-struct-at-end, 'offset 96: structure of 0 bytes, 8 are left'",
    "dmar-pad-2-bytes-at-end, 'offset 96: structure of 0 bytes, 2 are left'",
  })
  void brokenTablesAreRefusedUnlessAskedToReadOn(String name, String fault) throws IOException {
    byte[] table = bytes(name);
    boolean dmar = name.startsWith("dmar");
    FirmwareException refused =
        assertThrows(
            FirmwareException.class,
            () -> {
              if (dmar) {
                DmarTable.parse(table);
              } else {
                IortTable.parse(table);
              }
            });
    assertEquals(fault, refused.getMessage());
    List<String> warnings =
        dmar
            ? DmarTable.parseLeniently(table).warnings()
            : IortTable.parseLeniently(table).warnings();
    assertEquals(List.of(fault + "; read on"), warnings);
    if (dmar) {
      assertEquals(1, DmarTable.parseLeniently(table).regions().size());
    }
  }

  @Test
  void rmrrWithoutPciDevicesTellsWhatItNames() throws IOException {
    DmarTable none = DmarTable.parse(bytes("dmar-rmrr-no-scope"));
    assertEquals(List.of(), none.regions().get(0).scopes());
    assertEquals(1, none.warnings().size());
    DmarTable namespace = DmarTable.parse(bytes("dmar-rmrr-scope-namespace"));
    assertEquals(
        List.of("namespace device 2 (\\_SB.PCI0.I2C1)"), namespace.regions().get(0).others());
    assertEquals(List.of(), namespace.warnings());
  }

  @Test
  void unitAtAddress0IsWarnedOf() throws IOException {
    assertEquals(
        List.of("offset 48: DRHD at 0x0: Linux gives the table up, the IOMMU stays off"),
        DmarTable.parse(bytes("dmar-drhd-at-0")).warnings());
  }

  @Test
  void ivmdBlocksAreDirectRegionsOfTheirRequesters() throws IOException {
    IvrsTable table = IvrsTable.parse(bytes("ivrs-ivmd"));
    assertEquals(List.of(), table.warnings());
    Region unity = new Region(0x7d90_0000L, 0x7d9f_ffffL, RegionKind.DIRECT);
    Region exclusion = new Region(0x75e0_0000L, 0x75e1_ffffL, RegionKind.DIRECT);
    assertEquals(
        List.of(unity, Region.X86_MSI, IvrsTable.HYPER_TRANSPORT), table.regionsOf(0, 0x60));
    assertEquals(
        List.of(exclusion, Region.X86_MSI, IvrsTable.HYPER_TRANSPORT), table.regionsOf(0, 0xc407));
    assertEquals(List.of(Region.X86_MSI, IvrsTable.HYPER_TRANSPORT), table.regionsOf(0, 0x61));
  }

  /** Cut anywhere and with any byte changed, a lenient reader gives a table or a refusal. */
  @Test
  void lenientReadersEndOnEveryDamagedTable() throws IOException {
    for (String name : new String[] {"dmar-usb-display", "iort-two-smmus-rmr", "ivrs-ivmd"}) {
      byte[] good = bytes(name);
      for (int at = 0; at < good.length; at++) {
        for (int value : new int[] {0, 1, 0x7f, 0xff}) {
          byte[] bad = good.clone();
          bad[at] = (byte) value;
          lenient(name, bad);
        }
        lenient(name, Arrays.copyOf(good, at));
      }
    }
  }

  private static void lenient(String name, byte[] table) {
    try {
      List<String> warnings =
          switch (name.substring(0, 4)) {
            case "dmar" -> DmarTable.parseLeniently(table).warnings();
            case "iort" -> IortTable.parseLeniently(table).warnings();
            default -> IvrsTable.parseLeniently(table).warnings();
          };
      assertTrue(warnings.size() <= table.length, "warnings grow beyond the table");
    } catch (FirmwareException refused) {
      assertTrue(String.valueOf(refused.getMessage()).startsWith("offset "));
    }
  }
}
