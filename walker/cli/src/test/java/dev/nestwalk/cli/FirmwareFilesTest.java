package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.Scenarios;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Firmware tables and pasted texts of real machines, by {@code nestwalk regions}. */
class FirmwareFilesTest {
  private static final Path SAMPLES = Scenarios.fixtures().resolve("samples");

  @TempDir Path folder;

  private static Result run(Object... arguments) {
    return Result.of("regions", arguments);
  }

  private static Path firmware(String name) {
    return SAMPLES.resolve("firmware/" + name + ".bin");
  }

  private static List<String> shown(Result result) {
    assertEquals(0, result.status(), result.err());
    List<String> lines = result.out().lines().toList();
    return lines.subList(0, lines.indexOf("merged:"));
  }

  private Path file(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "dmar-rmrr-no-scope | direct | RMRR for no device",
        "dmar-rmrr-scope-namespace | direct | RMRR for namespace device 2 (\\_SB.PCI0.I2C1)",
        "iort-rc-single | sw-msi | SMMUv3, every device behind it",
        "iort-two-smmus-rmr | direct-relaxable | RMR for StreamIDs 0x0, 0x1, 0x6, 0x7, 0xc, 0xd,"
            + " 0x12, 0x13, 0x18, 0x19 of SMMUv3 at 0xb1b0000 (node 0xdc)",
        "ivrs-ivmd | direct | IVMD (unity) for 0000:00:0c.0 (0x60)",
        "ivrs-ivmd | direct | IVMD (exclusion) for 0000:c4:00.7 (0xc407)",
      })
  void regionsNameWhomTheyAreFor(String name, String kind, String source) {
    Result result = run("show", firmware(name));
    assertTrue(
        shown(result).stream()
            .anyMatch(line -> line.contains(" " + kind + "  ") && line.endsWith(": " + source)),
        result.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"iort-no-smmu", "iort-rc-its-only"})
  void tableWithoutSmmuHasNoRegion(String name) {
    assertEquals(List.of(), shown(run("show", firmware(name))));
  }

  @ParameterizedTest
  @CsvSource({
    "dmar-drhd-at-0, DRHD at 0x0",
    "iort-rmr-rev3, RMR in a table of revision 3",
    "iort-hi161x, SMMUv3 model 1",
  })
  void oddTablesAreReadWithAWarning(String name, String warning) {
    for (String command : new String[] {"show", "identity"}) {
      Result result = run(command, firmware(name));
      assertEquals(0, result.status());
      assertTrue(result.err().contains(warning), result.err());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "iort-checksum-field-zero",
        "dmar-rmrr-zero-length-struct-at-end",
        "dmar-pad-2-bytes-at-end"
      })
  void brokenTablesAreReadOnlyIfLenient(String name) {
    for (String command : new String[] {"show", "identity"}) {
      Result refused = run(command, firmware(name));
      assertEquals(2, refused.status());
      assertEquals(1, refused.err().lines().count(), refused.err());
      Result read = run(command, firmware(name), "--lenient");
      assertEquals(0, read.status(), read.err());
      assertTrue(read.err().contains("read on"), read.err());
      assertTrue(read.out().length() > 40, read.out());
    }
  }

  @Test
  void classesMakeRmrrsRelaxableAndLeaveThemInIdentity() throws IOException {
    Path dmar = firmware("dmar-usb-display");
    Path lspci =
        file("lspci.txt", "00:02.0 0300: 8086:9bc5 (rev 05)\n00:14.0 0c03: 8086:a0ed (rev 20)\n");
    List<String> ranges = List.of("0x0-0xfedfffff", "0xfef00000-0xffffffffffffffff");
    Object[][] ways = {
      {"--class", "00:02.0=0300", "--class", "00:14.0=0c0330"}, {"--lspci", lspci},
    };
    for (Object[] way : ways) {
      Object[] show = new Object[way.length + 2];
      System.arraycopy(way, 0, show, 2, way.length);
      show[0] = "identity";
      show[1] = dmar;
      assertEquals(ranges, run(show).out().lines().toList());
      show[0] = "show";
      List<String> lines = shown(run(show));
      assertTrue(lines.get(0).contains("direct-relaxable  dmar"), lines.toString());
      assertTrue(lines.get(1).contains("direct-relaxable  dmar"), lines.toString());
    }
    List<String> unknown = shown(run("show", dmar, "--class", "00:02.0=0300"));
    assertTrue(unknown.get(0).contains("direct (relaxable if USB or display)"), unknown.get(0));
    assertTrue(unknown.get(1).contains("direct-relaxable  dmar"), unknown.get(1));
    List<String> disk = shown(run("show", dmar, "--class", "00:02.0=0106"));
    assertTrue(disk.get(1).contains("direct  dmar"), disk.get(1));
    assertEquals(4, run("identity", dmar).out().lines().count());
  }

  @Test
  void isaBridgesHaveTheFirst16MibAndItStaysUsable() throws IOException {
    Path dmar = firmware("dmar-usb-display");
    Path lspci =
        file("lspci.txt", "00:1f.0 0601: 8086:a082 (rev 20)\n00:1f.3 0403: 8086:a0c8 (rev 20)\n");
    String line =
        "0x0000000000000000-0x0000000000ffffff direct-relaxable  dmar-usb-display.bin: Linux, for"
            + " ISA bridge 0000:00:1f.0";
    for (Object[] way : new Object[][] {{"--class", "00:1f.0=0601"}, {"--lspci", lspci}}) {
      List<String> lines = shown(run("show", dmar, way[0], way[1]));
      // After the RMRRs and before the interrupt window, as Linux lists them.
      assertEquals(line, lines.get(lines.size() - 2), lines.toString());
      assertTrue(lines.get(lines.size() - 1).contains(" msi "), lines.toString());
      assertEquals(
          "0x0-0x3bbfdfff",
          run("identity", dmar, way[0], way[1]).out().lines().findFirst().orElse(""));
    }
    assertFalse(run("show", dmar).out().contains("ISA"));
  }

  @Test
  void classesCountInADescribedSetup() throws IOException {
    Path setup =
        file(
            "setup.json",
            """
            {"devices": [{"name": "gpu", "unit": "vtd", "regionsFile": "%s"}],
             "tables": [{"name": "t", "device": "gpu", "kind": "paging", "space": "vm"}],
             "attachments": [{"device": "gpu", "table": "t"}]}
            """
                .formatted(firmware("dmar-usb-display")));
    String plain = run("effective", setup).out();
    assertTrue(plain.contains("0x000000003d800000-0x000000003fffffff"), plain);
    Result told = run("effective", setup, "--class", "00:02.0=0300", "--class", "00:14.0=0c03");
    assertEquals(0, told.status(), told.err());
    assertFalse(told.out().contains("enforced  0x000000003d800000"), told.out());
    assertFalse(told.out().contains("enforced  0x000000003bbfe000"), told.out());
  }

  @ParameterizedTest
  @CsvSource({
    "bom, 1, group text",
    "grep-prefix, 3, group 1",
    "prompt, 1, group of 0000:83:00.0",
    "quoted, 1, group text",
    "tail-star, 2, group 1",
    "acpidump, 3, RMRR for 0000:00:02.0",
  })
  void pastedTextsGiveTheirRegionsWithTheGroup(String name, int count, String source) {
    Result result = run("show", SAMPLES.resolve("texts/" + name + ".txt"));
    assertEquals("", result.err());
    List<String> lines = shown(result);
    assertEquals(count, lines.size(), result.out());
    assertTrue(lines.stream().anyMatch(line -> line.endsWith(": " + source)), result.out());
  }

  @Test
  void aFileOfSysfsIsNamedByItsGroup() throws IOException {
    Path group = Files.createDirectories(folder.resolve("iommu_groups/12"));
    Path file = Files.writeString(group.resolve("reserved_regions"), "0x0 0xfff direct\n");
    assertTrue(shown(run("show", file)).get(0).endsWith("reserved_regions: group 12"));
  }

  @Test
  void textOfWindowsIsReadToo() throws IOException {
    Path file = folder.resolve("utf16.txt");
    Files.write(file, "\ufeff0x0 0xfff direct\r\n".getBytes(StandardCharsets.UTF_16LE));
    assertEquals(1, shown(run("show", file)).size());
  }

  @Test
  void knownFilesThatAreNotReadAreNamedAndJunkIsNeverPrinted() throws IOException {
    byte[][] contents = {
      "VIOT\60\0\0\0".getBytes(StandardCharsets.ISO_8859_1),
      {0x7f, 'E', 'L', 'F', 2, 1, 1, 0},
      {(byte) 0xd0, 0x0d, (byte) 0xfe, (byte) 0xed, 0, 0},
      {(byte) 0x93, 0x01, 0x1b, '[', '2', 'J', 0},
      "\u001b[2J\u0007 junk \u009b".getBytes(StandardCharsets.UTF_8),
      "0x0 0x1 \u202emsi".getBytes(StandardCharsets.UTF_8),
    };
    String[] expected = {
      "ACPI table VIOT (virtio-iommu",
      "an ELF file",
      "a flattened device tree",
      "binary data",
      "binary data",
      "expected direct, direct-relaxable",
    };
    contents[0] = java.util.Arrays.copyOf(contents[0], 48);
    for (int i = 0; i < contents.length; i++) {
      Path file = folder.resolve("file" + i);
      Files.write(file, contents[i]);
      for (String command : new String[] {"show", "identity"}) {
        Result result = run(command, file);
        assertEquals(2, result.status(), result.out());
        assertTrue(result.err().contains(expected[i]), result.err());
        assertTrue(result.err().strip().chars().allMatch(c -> c >= ' ' && c < 0x7f), result.err());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "show DMAR --class 00:02.0",
        "show DMAR --lspci DMAR",
        "show DMAR --lspci nowhere",
        "show .",
        "show WAET",
        "show EMPTYDUMP",
      })
  void badInputGetsOneLine(String line) throws IOException {
    Path waet = file("waet.txt", "WAET @ 0x0000000000000000\n    0000: 57 41 45 54\n");
    Path empty = file("empty.txt", "DMAR @ 0x0000000000000000\n");
    String[] arguments =
        line.replace("DMAR", firmware("dmar-usb-display").toString())
            .replace("WAET", waet.toString())
            .replace("EMPTYDUMP", empty.toString())
            .split(" ", -1);
    Result result = run((Object[]) arguments);
    assertEquals(2, result.status(), result.out());
    assertEquals(1, result.err().lines().count(), result.err());
  }
}
