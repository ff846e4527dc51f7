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
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** DMAR tables: the samples as their expectations say, broken ones refused. */
final class DmarTableTest {
  /** Buses of the server sample: bridges 00:1c.4, 80:02.0; in segment 1 17:00.0 and 18:01.3. */
  private static final DmarTable.Topology BUSES =
      new DmarTable.Topology() {
        @Override
        public int secondaryBus(DmarTable.Function bridge) {
          return switch (bridge.toString().replaceAll("[^0-9,]", "")) {
            case "0,0,28,4" -> 5;
            case "0,128,2,0" -> 0x81;
            case "1,23,0,0" -> 0x18;
            case "1,24,1,3" -> 0x19;
            default -> -1;
          };
        }

        @Override
        public int subordinateBus(DmarTable.Function bridge) {
          return bridge.bus() == 0x80 ? 0x83 : secondaryBus(bridge);
        }
      };

  private static byte[] bytes(String name) throws IOException {
    return Files.readAllBytes(Scenarios.fixtures().resolve(name));
  }

  private static DmarTable sample(String name) throws IOException {
    return DmarTable.parse(bytes("samples/" + name));
  }

  private static DmarTable.Function function(int segment, int bus, int device, int number) {
    return new DmarTable.Function(segment, bus, device, number);
  }

  @Test
  void clientSample() throws IOException {
    DmarTable table = sample("dmar-client.bin");
    assertEquals(39, table.hostAddressWidth());
    assertEquals(List.of(), table.warnings());
    DmarTable.Function usb = function(0, 0, 0x14, 0);
    Region region = new Region(0xbdf6_e000L, 0xbdf8_4fffL, RegionKind.DIRECT_RELAXABLE);
    assertEquals(List.of(region, Region.X86_MSI), table.regionsOf(usb, 0x0c0330, BUSES));
    assertEquals(RegionKind.DIRECT, table.regionsOf(usb, 0x010802, BUSES).get(0).kind());
    Region display = new Region(0xcd80_0000L, 0xcfff_ffffL, RegionKind.DIRECT_RELAXABLE);
    assertEquals(display, table.regionsOf(function(0, 0, 2, 0), 0x030000, BUSES).get(0));
    assertEquals(
        List.of(Region.X86_MSI), table.regionsOf(function(0, 0, 0x19, 0), 0x020000, BUSES));
  }

  @Test
  void anIsaBridgeHasTheFirst16MibAfterItsRmrrsAndBeforeTheWindow() throws IOException {
    DmarTable.Function usb = function(0, 0, 0x14, 0);
    DmarTable table = sample("dmar-client.bin");
    Region rmrr = table.regionsOf(usb, 0x010802, BUSES).get(0);
    Region first16MiB = new Region(0, 0xff_ffff, RegionKind.DIRECT_RELAXABLE);
    for (int code : new int[] {0x060100, 0x0601ff}) {
      assertEquals(List.of(rmrr, first16MiB, Region.X86_MSI), table.regionsOf(usb, code, BUSES));
    }
    for (int code : new int[] {0x060000, 0x060200, 0x060400, 0x0601, 0x010601}) {
      assertEquals(List.of(rmrr, Region.X86_MSI), table.regionsOf(usb, code, BUSES));
    }
  }

  @Test
  void serverSample() throws IOException {
    DmarTable table = sample("dmar-server.bin");
    assertEquals(46, table.hostAddressWidth());
    assertEquals(4, table.regions().size());
    Region first = new Region(0x791e_0000L, 0x791e_2fffL, RegionKind.DIRECT);
    Region below = new Region(0x7b00_0000L, 0x7b7f_ffffL, RegionKind.DIRECT);
    Region high = new Region(0x60_0000_0000L, 0x60_000f_ffffL, RegionKind.DIRECT);
    assertEquals(first, only(table, function(0, 5, 0, 0)));
    assertEquals(first, only(table, function(0, 0, 0x1d, 0)));
    assertEquals(below, only(table, function(0, 0x82, 0, 0)));
    assertEquals(below, only(table, function(0, 0x80, 2, 0)));
    assertEquals(Region.X86_MSI, only(table, function(0, 0x84, 0, 0)));
    assertEquals(high, only(table, function(1, 0x19, 0, 1)));
    assertEquals(Region.X86_MSI, only(table, function(0, 0x19, 0, 1)));
    assertEquals(
        new Region(0xe8000, 0xe8ffe, RegionKind.DIRECT), only(table, function(0, 0, 0x1e, 0)));
    assertEquals(
        List.of("offset 222: RMRR 0xe8000-0xe8ffe is not made of whole pages, kept"),
        table.warnings());
  }

  /** The first region: an RMRR if there is one, else the interrupt window. */
  private static Region only(DmarTable table, DmarTable.Function device) {
    return table.regionsOf(device, 0x010802, BUSES).get(0);
  }

  @Test
  void tablesOfTheCapturedMachinesAreRead() throws IOException {
    for (String name : new String[] {"linux72-legacy-39", "linux72-scalable-fs-48"}) {
      DmarTable table = DmarTable.parse(bytes("captures/vtd/" + name + ".dmar.bin"));
      assertTrue(table.hostAddressWidth() >= 39, name);
    }
  }

  @Test
  void anyFlippedByteBreaksTheChecksumOrIsCaughtBefore() throws IOException {
    byte[] good = bytes("samples/dmar-server.bin");
    for (int at = 0; at < good.length; at++) {
      byte[] bad = good.clone();
      bad[at] ^= 0x10;
      assertThrows(FirmwareException.class, () -> DmarTable.parse(bad), "byte " + at);
    }
  }

  @Test
  void truncatedAndLengthlessTablesAreMalformed() throws IOException {
    byte[] good = bytes("samples/dmar-client.bin");
    for (int length = 0; length < good.length; length++) {
      byte[] cut = Arrays.copyOf(good, length);
      assertThrows(FirmwareException.class, () -> DmarTable.parse(cut), "length " + length);
    }
    byte[] zero = good.clone();
    zero[50] = 0;
    zero[51] = 0;
    repair(zero);
    FirmwareException refused = assertThrows(FirmwareException.class, () -> DmarTable.parse(zero));
    assertEquals("offset 48: structure of 0 bytes, 120 are left", refused.getMessage());
  }

  @Test
  void noChangeOfATableDoesMoreThanRefuseIt() throws IOException {
    byte[] good = bytes("samples/dmar-server.bin");
    SplittableRandom random = new SplittableRandom(3);
    int read = 0;
    for (int round = 0; round < 100_000; round++) {
      byte[] bad = good.clone();
      for (int i = 0; i <= random.nextInt(4); i++) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      }
      repair(bad);
      try {
        DmarTable.parse(bad);
        read++;
      } catch (FirmwareException refused) {
        assertTrue(String.valueOf(refused.getMessage()).startsWith("offset "));
      }
    }
    assertTrue(read > 10_000 && read < 100_000, read + " tables were read");
  }

  private static void repair(byte[] table) {
    int sum = 0;
    table[9] = 0;
    for (byte one : table) {
      sum += one;
    }
    table[9] = (byte) -sum;
  }
}
