package dev.nestwalk.acpi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.region.Region;
import dev.nestwalk.region.RegionKind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is written is read back as it was. */
class FirmwareWriterTest {
  private static byte[] sample(String name) throws IOException {
    return Files.readAllBytes(Scenarios.fixtures().resolve("samples").resolve(name));
  }

  @Test
  void rmrrsOfTheSamplesComeBack() throws IOException {
    for (String name : List.of("dmar-client.bin", "dmar-server.bin")) {
      DmarTable table = DmarTable.parse(sample(name));
      byte[] written =
          FirmwareWriter.dmar(table.hostAddressWidth(), 0, 0xfed9_0000L, table.regions());
      DmarTable again = DmarTable.parse(written);
      assertEquals(table.regions(), again.regions());
      assertEquals(table.hostAddressWidth(), again.hostAddressWidth());
    }
  }

  @Test
  void rmrsOfTheSampleComeBack() throws IOException {
    IortTable table = IortTable.parse(sample("iort-simple.bin"));
    IortTable again = IortTable.parse(FirmwareWriter.iort(0, 0x905_0000L, table.rmrs()));
    assertEquals(table.rmrs().size(), again.rmrs().size());
    for (int requester : new int[] {0x200, 0x300, 0x307, 0x308}) {
      IortTable.Stream stream = again.streamOf(0, requester);
      assertEquals(new IortTable.Stream(FirmwareWriter.SMMU_NODE, requester), stream);
      assertEquals(
          table.regionsOf(table.streamOf(0, requester), true), again.regionsOf(stream, true));
    }
    assertEquals(List.of(), again.warnings());
  }

  @Test
  void theDoorbellWindowGoesToAGuestAsAnRmr() {
    Region window =
        new Region(Region.ARM_SW_MSI.first(), Region.ARM_SW_MSI.last(), RegionKind.DIRECT);
    IortTable.Mapping all = new IortTable.Mapping(0, 0xffff, 0, FirmwareWriter.SMMU_NODE);
    byte[] table =
        FirmwareWriter.iort(
            0, 0x905_0000L, List.of(new IortTable.Rmr(List.of(all), List.of(window))));
    IortTable guest = IortTable.parse(table);
    assertEquals(
        List.of(Region.ARM_SW_MSI, window), guest.regionsOf(guest.streamOf(0, 0x18), true));
  }

  @Test
  void whatATableCannotHoldIsRefused() {
    DmarTable.Scope odd = new DmarTable.Scope(false, 0, List.of(2));
    List<DmarTable.Rmrr> regions = List.of(new DmarTable.Rmrr(0, 0, 0xfff, List.of(odd)));
    assertThrows(IllegalArgumentException.class, () -> FirmwareWriter.dmar(39, 0, 0, regions));
    assertThrows(IllegalArgumentException.class, () -> FirmwareWriter.dmar(0, 0, 0, List.of()));
    IortTable.Rmr msi = new IortTable.Rmr(List.of(), List.of(Region.X86_MSI));
    assertThrows(IllegalArgumentException.class, () -> FirmwareWriter.iort(0, 0, List.of(msi)));
  }

  private static DmarTable.Rmrr rmrr(int segment, int bus, Integer... path) {
    DmarTable.Scope scope = new DmarTable.Scope(true, bus, List.of(path));
    return new DmarTable.Rmrr(segment, 0x1000, 0x1fff, List.of(scope));
  }

  private static DmarTable.Rmrr scopes(int count) {
    DmarTable.Scope scope = new DmarTable.Scope(false, 0, List.of(2, 0));
    return new DmarTable.Rmrr(0, 0x1000, 0x1fff, Collections.nCopies(count, scope));
  }

  private static void assertHeld(DmarTable.Rmrr rmrr) {
    byte[] table = FirmwareWriter.dmar(39, 0xffff, 0x1000, List.of(rmrr));
    assertEquals(List.of(rmrr), DmarTable.parse(table).regions());
  }

  private static void assertRefused(DmarTable.Rmrr rmrr) {
    assertThrows(
        IllegalArgumentException.class,
        () -> FirmwareWriter.dmar(39, 0, 0x1000, List.of(rmrr)),
        rmrr::toString);
  }

  /** The largest number of each field comes back; one more is refused, never cut. */
  @Test
  void noFieldOfADmarIsCut() {
    assertHeld(rmrr(0xffff, 0xff, 0xff, 0xff, 0x1f, 7));
    for (int over : new int[] {1, 0x7fff_0000, Integer.MIN_VALUE, -1 << 16}) {
      assertRefused(rmrr(over + (over == 1 ? 0xffff : 0), 0, 2, 0));
      assertRefused(rmrr(0, over + (over == 1 ? 0xff : 0), 2, 0));
      assertRefused(rmrr(0, 0, over + (over == 1 ? 0xff : 0), 0));
      assertRefused(rmrr(0, 0, 2, over + (over == 1 ? 0xff : 0)));
    }
    assertHeld(scopes((0xffff - 24) / 8));
    assertRefused(scopes((0xffff - 24) / 8 + 1));
    assertRefused(
        new DmarTable.Rmrr(0, 0, 0xfff, scopes(1).scopes(), List.of("namespace device 1 (X)")));
    for (int segment : new int[] {0x1_0000, -1}) {
      assertThrows(
          IllegalArgumentException.class,
          () -> FirmwareWriter.dmar(39, segment, 0x1000, List.of()));
      assertThrows(
          IllegalArgumentException.class, () -> FirmwareWriter.iort(segment, 0x1000, List.of()));
    }
  }

  private static final long IDS = 0xffff_ffffL;

  private static IortTable.Rmr rmr(long input, long extent, long output, boolean single) {
    return new IortTable.Rmr(
        List.of(new IortTable.Mapping(input, extent, output, FirmwareWriter.SMMU_NODE, single)),
        List.of(new Region(0x1_0000, 0x1_ffff, RegionKind.DIRECT)));
  }

  private static IortTable.Rmr ranges(int count, long first, long last) {
    return new IortTable.Rmr(
        rmr(0, 0, 0, false).mappings(),
        Collections.nCopies(count, new Region(first, last, RegionKind.DIRECT)));
  }

  private static void assertRefused(IortTable.Rmr rmr) {
    assertThrows(
        IllegalArgumentException.class,
        () -> FirmwareWriter.iort(0, 0x1000, List.of(rmr)),
        () -> rmr.mappings() + " of " + rmr.regions().size());
  }

  @Test
  void noFieldOfAnIortIsCut() {
    for (IortTable.Rmr rmr :
        List.of(
            rmr(IDS, 0, IDS, false),
            rmr(0, IDS, 0, false),
            rmr(0, 0, 5, true),
            ranges(1, 0, -0x1_0001L),
            ranges(1, 0x1_0000, -1),
            ranges((0xffff - 28 - 20) / 20, 0x1_0000, 0x1_ffff))) {
      byte[] table = FirmwareWriter.iort(0xffff, 0x1000, List.of(rmr));
      assertEquals(List.of(rmr), IortTable.parse(table).rmrs());
    }
    assertRefused(rmr(IDS + 1, 0, 0, false));
    assertRefused(rmr(0, IDS + 1, 0, false));
    assertRefused(rmr(0, 0, IDS + 1, false));
    assertRefused(rmr(-1, 0, 0, true));
    assertRefused(ranges(1, 0, -1));
    assertRefused(ranges((0xffff - 28 - 20) / 20 + 1, 0x1_0000, 0x1_ffff));
  }

  @Test
  void widthsAreThoseThatTheTableCanHold() {
    for (int width : new int[] {1, 39, 255, 256}) {
      assertEquals(
          width,
          DmarTable.parse(FirmwareWriter.dmar(width, 0, 0x1000, List.of())).hostAddressWidth());
    }
    for (int width : new int[] {0, 257, -1}) {
      assertThrows(
          IllegalArgumentException.class, () -> FirmwareWriter.dmar(width, 0, 0x1000, List.of()));
    }
  }

  /** Nodes are told apart by their identifiers, which begin with 0 (DEN 0049, node format). */
  @Test
  void eachNodeHasAnIdentifierOfItsOwn() {
    Region page = new Region(0x1_0000, 0x1_ffff, RegionKind.DIRECT);
    IortTable.Mapping all = new IortTable.Mapping(0, 0xffff, 0, FirmwareWriter.SMMU_NODE);
    IortTable.Rmr rmr = new IortTable.Rmr(List.of(all), List.of(page));
    ByteBuffer bytes =
        ByteBuffer.wrap(FirmwareWriter.iort(0, 0x905_0000L, List.of(rmr, rmr, rmr)))
            .order(ByteOrder.LITTLE_ENDIAN);
    List<Integer> ids = new ArrayList<>();
    for (int at = bytes.getInt(40); at < bytes.capacity(); at += bytes.getShort(at + 1)) {
      ids.add(bytes.getInt(at + 4));
    }
    assertEquals(List.of(0, 1, 2, 3, 4), ids);
  }
}
