package dev.nestwalk.teach;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.region.Bound;
import dev.nestwalk.region.Hwpt;
import dev.nestwalk.region.Policy;
import dev.nestwalk.region.Region;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a setup means where it leaves something out. */
class SetupTest {
  @TempDir Path folder;

  private Setup play(String text) throws IOException {
    Path file = Files.writeString(folder.resolve("setup.json"), text.replace('\'', '"'));
    return Setup.play(file, Setup.read(file), Policy.POSTED_V2, FirmwareReading.strict());
  }

  @ParameterizedTest
  @CsvSource({"0, 48", "48, 48", "39, 39", "64, 64"})
  void aTableHas48BitsUnlessSaid(int bits, int expected) throws IOException {
    Setup setup =
        play(
            """
            {'devices': [{'name': 'nic', 'unit': 'vtd'}],
             'tables': [{'name': 'T', 'kind': 'paging', 'device': 'nic', %s 'space': 's'}]}
            """
                .formatted(bits == 0 ? "" : "'bits': %d,".formatted(bits)));
    Hwpt table = Objects.requireNonNull(setup.tables.get("T"));
    assertEquals(0, table.aperture().first());
    assertEquals(-1L >>> 64 - expected, table.aperture().last());
  }

  /** Devices of one group have one table; those without a group have one of their own. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aDeviceIsAGroupOfItsOwnUnlessSaid(boolean shared) throws IOException {
    String group = shared ? "'group': 'g', " : "";
    Setup setup =
        play(
            """
            {'devices': [{'name': 'a', %1$s'unit': 'vtd'}, {'name': 'b', %1$s'unit': 'vtd'}],
             'tables': [{'name': 'T', 'kind': 'paging', 'device': 'a', 'space': 's'},
                        {'name': 'U', 'kind': 'paging', 'device': 'b', 'space': 's'}],
             'attachments': [{'device': 'a', 'table': 'T'}, {'device': 'b', 'table': 'U'}]}
            """
                .formatted(group));
    assertEquals(shared ? 1 : 0, setup.refusals.size(), setup.refusals.toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"0x100000", "0x7fffffff", "0x80000000", "0x100000005", "0xffffffffffffffff"})
  void aPasidOfMoreThan20BitsIsRefusedAsItIs(String pasid) throws IOException {
    Setup setup =
        play(
            """
            {'devices': [{'name': 'a', 'unit': 'vtd', 'pasids': true}],
             'tables': [{'name': 'T', 'kind': 'paging', 'device': 'a', 'space': 's'}],
             'attachments': [{'device': 'a', 'table': 'T', 'pasid': '%s'}]}
            """
                .formatted(pasid));
    assertEquals(1, setup.refusals.size(), setup.refusals.toString());
    String refusal = setup.refusals.get(0);
    assertTrue(refusal.endsWith("expected 0 to 0xfffff"), refusal);
    long number = Long.parseUnsignedLong(pasid.substring(2), 16);
    String told = number >>> 31 == 0 ? Long.toString(number) : pasid;
    assertTrue(refusal.contains("PASID " + told + ":"), refusal);
  }

  @Test
  void aFileOfRegionsLiesBesideItsSetup() throws IOException {
    Files.writeString(folder.resolve("beside.txt"), "0x00000000fee00000 0x00000000feefffff msi\n");
    Setup setup = play("{'devices': [{'name': 'a', 'unit': 'vtd', 'regionsFile': 'beside.txt'}]}");
    assertEquals(List.of(Region.X86_MSI), Objects.requireNonNull(setup.devices.get("a")).regions());
    assertTrue(setup.refusals.isEmpty());
  }

  /** A live machine's file has its RAM without gaps, one range behind the other. */
  @Test
  void liveMemoryIsOneRangeBehindTheOther() throws IOException {
    byte[] bytes = new byte[3 * 4096];
    for (int page = 0; page < 3; page++) {
      bytes[page * 4096] = (byte) (page + 1);
    }
    Path memory = Files.write(folder.resolve("ram"), bytes);
    Path registers =
        Files.writeString(
            folder.resolve("registers.json"),
            """
            {"format": "vtd", "host_address_width": 46, "registers": {"CAP": "0x0"},
             "ram": [["0x0", "0x1000"], ["0x100000", "0x2000"]]}
            """);
    Image image = Image.ofLive(registers, memory, List.of(), registers, null);
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory opened = image.open(Opening.READ_ONLY, arena);
      long[] addresses = {0, 0x10_0000, 0x10_1000};
      for (int page = 0; page < 3; page++) {
        long address = addresses[page];
        assertEquals(page + 1, opened.load(opened.find(address), address));
      }
    }
  }

  @Test
  void whatBindsTheInputOfATableStandsInBothReports() {
    Path file = Scenarios.fixtures().resolve("regions/smmuv3-nested.json");
    Setup setup = Setup.play(file, Setup.read(file), Policy.POSTED_V2, FirmwareReading.strict());
    SetupReport report = new SetupReport(setup);
    assertTrue(report.text().contains("of nic, the host's doorbells live there"), report.text());
    String input = report.json().replaceAll("(?s).*\"bindsInput\"(.*)\"conflicts\".*", "$1");
    assertTrue(input.contains("\"sw-msi\"") && input.contains("\"host-owned\""), input);
  }

  @Test
  void eachDemandHasWordsOfItsOwn() {
    assertEquals(
        Bound.Demand.values().length,
        Arrays.stream(Bound.Demand.values()).map(SetupReport::demand).distinct().count());
  }

  /** Without a width of its own a VT-d unit's addresses are as wide as CAP.MGAW says, plus one. */
  @ParameterizedTest
  @CsvSource({"-1, 47, 48", "-1, 38, 39", "46, 47, 46"})
  void anImagesAddressesAreAsWideAsItsRegistersSay(int told, long mgaw, int expected) {
    Machine machine =
        new Machine(Path.of("m.json"), "vtd", Map.of("CAP", mgaw << 16), told, List.of(), Map.of());
    assertEquals(expected, Image.ofMachine("m", machine).hostAddressWidth());
  }
}
