package dev.nestwalk.live;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.acpi.DmarTable;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What firmware tells the guest, read back by readers of their own. */
final class TablesTest {
  @Test
  void dmarTellsRegistersScopeAndReservedRegions() {
    byte[] table =
        Dmar.bytes(
            46,
            0xfebf_c000L,
            List.of(0x18, 0x20),
            List.of(new Dmar.Reserved(0x18, 0x1000_0000L, 0x1000_ffffL)));
    byte sum = 0;
    for (byte b : table) {
      sum += b;
    }
    assertEquals(0, sum, "checksum");
    ByteBuffer in = ByteBuffer.wrap(table).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    assertEquals(table.length, in.getInt(4));
    assertEquals(45, in.get(36), "host address width - 1");
    assertEquals(0, in.getShort(48), "DRHD");
    assertEquals(32, in.getShort(50));
    assertEquals(0, in.get(52), "no INCLUDE_PCI_ALL");
    assertEquals(0xfebf_c000L, in.getLong(56));
    DmarTable read = DmarTable.parse(table);
    assertEquals(1, read.regions().size());
    DmarTable.Rmrr rmrr = read.regions().get(0);
    assertEquals(0x1000_0000L, rmrr.first());
    assertEquals(0x1000_ffffL, rmrr.last());
    assertEquals(List.of(3, 0), rmrr.scopes().get(0).path());
  }

  /** Properties by path, read from the flat form. */
  private static Map<String, byte[]> properties(byte[] tree) {
    ByteBuffer in = ByteBuffer.wrap(tree);
    assertEquals(0xd00dfeed, in.getInt(0));
    assertEquals(tree.length, in.getInt(4));
    int names = in.getInt(12);
    Map<String, byte[]> found = new LinkedHashMap<>();
    List<String> path = new ArrayList<>();
    in.position(in.getInt(8));
    while (true) {
      switch (in.getInt()) {
        case 1 -> {
          path.add(text(tree, in.position()));
          in.position(in.position() + path.getLast().length() + 4 & ~3);
        }
        case 2 -> path.removeLast();
        case 3 -> {
          byte[] value = new byte[in.getInt()];
          String name = text(tree, names + in.getInt());
          in.get(value);
          in.position(in.position() + 3 & ~3);
          found.put(String.join("/", path) + "/" + name, value);
        }
        case 9 -> {
          assertTrue(path.isEmpty());
          return found;
        }
        default -> throw new AssertionError("token at " + in.position());
      }
    }
  }

  private static String text(byte[] from, int at) {
    int end = at;
    while (from[end] != 0) {
      end++;
    }
    return new String(from, at, end - at, StandardCharsets.US_ASCII);
  }

  private static byte[] cells(int... cells) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * cells.length);
    for (int cell : cells) {
      bytes.putInt(cell);
    }
    return bytes.array();
  }

  @Test
  void treeTellsOfTheSmmuAndWhoIsBehindIt() {
    Map<String, byte[]> tree = properties(VirtTree.bytes(512L << 20, 0x18, 16));
    assertArrayEquals(cells(0, 0x3e00_0000, 0, 0x2_0000), tree.get("/iommu@3e000000/reg"));
    int phandle = ByteBuffer.wrap(tree.get("/iommu@3e000000/phandle")).getInt();
    assertArrayEquals(cells(0x18, phandle, 0x18, 16), tree.get("/pcie@10000000/iommu-map"));
    assertArrayEquals(cells(0, 0x4000_0000, 0, 0x2000_0000), tree.get("/memory@40000000/reg"));
    // The guest's window for BARs ends where the registers begin.
    ByteBuffer ranges = ByteBuffer.wrap(tree.get("/pcie@10000000/ranges"));
    assertEquals(0x3e00_0000, ranges.getInt(28 + 16) + ranges.getInt(28 + 24));
  }
}
