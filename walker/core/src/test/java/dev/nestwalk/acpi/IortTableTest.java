package dev.nestwalk.acpi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import dev.nestwalk.region.RegionList;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** IORT tables: the samples as their expectations say, broken ones refused. */
final class IortTableTest {
  private static byte[] bytes(String name) throws IOException {
    return Files.readAllBytes(Scenarios.fixtures().resolve(name));
  }

  private static IortTable sample(String name) throws IOException {
    return IortTable.parse(bytes("samples/" + name));
  }

  private static Region direct(long first, long last) {
    return new Region(first, last, RegionKind.DIRECT);
  }

  private static Region relaxable(long first, long last) {
    return new Region(first, last, RegionKind.DIRECT_RELAXABLE);
  }

  private static List<Region> regions(IortTable table, int requesterId) {
    return table.regionsOf(table.streamOf(0, requesterId), true);
  }

  @Test
  void simpleSample() throws IOException {
    IortTable table = sample("iort-simple.bin");
    assertEquals(List.of(), table.warnings());
    assertEquals(new IortTable.Stream(72, 0x200), table.streamOf(0, 0x200));
    assertEquals(
        List.of(Region.ARM_SW_MSI, direct(0x8_e000_0000L, 0x8_e01f_ffffL)), regions(table, 0x200));
    for (int function : new int[] {0x300, 0x307}) {
      assertEquals(
          List.of(
              Region.ARM_SW_MSI,
              relaxable(0xf000_0000L, 0xf000_ffffL),
              relaxable(0xf800_0000L, 0xf80f_ffffL)),
          regions(table, function));
    }
    for (int function : new int[] {0x308, 0x201}) {
      assertEquals(List.of(Region.ARM_SW_MSI), regions(table, function));
    }
    assertEquals(List.of(Region.ARM_SW_MSI), table.regionsOf(table.streamOf(0, 0x200), false));
    assertEquals(new IortTable.Stream(-1, -1), table.streamOf(1, 0x200));
  }

  @Test
  void awkwardSample() throws IOException {
    IortTable table = sample("iort-awkward.bin");
    Region first = direct(0x9000_0000L, 0x9000_ffffL);
    assertEquals(List.of(Region.ARM_SW_MSI, first), regions(table, 0x110));
    assertEquals(new IortTable.Stream(164, 8), table.streamOf(0, 0x8008));
    assertEquals(List.of(Region.ARM_SW_MSI, first), regions(table, 0x8008));
    assertEquals(List.of(Region.ARM_SW_MSI, first), regions(table, 0x800b));
    assertEquals(List.of(Region.ARM_SW_MSI), regions(table, 0x800c));
    assertEquals(
        List.of(Region.ARM_SW_MSI, relaxable(0x9100_1000L, 0x9100_2fffL)), regions(table, 0x200));
    assertEquals(
        List.of(
            Region.ARM_SW_MSI,
            direct(0x9200_0000L, 0x9202_ffffL),
            direct(0x9202_0000L, 0x9203_ffffL)),
        regions(table, 0x300));
    RegionList group = new RegionList();
    regions(table, 0x300).forEach(group::add);
    assertEquals(List.of(Region.ARM_SW_MSI, direct(0x9200_0000L, 0x9203_ffffL)), group.regions());
    assertEquals(4, table.warnings().size(), table.warnings().toString());
  }

  @Test
  void tablesOfTheCapturedMachinesAreRead() throws IOException {
    IortTable plain = IortTable.parse(bytes("captures/smmuv3/s1-4k-strict.iort.bin"));
    assertTrue(plain.streamOf(0, 8).id() >= 0);
    assertEquals(List.of(), plain.rmrs());
  }

  @Test
  void rmrNodesCountFromRevision5On() throws IOException {
    byte[] old = bytes("samples/iort-simple.bin");
    old[8] = 3;
    old[9] = (byte) (old[9] + 2);
    assertEquals(List.of(), IortTable.parse(old).rmrs());
  }

  @Test
  void anyFlippedByteBreaksTheChecksumOrIsCaughtBefore() throws IOException {
    byte[] good = bytes("samples/iort-awkward.bin");
    for (int at = 0; at < good.length; at++) {
      byte[] bad = good.clone();
      bad[at] ^= 0x10;
      assertThrows(FirmwareException.class, () -> IortTable.parse(bad), "byte " + at);
    }
    for (int length = 0; length < good.length; length++) {
      byte[] cut = Arrays.copyOf(good, length);
      assertThrows(FirmwareException.class, () -> IortTable.parse(cut), "length " + length);
    }
  }

  @Test
  void noChangeOfATableDoesMoreThanRefuseIt() throws IOException {
    byte[] good = bytes("samples/iort-awkward.bin");
    SplittableRandom random = new SplittableRandom(5);
    int read = 0;
    for (int round = 0; round < 100_000; round++) {
      byte[] bad = good.clone();
      for (int i = 0; i <= random.nextInt(4); i++) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      }
      int sum = 0;
      bad[9] = 0;
      for (byte one : bad) {
        sum += one;
      }
      bad[9] = (byte) -sum;
      try {
        IortTable.parse(bad);
        read++;
      } catch (FirmwareException refused) {
        assertTrue(String.valueOf(refused.getMessage()).startsWith("offset "));
      }
    }
    assertTrue(read > 10_000 && read < 100_000, read + " tables were read");
  }
}
