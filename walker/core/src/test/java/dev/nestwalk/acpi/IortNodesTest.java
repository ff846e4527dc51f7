package dev.nestwalk.acpi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nestwalk.acpi.IortTable.Mapping;
import dev.nestwalk.acpi.IortTable.Stream;
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

/** Nodes of an IORT at their least lengths, and mappings that meet at an id. */
final class IortNodesTest {
  private static final int SMMU = 48;

  /** A table of revision 5 with these nodes. */
  private static byte[] iort(byte[]... nodes) {
    return FirmwareTable.of("IORT", 5, 48, nodes);
  }

  private static ByteBuffer node(int type, int length) {
    ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    return bytes.put(0, (byte) type).putShort(1, (short) length);
  }

  private static String refusal(byte[] table) {
    return String.valueOf(
        assertThrows(FirmwareException.class, () -> IortTable.parse(table)).getMessage());
  }

  @ParameterizedTest(name = "{1}: {2} bytes")
  @CsvSource({"2, root complex, 32", "3, SMMU, 24", "4, SMMUv3, 24", "6, RMR, 28"})
  void aNodeHasItsFixedPart(int type, String name, int least) {
    byte[] next = node(1, 64).array();
    for (int length = 16; length < least; length++) {
      assertEquals(
          "offset 48: %s of %d bytes, expected %d or more".formatted(name, length, least),
          refusal(iort(node(type, length).array(), next)));
    }
    IortTable table = IortTable.parse(iort(node(type, least).array(), next));
    assertEquals(type == 2 ? 1 : 0, table.roots().size());
    assertEquals(type == 3 || type == 4 ? 1 : 0, table.smmus().size());
    assertEquals(
        type == 6 ? List.of("offset 48: RMR without mapping, ignored") : List.of(),
        table.warnings());
  }

  @Test
  void aNodeLiesInTheTable() {
    assertEquals(List.of(), IortTable.parse(iort(node(1, 16).array())).warnings());
    for (int length : new int[] {0, 15, 17, 0xffff}) {
      byte[] bad = node(1, 16).putShort(1, (short) length).array();
      assertEquals(
          "offset 64: node of %d bytes, 16 are left".formatted(length),
          refusal(iort(node(1, 16).array(), bad)));
    }
  }

  @Test
  void mappingsBeginBehindTheHeaderOfTheirNode() {
    byte[] least = node(2, 36).putInt(8, 1).putInt(12, 16).array();
    assertEquals(1, IortTable.parse(iort(least)).roots().get(0).mappings().size());
    for (int from : new int[] {0, 15, 17, -1}) {
      byte[] bad = node(2, 36).putInt(8, 1).putInt(12, from).array();
      assertEquals(
          "offset 48: 1 mappings from byte %d on do not lie in the node"
              .formatted(Integer.toUnsignedLong(from)),
          refusal(iort(bad)));
    }
  }

  /** The model lies at bytes 40 to 43; behind a shorter node it is the next one's. */
  @Test
  void theModelOfAnSmmuIsReadWithinItsNode() {
    for (int length : new int[] {40, 43, 44, 60}) {
      byte[] node = Arrays.copyOf(node(4, 64).putInt(40, 1).array(), length);
      node[1] = (byte) length;
      byte[] next = node(length < 44 ? 1 : 9, 64).array();
      IortTable table = IortTable.parse(iort(node, next));
      assertEquals(length < 44 ? 0 : 1, table.warnings().size(), length + " bytes");
    }
  }

  /** A root complex with one mapping to an offset. */
  private static byte[] root(int target) {
    return node(2, 52).putInt(8, 1).putInt(12, 32).putInt(36, 0xffff).putInt(44, target).array();
  }

  @Test
  void aMappingLeadsToANodeOrNowhere() {
    byte[] smmu = node(4, 24).array();
    int end = 48 + 24 + 52;
    assertEquals(new Stream(SMMU, 7), IortTable.parse(iort(smmu, root(SMMU))).streamOf(0, 7));
    for (int nowhere : new int[] {0, SMMU + 1, 48 + 24, end}) {
      IortTable table = IortTable.parse(iort(smmu, root(nowhere)));
      assertEquals(new Stream(-1, -1), table.streamOf(0, 7));
    }
    assertEquals("offset 104: mapping to offset 125", refusal(iort(smmu, root(end + 1))));
    assertEquals("offset 104: mapping to offset 4294967295", refusal(iort(smmu, root(-1))));
  }

  /** Two mappings of one root complex, as {@code input+extent} or {@code any}, and who is asked. */
  @ParameterizedTest(name = "{0} and {1}: id {2} belongs to {3}")
  @CsvSource({
    // One too long: its last id is the first of the next.
    "0x10+0x10, 0x20+0x10, 0x1f, 1",
    "0x10+0x10, 0x20+0x10, 0x20, 2",
    "0x10+0x10, 0x20+0x10, 0x21, 2",
    "0x20+0x10, 0x10+0x10, 0x20, 1",
    // The last id lies inside the next, which is not one that begins there.
    "0x10+0x10, 0x18+0x10, 0x20, 1",
    "0x10+0x10, 0x18+0x10, 0x18, 1",
    "0x10+0x10, 0x18+0x10, 0x21, 2",
    // One id is not one too many.
    "0x20+0,    0x20+0x10, 0x20, 1",
    "0x1f+1,    0x20+0,    0x20, 2",
    "0x10+0x10, any,       0x20, 2",
    "0x10+0x10, any,       0x1f, 1",
    "0x10+0x10, any,       0x30, 2",
    "any,       0x20+0x10, 0x20, 1",
    "0x10+0x10, 0x30+0x10, 0x20, 1",
    "0x10+0x10, 0x30+0x10, 0x21, 0",
    "0x10+0x10, 0x30+0x10, 0x0f, 0",
  })
  void anIdBelongsToTheRangeThatBeginsWithItOrTheFirstThatHasIt(
      String one, String other, String id, int owner) {
    List<Mapping> mappings = List.of(mapping(one, 0x1000), mapping(other, 0x2000));
    IortTable table =
        new IortTable(
            List.of(new IortTable.Smmu(SMMU, 3, 0)),
            List.of(new IortTable.Root(0, mappings)),
            List.of(),
            List.of());
    int requester = Integer.decode(id);
    Stream expected = new Stream(-1, -1);
    if (owner != 0) {
      Mapping by = mappings.get(owner - 1);
      expected = new Stream(SMMU, by.output() + (by.single() ? 0 : requester - by.input()));
    }
    assertEquals(expected, table.streamOf(0, requester));
  }

  private static Mapping mapping(String text, long output) {
    if (text.equals("any")) {
      return new Mapping(0, 0, output, SMMU, true);
    }
    String[] parts = text.split("\\+", 2);
    return new Mapping(Long.decode(parts[0]), Long.decode(parts[1]), output, SMMU);
  }

  @Test
  void anSmmuIsKnownByItsOffsetAlone() {
    IortTable none = new IortTable(List.of(), List.of(), List.of(), List.of());
    assertEquals(List.of(Region.ARM_SW_MSI), none.regionsOf(new Stream(0, 5), true));
    assertEquals(List.of(), none.regionsOf(new Stream(-1, -1), true));
  }

  @ParameterizedTest(name = "0x{0}, 0x{1} bytes")
  @CsvSource({
    "10000, 10000, false",
    "10000, 11000, true",
    "11000, 10000, true",
    "18000, 8000,  true",
    "10000, 20000, false"
  })
  void aRangeOfAnRmrIsMadeOfWholeGranulesOfFirmware(String base, String size, boolean told) {
    long first = Long.parseLong(base, 16);
    long bytes = Long.parseLong(size, 16);
    byte[] rmr =
        node(6, 68)
            .putInt(8, 1)
            .putInt(12, 28)
            .putInt(20, 1)
            .putInt(24, 48)
            .putLong(48, first)
            .putLong(56, bytes)
            .array();
    IortTable table = IortTable.parse(iort(rmr));
    assertEquals(
        told
            ? List.of(
                "offset 96: RMR range 0x%s, 0x%s bytes, not 64 KiB aligned".formatted(base, size))
            : List.of(),
        table.warnings());
    assertEquals(
        List.of(new Region(first, first + bytes - 1, RegionKind.DIRECT)),
        table.rmrs().get(0).regions());
  }

  /** A range that runs past the last address is dropped, wherever in its page it begins. */
  @ParameterizedTest(name = "0x{0}, 0x{1} bytes")
  @CsvSource({
    "1234,             ffffffffffffff00, dropped",
    "1234,             ffffffffffffedcd, dropped",
    "1234,             ffffffffffffedcc, 1000-ffffffffffffffff",
    "1000,             fffffffffffff001, dropped",
    "1000,             fffffffffffff000, 1000-ffffffffffffffff",
    "ffffffffffffffff, 1,                fffffffffffff000-ffffffffffffffff",
    "ffffffffffffffff, 2,                dropped",
    "0,                ffffffffffffffff, 0-ffffffffffffffff",
    "10000,            0,                dropped",
    "1234,             1,                1000-1fff",
  })
  void aRangeOfAnRmrThatWrapsIsDropped(String base, String size, String expected) {
    byte[] rmr =
        node(6, 68)
            .putInt(8, 1)
            .putInt(12, 28)
            .putInt(20, 1)
            .putInt(24, 48)
            .putLong(48, Long.parseUnsignedLong(base, 16))
            .putLong(56, Long.parseUnsignedLong(size, 16))
            .array();
    IortTable table = IortTable.parse(iort(rmr));
    List<Region> found = table.rmrs().get(0).regions();
    String text =
        found.isEmpty() ? "dropped" : "%x-%x".formatted(found.get(0).first(), found.get(0).last());
    assertEquals(expected, text);
    assertEquals(found.isEmpty(), table.warnings().toString().contains("dropped"));
  }
}
