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
