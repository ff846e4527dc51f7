package dev.nestwalk.teach;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.acpi.PciDevices;
import dev.nestwalk.fixtures.FirmwareTable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The kinds of an RMRR by its devices: those named, those below a bridge, and those unknown. */
class FirmwareRegionsTest {
  private static final int ENDPOINT = 1;
  private static final int BRIDGE = 2;
  private static final int NAMESPACE = 5;
  private static final String USB = " USB controller [0c03]: x\n";
  private static final String NIC = " Ethernet controller [0200]: x\n";
  private static final String PORT =
      "00:1c.0 PCI bridge [0604]: x\n"
          + "\tBus: primary=00, secondary=02, subordinate=03, sec-latency=0\n";

  /** A DMAR table with one RMRR; each scope is a type and the device number on bus 0. */
  private static byte[] dmar(int[]... scopes) {
    int length = 24 + 8 * scopes.length;
    ByteBuffer rmrr = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    rmrr.putShort((short) 1).putShort((short) length);
    rmrr.position(8).putLong(0x10_0000).putLong(0x1f_ffff);
    for (int[] scope : scopes) {
      rmrr.put((byte) scope[0]).put((byte) 8).putShort((short) 0).put((byte) 0).put((byte) 0);
      rmrr.put((byte) scope[1]).put((byte) 0);
    }
    return FirmwareTable.of("DMAR", 1, 48, rmrr.array());
  }

  /** Kinds and notes of the RMRR's regions, without VT-d's interrupt window. */
  private static List<String> kinds(String devices, int[]... scopes) {
    PciDevices known = new PciDevices();
    known.addLspci(devices);
    FirmwareRegions regions = new FirmwareRegions(new FirmwareReading(false, known));
    RegionFiles.Content content = regions.table("DMAR", dmar(scopes));
    return Objects.requireNonNull(content).regions().stream()
        .filter(sourced -> sourced.region().first() == 0x10_0000)
        .map(sourced -> (sourced.region().kind() + " " + sourced.note()).strip())
        .toList();
  }

  /** One device that is not relaxable makes the region direct, wherever below it is. */
  @ParameterizedTest
  @CsvSource({
    "02:00.0, '', DIRECT_RELAXABLE",
    "02:00.0, 02:01.0, DIRECT",
    "02:00.0, 03:00.0, DIRECT",
    "03:00.0, 02:00.0, DIRECT",
    "02:00.0, 04:00.0, DIRECT_RELAXABLE",
    "02:00.0, 01:00.0, DIRECT_RELAXABLE",
  })
  void belowABridgeTheStrictestDeviceCounts(String usb, String nic, String expected) {
    String devices = PORT + usb + USB + (nic.isEmpty() ? "" : nic + NIC);
    assertEquals(List.of(expected), kinds(devices, new int[] {BRIDGE, 0x1c}));
  }

  @Test
  void anUnknownDeviceIsDirectWithANoteAndAKnownOneHasNone() {
    assertEquals(
        List.of("DIRECT (relaxable if USB or display)", "DIRECT_RELAXABLE"),
        kinds("00:14.0" + USB, new int[] {ENDPOINT, 0x14}, new int[] {ENDPOINT, 0x15}));
    assertEquals(List.of("DIRECT"), kinds("00:14.0" + NIC, new int[] {ENDPOINT, 0x14}));
  }

  /** A device that is named by ACPI alone is direct, beside others too. */
  @Test
  void whatIsNoPciDeviceIsDirect() {
    assertEquals(List.of("DIRECT"), kinds("", new int[] {NAMESPACE, 1}));
    assertEquals(
        List.of("DIRECT", "DIRECT_RELAXABLE"),
        kinds("00:14.0" + USB, new int[] {ENDPOINT, 0x14}, new int[] {NAMESPACE, 1}));
  }
}
