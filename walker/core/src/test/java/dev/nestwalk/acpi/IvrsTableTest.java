package dev.nestwalk.acpi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** AMD's table: every kind of memory block, what each flag means, the HyperTransport window. */
final class IvrsTableTest {
  private static final int UNITY_READ_WRITE = 7;
  private static final int EXCLUSION = 8;

  private static byte[] table(int information, byte[]... blocks) {
    int length = 48;
    for (byte[] block : blocks) {
      length += block.length;
    }
    ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(new byte[] {'I', 'V', 'R', 'S'}).putInt(length).putInt(36, information).position(48);
    for (byte[] block : blocks) {
      bytes.put(block);
    }
    return repaired(bytes.array());
  }

  private static byte[] repaired(byte[] table) {
    int sum = 0;
    table[9] = 0;
    for (byte one : table) {
      sum += one;
    }
    table[9] = (byte) -sum;
    return table;
  }

  private static byte[] memory(
      int type, int flags, int device, int until, int segment, long base, long size) {
    return ByteBuffer.allocate(32)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put((byte) type)
        .put((byte) flags)
        .putShort((short) 32)
        .putShort((short) device)
        .putShort((short) until)
        .putShort((short) segment)
        .position(16)
        .putLong(base)
        .putLong(size)
        .array();
  }

  private static byte[] unit(long features2) {
    return ByteBuffer.allocate(40)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put((byte) 0x11)
        .put((byte) 0)
        .putShort((short) 40)
        .putLong(32, features2)
        .array();
  }

  private static List<Region> direct(IvrsTable table, int segment, int requesterId) {
    return table.regionsOf(segment, requesterId).stream()
        .filter(region -> region.kind() == RegionKind.DIRECT)
        .toList();
  }

  @Test
  void allSelectAndRangeNameTheirRequesters() {
    IvrsTable table =
        IvrsTable.parse(
            table(
                0,
                memory(0x20, UNITY_READ_WRITE, 0, 0, 0, 0x1000, 0x1000),
                memory(0x21, UNITY_READ_WRITE, 0x60, 0, 0, 0x3000, 0x1000),
                memory(0x22, EXCLUSION, 0x100, 0x1ff, 0, 0x5000, 0x2000),
                memory(0x21, UNITY_READ_WRITE, 0x60, 0, 1, 0x9000, 0x1000),
                memory(0x22, UNITY_READ_WRITE, 0x70, 0x70, 1, 0xb000, 0x1000)));
    assertEquals(List.of(new Region(0xb000, 0xbfff, RegionKind.DIRECT)), direct(table, 1, 0x70));
    Region all = new Region(0x1000, 0x1fff, RegionKind.DIRECT);
    Region one = new Region(0x3000, 0x3fff, RegionKind.DIRECT);
    Region range = new Region(0x5000, 0x6fff, RegionKind.DIRECT);
    assertEquals(List.of(all), direct(table, 0, 0));
    assertEquals(List.of(all, one), direct(table, 0, 0x60));
    assertEquals(List.of(all), direct(table, 0, 0xff));
    assertEquals(List.of(all, range), direct(table, 0, 0x100));
    assertEquals(List.of(all, range), direct(table, 0, 0x1ff));
    assertEquals(List.of(all), direct(table, 0, 0x200));
    assertEquals(List.of(new Region(0x9000, 0x9fff, RegionKind.DIRECT)), direct(table, 1, 0x60));
    assertEquals(
        List.of(
            new IvrsTable.Memory(0, 0, 0xffff, true, false, all),
            new IvrsTable.Memory(0, 0x60, 0x60, false, false, one),
            new IvrsTable.Memory(0, 0x100, 0x1ff, false, true, range)),
        table.memories().subList(0, 3));
  }

  @Test
  void aBlockLiesInTheTableWithItsHeader() {
    assertEquals(List.of(), IvrsTable.parse(table(0, new byte[] {0x10, 0, 4, 0})).warnings());
    byte[][] bad = {{0x10, 0, 5, 0}, {0x10, 0, 3, 0}, {0x10, 0, 4}, {0x10, 0, 0, 0}};
    String[] told = {"5 bytes, 4", "3 bytes, 4", "0 bytes, 3", "0 bytes, 4"};
    for (int i = 0; i < bad.length; i++) {
      byte[] table = table(0, unit(0), bad[i]);
      assertEquals(
          "offset 88: block of %s are left".formatted(told[i]),
          assertThrows(FirmwareException.class, () -> IvrsTable.parse(table)).getMessage());
    }
  }

  @Test
  void blocksThatReserveNothingAreWarnedOf() {
    IvrsTable table =
        IvrsTable.parse(
            table(
                0,
                memory(0x21, 0, 0x60, 0, 0, 0x1000, 0x1000),
                memory(0x21, UNITY_READ_WRITE, 0x60, 0, 0, 0x1000, 0),
                memory(0x21, UNITY_READ_WRITE, 0x60, 0, 0, -0x800, 0x1000),
                memory(0x22, UNITY_READ_WRITE, 0x60, 0x5f, 0, 0x1000, 0x1000),
                new byte[] {0x77, 0, 4, 0}));
    assertEquals(List.of(), table.memories());
    assertEquals(5, table.warnings().size(), table.warnings().toString());
  }

  @Test
  void partPagesAreRoundedUpAsLinuxDoes() {
    IvrsTable table =
        IvrsTable.parse(table(0, memory(0x21, UNITY_READ_WRITE, 8, 0, 0, 0x1800, 0x1001)));
    assertEquals(List.of(new Region(0x2000, 0x3fff, RegionKind.DIRECT)), direct(table, 0, 8));
    assertEquals(1, table.warnings().size());
  }

  @Test
  void hyperTransportWindowIsClosedUnlessEveryUnitIgnoresIt() {
    long ignores = 1L << 11;
    assertTrue(IvrsTable.parse(table(1)).hyperTransport());
    assertTrue(IvrsTable.parse(table(1, unit(ignores), unit(0))).hyperTransport());
    assertFalse(IvrsTable.parse(table(1, unit(ignores), unit(ignores))).hyperTransport());
    assertTrue(IvrsTable.parse(table(0, unit(ignores))).hyperTransport());
  }

  @Test
  void noChangeOfATableDoesMoreThanRefuseIt() {
    byte[] good =
        table(
            1,
            unit(0),
            memory(0x20, UNITY_READ_WRITE, 0, 0, 0, 0x1000, 0x1000),
            memory(0x22, EXCLUSION, 0x100, 0x1ff, 0, 0x5000, 0x2000));
    SplittableRandom random = new SplittableRandom(7);
    int read = 0;
    for (int round = 0; round < 100_000; round++) {
      byte[] bad = good.clone();
      for (int i = 0; i <= random.nextInt(4); i++) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      }
      repaired(bad);
      try {
        IvrsTable.parse(bad);
        read++;
      } catch (FirmwareException refused) {
        assertTrue(String.valueOf(refused.getMessage()).startsWith("offset "));
      }
    }
    assertTrue(read > 10_000 && read < 100_000, read + " tables were read");
    FirmwareException cut =
        assertThrows(
            FirmwareException.class, () -> IvrsTable.parse(java.util.Arrays.copyOf(good, 40)));
    assertEquals("offset 40: the file ends within the header of 48 bytes", cut.getMessage());
  }
}
