package dev.nestwalk.acpi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.FirmwareTable;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Firmware tables whose parts are as long as they may be, or a byte shorter or longer. */
class FirmwareEdgesTest {
  private static final DmarTable.Topology ONE_BRIDGE =
      new DmarTable.Topology() {
        @Override
        public int secondaryBus(DmarTable.Function bridge) {
          return bridge.equals(new DmarTable.Function(1, 0, 2, 0)) ? 0x10 : -1;
        }

        @Override
        public int subordinateBus(DmarTable.Function bridge) {
          return secondaryBus(bridge) < 0 ? -1 : 0x12;
        }
      };

  private static ByteBuffer part(int length) {
    return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static byte[] dmar(byte[]... structures) {
    return FirmwareTable.of("DMAR", 1, 48, structures);
  }

  /**
   * An RMRR with a scope, cut or filled up to a length; the scope says that it has so many bytes.
   */
  private static byte[] rmrr(int length, long first, long last, int scopeLength) {
    byte[] whole = new byte[64];
    ByteBuffer bytes = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putShort(0, (short) 1).putShort(2, (short) length).putLong(8, first).putLong(16, last);
    bytes.put(24, (byte) 1).put(25, (byte) scopeLength).put(30, (byte) 2);
    return Arrays.copyOf(whole, length);
  }

  @Test
  void anRmrrHasTwentyFourBytesAtLeast() {
    byte[] next = rmrr(32, 0x5000, 0x5fff, 8);
    for (int length = 4; length < 24; length++) {
      byte[] bad = dmar(rmrr(length, 0x1000, 0x1fff, 8), next);
      assertEquals(
          "offset 48: RMRR of %d bytes, expected 24 or more".formatted(length),
          assertThrows(FirmwareException.class, () -> DmarTable.parse(bad)).getMessage());
    }
    DmarTable least = DmarTable.parse(dmar(rmrr(24, 0x1000, 0x1fff, 8), next));
    assertEquals(List.of("offset 48: RMRR 0x1000-0x1fff names no device"), least.warnings());
    assertEquals(2, least.regions().size());
  }

  @Test
  void anRmrrOfOneByteIsOne() {
    DmarTable table = DmarTable.parse(dmar(rmrr(32, 0x1000, 0x1000, 8)));
    assertEquals(0x1000, table.regions().get(0).last());
    table = DmarTable.parse(dmar(rmrr(32, 0x1000, 0xfff, 8)));
    assertEquals(List.of(), table.regions());
    assertEquals(List.of("offset 48: RMRR 0x1000-0xfff is empty, dropped"), table.warnings());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2, 4, 6, 7, 9, 10})
  void aDeviceScopeIsEvenAndNamesAStepInside(int length) {
    byte[] bad = dmar(rmrr(32, 0x1000, 0x1fff, length));
    assertEquals(
        "offset 72: device scope of %d bytes, expected 8 or more, even, inside".formatted(length),
        assertThrows(FirmwareException.class, () -> DmarTable.parse(bad)).getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "1, 0,    true",
    "1, 0x0f, false",
    "1, 0x10, true",
    "1, 0x12, true",
    "1, 0x13, false",
    "0, 0x10, false",
    "0, 0x12, false",
    "2, 0x11, false",
  })
  void aBridgeStandsForItsBusesInItsOwnSegment(int segment, int bus, boolean applies) {
    DmarTable.Scope bridge = new DmarTable.Scope(true, 0, List.of(2, 0));
    DmarTable.Rmrr region = new DmarTable.Rmrr(1, 0x1000, 0x1fff, List.of(bridge));
    DmarTable.Function device = new DmarTable.Function(segment, bus, bus == 0 ? 2 : 5, 0);
    assertEquals(applies, region.appliesTo(device, ONE_BRIDGE));
  }

  @Test
  void regionsOfUsbAndOfEveryDisplayAreRelaxable() {
    for (int code : new int[] {0x0c0300, 0x0c0330, 0x030000, 0x038000, 0x03ffff}) {
      assertTrue(DmarTable.isRelaxable(code), Integer.toHexString(code));
    }
    for (int code : new int[] {0x0c0400, 0x0c0200, 0x02ffff, 0x040000, 0x010802, 0}) {
      assertFalse(DmarTable.isRelaxable(code), Integer.toHexString(code));
    }
  }

  /** A table that says it is longer than the file, whose bytes sum to zero nevertheless. */
  @ParameterizedTest
  @ValueSource(strings = {"DMAR", "IORT", "IVRS"})
  void aTableThatEndsBeforeItsLengthIsRefusedByThat(String name) {
    byte[] whole =
        FirmwareTable.of(name, 5, 48, part(24).put((byte) 9).putShort(2, (short) 16).array());
    byte[] cut = Arrays.copyOf(whole, whole.length - 8);
    String message =
        assertThrows(FirmwareException.class, () -> parse(name, cut, false)).getMessage();
    assertEquals("offset 4: length 72, the file has 64 bytes", message);
    assertEquals(message + "; read on", parse(name, cut, true).get(0));
  }

  private static List<String> parse(String name, byte[] table, boolean leniently) {
    return switch (name) {
      case "DMAR" ->
          (leniently ? DmarTable.parseLeniently(table) : DmarTable.parse(table)).warnings();
      case "IORT" ->
          (leniently ? IortTable.parseLeniently(table) : IortTable.parse(table)).warnings();
      default -> (leniently ? IvrsTable.parseLeniently(table) : IvrsTable.parse(table)).warnings();
    };
  }

  @Test
  void aStructureOfAHeaderAloneMayBeTheLast() {
    byte[] least = part(4).putShort((short) 9).putShort((short) 4).array();
    assertEquals(List.of(), DmarTable.parse(dmar(least, least)).warnings());
    byte[] cut = dmar(least, part(3).putShort((short) 9).put((byte) 3).array());
    assertEquals(
        "offset 52: structure of 0 bytes, 3 are left",
        assertThrows(FirmwareException.class, () -> DmarTable.parse(cut)).getMessage());
  }

  @Test
  void eachFaultOfATableIsToldOnce() {
    byte[] bad = dmar(part(6).putShort((short) 9).putShort((short) 7).array());
    bad[9]++;
    assertEquals(
        List.of(
            "offset 9: checksum: all bytes sum to 1, expected 0; read on",
            "offset 48: structure of 7 bytes, 6 are left; read on"),
        DmarTable.parseLeniently(bad).warnings());
  }

  @Test
  void anAnddOfOneByteOfNameHasOne() {
    byte[] scope = rmrr(32, 0x1000, 0x1fff, 8);
    scope[24] = 5;
    scope[28] = 2;
    for (int length = 8; length < 11; length++) {
      byte[] andd =
          part(length).putShort((short) 4).putShort((short) length).put(7, (byte) 2).array();
      Arrays.fill(andd, 8, length, (byte) 'A');
      String name = length == 8 ? "no ANDD names it" : "A".repeat(length - 8);
      assertEquals(
          List.of("namespace device 2 (%s)".formatted(name)),
          DmarTable.parse(dmar(andd, scope)).regions().get(0).others());
    }
  }

  @ParameterizedTest(name = "{0} bytes are left of a scope that says 8")
  @CsvSource({"1, 0", "5, 0", "6, 8", "7, 8"})
  void aDeviceScopeThatIsCutIsRefused(int left, int told) {
    byte[] bad = dmar(rmrr(24 + left, 0x1000, 0x1fff, 8));
    assertEquals(
        "offset 72: device scope of %d bytes, expected 8 or more, even, inside".formatted(told),
        assertThrows(FirmwareException.class, () -> DmarTable.parse(bad)).getMessage());
  }

  @Test
  void aPathThatLeadsThroughNoBridgeNamesNothing() {
    DmarTable.Scope behind = new DmarTable.Scope(true, 0, List.of(2, 0, 5, 0));
    DmarTable.Scope nowhere = new DmarTable.Scope(true, 0, List.of(3, 0, 5, 0));
    DmarTable.Function device = new DmarTable.Function(1, 0x10, 5, 0);
    for (DmarTable.Scope scope : List.of(behind, nowhere)) {
      DmarTable.Rmrr region = new DmarTable.Rmrr(1, 0x1000, 0x1fff, List.of(scope));
      assertEquals(scope.equals(behind), region.appliesTo(device, ONE_BRIDGE));
    }
  }

  /** A hierarchy may be numbered from bus 0 on. */
  @Test
  void aBridgeToBusZeroStandsForItToo() {
    DmarTable.Topology toZero =
        new DmarTable.Topology() {
          @Override
          public int secondaryBus(DmarTable.Function bridge) {
            return bridge.bus() == 0x80 ? 0 : -1;
          }

          @Override
          public int subordinateBus(DmarTable.Function bridge) {
            return bridge.bus() == 0x80 ? 1 : -1;
          }
        };
    DmarTable.Scope bridge = new DmarTable.Scope(true, 0x80, List.of(2, 0));
    DmarTable.Rmrr region = new DmarTable.Rmrr(0, 0x1000, 0x1fff, List.of(bridge));
    DmarTable.Scope behind = new DmarTable.Scope(false, 0x80, List.of(2, 0, 5, 1));
    assertEquals(new DmarTable.Function(0, 0, 5, 1), behind.resolve(0, toZero));
    for (int bus = 0; bus < 3; bus++) {
      assertEquals(bus < 2, region.appliesTo(new DmarTable.Function(0, bus, 5, 0), toZero));
    }
  }

  private static byte[] iort(byte[]... nodes) {
    return FirmwareTable.of("IORT", 5, 48, nodes);
  }

  private static byte[] node(int length) {
    return part(length).put((byte) 1).putShort((short) length).array();
  }

  @Test
  void aNodeHasSixteenBytesAtLeast() {
    assertEquals(List.of(), IortTable.parse(iort(node(16), node(16))).warnings());
    for (int length = 4; length < 16; length++) {
      byte[] bad = iort(node(16), node(length));
      assertEquals(
          "offset 64: node 2 of 2 lies outside the table",
          assertThrows(FirmwareException.class, () -> IortTable.parse(bad)).getMessage());
    }
  }

  /** An RMR node with one mapping, and one descriptor of which it holds so many bytes. */
  private static byte[] rmr(int held, long base, long size) {
    byte[] whole = new byte[96];
    ByteBuffer bytes = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put((byte) 6).putShort((short) (48 + held)).putInt(8, 1).putInt(12, 28);
    bytes.putInt(20, 1).putInt(24, 48).putLong(48, base).putLong(56, size);
    return Arrays.copyOf(whole, 48 + held);
  }

  @Test
  void descriptorsLieInTheirNode() {
    assertEquals(1, IortTable.parse(iort(rmr(20, 0x1_0000, 0x1_0000), node(32))).rmrs().size());
    for (int held : new int[] {0, 16, 19}) {
      byte[] bad = iort(rmr(held, 0x1_0000, 0x1_0000), node(32));
      assertEquals(
          "offset 48: 1 descriptors from byte 48 on do not lie in the node",
          assertThrows(FirmwareException.class, () -> IortTable.parse(bad)).getMessage());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0x91001800, 0x1000, 0x91001000, 0x91002fff",
    "0x91001fff, 2,      0x91001000, 0x91002fff",
    "0x91001000, 0x1001, 0x91001000, 0x91002fff",
    "0x91001000, 0x1000, 0x91001000, 0x91001fff",
    "0x91001001, 0xfff,  0x91001000, 0x91001fff",
  })
  void anRmrCoversEveryPageThatItMeets(long base, long size, long first, long last) {
    IortTable table = IortTable.parse(iort(rmr(20, base, size)));
    assertEquals(
        List.of(new Region(first, last, RegionKind.DIRECT)), table.rmrs().get(0).regions());
  }

  @Test
  void anIvmdHasThirtyTwoBytesAtLeast() {
    for (int length = 4; length < 32; length++) {
      byte[] block = part(length).put((byte) 0x20).put((byte) 7).putShort((short) length).array();
      byte[] bad =
          FirmwareTable.of("IVRS", 2, 48, block, part(40).put((byte) 0x20).put((byte) 7).array());
      assertEquals(
          "offset 48: IVMD of %d bytes, expected 32 or more".formatted(length),
          assertThrows(FirmwareException.class, () -> IvrsTable.parse(bad)).getMessage());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0x8000000, 0x80fffff, SW_MSI",
    "0x8000000, 0x80ffffe, MSI",
    "0x8000000, 0x81fffff, MSI",
    "0x7000000, 0x80fffff, MSI",
  })
  void theSoftwareWindowIsThatRangeAndNoOther(long first, long last, RegionKind kind) {
    List<Region> read = ReservedRegionsText.parse("0x%016x 0x%016x msi\n".formatted(first, last));
    assertEquals(List.of(new Region(first, last, kind)), read);
  }
}
