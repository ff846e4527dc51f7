package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.DumpFiles;
import dev.nestwalk.fixtures.Machine;
import dev.nestwalk.fixtures.ScenarioFiles;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.teach.RegisterText;
import io.airlift.compress.v3.zstd.ZstdOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Dumps of every kind with registers out of every text that people have. */
class DumpsAndRegistersTest {
  private static final long CAP = 0xd2008c222f0606L;
  private static final long ECAP = 0xf00f4aL;

  @TempDir Path folder;

  private Map<String, Long> registers = Map.of();
  private long entry;

  private static Result run(Object... arguments) {
    return Result.of(arguments);
  }

  private Result translate(Path image, Object... more) {
    Object[] arguments = new Object[6 + more.length];
    Object[] first = {"translate", image, "--source", "00:02.0", "--iova", "0x5000"};
    System.arraycopy(first, 0, arguments, 0, 6);
    System.arraycopy(more, 0, arguments, 6, more.length);
    return run(arguments);
  }

  /** A machine whose 00:02.0 has page 0x5000 at 0x106000, as every kind of file. */
  @BeforeEach
  void makeMachine() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 8);
      VtdMachine machine = new VtdMachine(memory);
      SecondStageTables tables = new SecondStageTables(memory, 4);
      tables.map(0x5000, 0x10_6000, 12, SecondStageTables.R | SecondStageTables.W);
      entry = tables.entryAddress(0x5000, 1);
      machine.context(0x10, 0, 2, 1, tables.root());
      machine.register("CAP", CAP).register("ECAP", ECAP);
      registers = Map.copyOf(machine.registers());
      ScenarioFiles.write(folder.resolve("vm"), "vtd", 46, memory, registers);
      Files.write(folder.resolve("vm.lime"), DumpFiles.lime(memory));
      Files.write(folder.resolve("vm.kdump"), DumpFiles.kdump(memory));
      Files.write(folder.resolve("vm.flat"), DumpFiles.flattened(DumpFiles.kdump(memory)));
      Files.write(folder.resolve("vm.vmcore"), DumpFiles.kernelCore(memory, false));
      Files.write(folder.resolve("vm.elf32"), DumpFiles.elf32(memory));
      Files.write(
          folder.resolve("ram"), memory.runs().get(0).bytes().toArray(ValueLayout.JAVA_BYTE));
    }
  }

  private String hex(String name) {
    return "%x".formatted(registers.get(name));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"vm", "vm.elf", "vm.lime", "vm.kdump", "vm.flat", "vm.vmcore", "vm.elf32"})
  void dumpsOpenWithTheRegistersBesideThem(String name) {
    Result result = translate(folder.resolve(name));
    assertEquals("ok 0x106000 size=4K perm=rw\n", result.out(), result.err());
  }

  private void only(String name, byte[] bytes) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(file -> !file.endsWith("vm.json")).toList()) {
        Files.delete(file);
      }
    }
    Files.write(folder.resolve(name), bytes);
  }

  private static byte[] packed(String suffix, byte[] bytes) throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (OutputStream out =
        suffix.equals(".gz") ? new GZIPOutputStream(packed) : new ZstdOutputStream(packed)) {
      out.write(bytes);
    }
    return packed.toByteArray();
  }

  /** By its name, by the stem, by the registers' file: one dump beside its registers. */
  @ParameterizedTest
  @ValueSource(strings = {"elf", "lime", "kdump", "vmcore"})
  void aDumpAloneOpensByItsStemPackedOrNot(String kind) throws IOException {
    byte[] plain = Files.readAllBytes(folder.resolve("vm." + kind));
    for (String suffix : List.of("", ".gz", ".zst")) {
      String name = "vm." + kind + suffix;
      only(name, suffix.isEmpty() ? plain : packed(suffix, plain));
      for (String given : List.of(name, "vm", "vm.json")) {
        Result result = translate(folder.resolve(given));
        assertEquals("ok 0x106000 size=4K perm=rw\n", result.out(), name + ": " + result.err());
      }
    }
    only("vm.gz", packed(".gz", plain));
    Result result = translate(folder.resolve("vm.gz"));
    assertEquals("ok 0x106000 size=4K perm=rw\n", result.out(), result.err());
  }

  /** The dump that a stem finds is an input: no page is written over it. */
  @ParameterizedTest
  @ValueSource(strings = {"vm.lime", "vm.lime.gz", "vm.kdump.zst", "vm.json"})
  void noOutputReplacesTheDumpOfAStem(String out) throws IOException {
    byte[] plain = Files.readAllBytes(folder.resolve("vm.lime"));
    only(out.endsWith(".json") ? "vm.lime" : out, plain);
    byte[] before = Files.readAllBytes(folder.resolve(out));
    Result result =
        run(
            "explain",
            folder.resolve("vm"),
            "--source",
            "00:02.0",
            "--iova",
            "0x5000",
            "--format",
            "html",
            "--out",
            folder.resolve(out));
    assertEquals(2, result.status());
    assertEquals(1, result.err().lines().count(), result.err());
    assertEquals(-1, Arrays.mismatch(before, Files.readAllBytes(folder.resolve(out))));
  }

  @Test
  void aRawFileTakesTheRegistersBesideItToo() throws IOException {
    only("vm.raw", Files.readAllBytes(folder.resolve("ram")));
    Object[] ram = {"--ram", "0x100000,0x8000"};
    Result result = translate(folder.resolve("vm.raw"), ram);
    assertEquals("ok 0x106000 size=4K perm=rw\n", result.out(), result.err());
    Files.delete(folder.resolve("vm.json"));
    Result untold = translate(folder.resolve("vm.raw"), ram);
    assertEquals(2, untold.status());
    assertTrue(untold.err().contains("--ram needs --registers FILE as well"), untold.err());
  }

  @Test
  void aStemOfSeveralDumpsIsRefusedInOneLine() throws IOException {
    Files.delete(folder.resolve("vm.elf"));
    Result result = translate(folder.resolve("vm"));
    assertEquals(2, result.status());
    assertTrue(
        result.err().contains("vm: has the dumps vm.lime, vm.kdump, vm.vmcore, expected one"),
        result.err());
    assertEquals(1, result.err().lines().count(), result.err());
  }

  @Test
  void aStemWithoutADumpSaysWhatIsExpected() throws IOException {
    only("vm.other", new byte[16]);
    for (String given : List.of("vm", "vm.json", "vm.elf")) {
      Result result = translate(folder.resolve(given));
      assertEquals(2, result.status());
      assertTrue(result.err().contains("no such image, expected vm.elf"), result.err());
      assertEquals(1, result.err().lines().count(), result.err());
    }
  }

  private Path text(String kind) throws IOException {
    String regset =
        """
        IOMMU: dmar%d Register Base Address: fed9%d000
        Name\t\t\tOffset\t\tContents
        VER                 \t0x00\t\t0x0000000000000010
        GCMD                \t0x18\t\t0x0000000000000000
        GSTS                \t0x1c\t\t0x%016x
        CAP                 \t0x08\t\t0x%s
        ECAP                \t0x10\t\t0x%s
        RTADDR              \t0x20\t\t0x%016x
        """;
    String one =
        regset.formatted(
            0, 0, registers.get("GSTS"), hex("CAP"), hex("ECAP"), registers.get("RTADDR"));
    String other = regset.formatted(1, 1, 0, hex("CAP"), hex("ECAP"), 0);
    String content =
        switch (kind) {
          case "regset" -> one;
          case "two" -> other + "\n" + one;
          case "xp" ->
              "(qemu) xp /gx 0xfed90008\n00000000fed90008: 0x%s\n00000000fed90010: 0x%s\n"
                      .formatted(hex("CAP"), hex("ECAP"))
                  + "00000000fed9001c: 0x%s\n00000000fed90020: 0x%016x\n"
                      .formatted(hex("GSTS"), registers.get("RTADDR"));
          case "wide xp" ->
              "(qemu) xp /2gx 0xfed90008\nfed90008: 0x%016x 0x%016x\n"
                      .formatted(registers.get("CAP"), registers.get("ECAP"))
                  + "(qemu) xp /3wx 0xfed9001c\r\nfed9001c: 0x%08x 0x%08x 0x00000000\r\n"
                      .formatted(registers.get("GSTS"), registers.get("RTADDR"));
          case "named" ->
              "CAP = 0x%s\nECAP: 0x%s\nGSTS=0x%s\nRTADDR = 0x%s\n"
                  .formatted(hex("CAP"), hex("ECAP"), hex("GSTS"), hex("RTADDR"));
          case "boot" ->
              "[    0.1] DMAR: dmar0: reg_base_addr fed90000 ver 1:0 cap %s ecap %s\n"
                  .formatted(hex("CAP"), hex("ECAP"));
          default ->
              "/sys/class/iommu/dmar0/intel-iommu/cap:%s\n".formatted(hex("CAP"))
                  + "/sys/class/iommu/dmar0/intel-iommu/ecap:%s\n".formatted(hex("ECAP"));
        };
    return Files.writeString(folder.resolve("registers.txt"), content);
  }

  @ParameterizedTest
  @ValueSource(strings = {"regset", "xp", "wide xp", "named"})
  void registersComeFromTexts(String kind) throws IOException {
    Result result = translate(folder.resolve("vm.lime"), "--registers", text(kind));
    assertEquals("ok 0x106000 size=4K perm=rw\n", result.out(), result.err());
  }

  @Test
  void oneOfSeveralUnitsIsChosenByName() throws IOException {
    Path two = text("two");
    Result unsaid = translate(folder.resolve("vm.lime"), "--registers", two);
    assertEquals(2, unsaid.status());
    assertTrue(unsaid.err().contains("units dmar1, dmar0, expected one"), unsaid.err());
    Result said = translate(folder.resolve("vm.lime"), "--registers", two, "--unit", "dmar0");
    assertEquals("ok 0x106000 size=4K perm=rw\n", said.out(), said.err());
    assertEquals(
        2, translate(folder.resolve("vm.lime"), "--registers", two, "--unit", "x").status());
  }

  @ParameterizedTest
  @CsvSource({"boot, register GSTS is missing", "sysfs, register GSTS is missing"})
  void textsWithoutEverythingSayWhatIsMissing(String kind, String missing) throws IOException {
    Result result = translate(folder.resolve("vm.lime"), "--registers", text(kind));
    assertEquals(2, result.status());
    assertTrue(result.err().contains(missing), result.err());
    assertEquals(1, result.err().lines().count(), result.err());
  }

  @Test
  void smmuRegistersComeFromXpAndTraceLines() throws IOException {
    Path xp =
        Files.writeString(
            folder.resolve("smmu.txt"),
            """
            0000000009050000: 0x0d40101a
            0000000009050004: 0x02730010
            smmuv3_read_mmio addr: 0x14 val:0x74 size: 0x4(0)
            smmuv3_write_mmio addr: 0x20 val:0xd size: 0x4(0)
            0000000009050080: 0x4000000000100000
            0000000009050088: 0x00000006
            """);
    Result result = translate(folder.resolve("vm.lime"), "--registers", xp);
    assertEquals(1, result.status(), result.err());
    assertTrue(result.out().startsWith("fault 0x"), result.out());
  }

  private static final String CAPS =
      "fed90008: 0x80d2008c222f0606\nfed90010: 0x0000000000f00f4a\nfed9001c: 0xc7000000\n";
  private static final String SMMU =
      "09050000: 0x0d40101a\n09050004: 0x02730010\n09050014: 0x00000074\n"
          + "09050020: 0x0000000d\n09050088: 0x00010210\n";

  private String shown(String registers) throws IOException {
    Path text = Files.writeString(folder.resolve("pieces.txt"), registers);
    Machine machine = RegisterText.read(text, null);
    Long value = machine.registers().get(machine.isVtd() ? "RTADDR" : "STRTAB_BASE");
    return value == null ? "none" : "0x%x".formatted(value);
  }

  /** A 64-bit register in every form in which a text may give it. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "00000000fed90020: 0x4459f000 0x00000001",
        "00000000fed90020: 0x4459f000\n00000000fed90024: 0x00000001",
        "00000000fed90024: 0x00000001\n00000000fed90020: 0x4459f000",
        "00000000fed90020: 0x000000014459f000",
        "00000000fed90020: 0x14459f000",
        "00000000fed90018: 0x00000000 0xc7000000 0x4459f000 0x00000001",
        "00000000fed90018: 0xc700000000000000 0x000000014459f000",
        "vtd_reg_write addr 0x20 size 0x8 value 0x14459f000",
        "vtd_reg_write addr 0x20 size 0x4 value 0x4459f000\n"
            + "vtd_reg_write addr 0x24 size 0x4 value 0x1",
        "vtd_reg_write addr 0x24 size 0x4 value 0x7\n"
            + "vtd_reg_write addr 0x20 size 0x4 value 0x4459f000\n"
            + "vtd_reg_write addr 0x24 size 0x4 value 0x1",
        "RTADDR = 0x14459f000",
        "RTADDR               \t0x20\t\t0x000000014459f000",
      })
  void halvesOfARegisterAreJoined(String lines) throws IOException {
    assertEquals("0x14459f000", shown(CAPS + lines));
    assertEquals("0x14459f000", shown(lines + "\n" + CAPS));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0000000009050080: 0x48ee0000 0x40000001",
        "0000000009050084: 0x40000001\n0000000009050080: 0x48ee0000",
        "0000000009050080: 0x4000000148ee0000",
        "smmuv3_write_mmio addr: 0x80 val:0x4000000148ee0000 size: 0x8(0)",
        "smmuv3_write_mmio addr: 0x80 val:0x4000000148ee0000",
        "smmuv3_write_mmio addr: 0x84 val:0x40000001 size: 0x4(0)\n"
            + "smmuv3_write_mmio addr: 0x80 val:0x48ee0000 size: 0x4(0)",
      })
  void halvesOfTheStreamTableBaseAreJoined(String lines) throws IOException {
    assertEquals("0x4000000148ee0000", shown(SMMU + lines));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "fed90020: 0x4459f000 | RTADDR: the low 32 bits alone (offset 0x20), expected those at"
            + " offset 0x24 too",
        "fed90024: 0x00000001 | RTADDR: the high 32 bits alone (offset 0x24), expected those at"
            + " offset 0x20 too",
        "vtd_reg_write addr 0x20 size 0x4 value 0x4459f000 | RTADDR: the low 32 bits alone",
        "09050084: 0x40000001 | STRTAB_BASE: the high 32 bits alone (offset 0x84)",
        "smmuv3_write_mmio addr: 0x80 val:0x48ee0000 size: 0x4(0) | STRTAB_BASE: the low 32 bits",
        "fed90020: 0xf000 0x4459 0x0001 0x0000 | expected words of 4 or 8 bytes",
        "fed90020: 0x00 | expected words of 4 or 8 bytes",
      })
  void halfARegisterIsRefused(String lines, String expected) throws IOException {
    Path text = Files.writeString(folder.resolve("half.txt"), CAPS + lines + "\n");
    Result result = translate(folder.resolve("vm.lime"), "--registers", text);
    assertEquals(2, result.status(), result.out());
    assertTrue(result.err().contains("half.txt: "), result.err());
    assertTrue(result.err().contains(expected), result.err());
    assertEquals(1, result.err().lines().count(), result.err());
  }

  @Test
  void memoryOfARunningMachineIsReadAsItIsNow() throws IOException {
    Path ram = folder.resolve("ram");
    Object[] live = {"--ram", ram, "--ram", "0x100000,0x8000"};
    Path machine = folder.resolve("vm.json");
    byte[] before = Files.readAllBytes(ram);
    assertEquals("ok 0x106000 size=4K perm=rw\n", translate(machine, live).out());
    assertEquals("ok 0x106000 size=4K perm=rw\n", translate(folder.resolve("vm"), live).out());
    assertEquals(-1, Arrays.mismatch(before, Files.readAllBytes(ram)));
    try (FileChannel file = FileChannel.open(ram, StandardOpenOption.WRITE)) {
      ByteBuffer word = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      file.write(word.putLong(0, 0x10_7003L), entry - 0x10_0000);
    }
    assertEquals("ok 0x107000 size=4K perm=rw\n", translate(machine, live).out());
  }

  @Test
  void whereLiveMemoryLiesComesFromTheRegistersFileToo() throws IOException {
    String json = Files.readString(folder.resolve("vm.json"));
    Path machine =
        Files.writeString(
            folder.resolve("live.json"),
            json.replaceFirst("\\{", "{\"ram\": [[\"0x100000\", \"0x8000\"]], "));
    assertEquals(
        "ok 0x106000 size=4K perm=rw\n", translate(machine, "--ram", folder.resolve("ram")).out());
    Result untold = translate(folder.resolve("vm.json"), "--ram", folder.resolve("ram"));
    assertEquals(2, untold.status());
    assertTrue(untold.err().contains("where it lies"), untold.err());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " \n",
        "hello",
        "\u0000\u0001binary",
        "CAP 5",
        "IOMMU: dmar0 Register Base Address: fed90000"
      })
  void textsWithoutRegistersAreRefusedInOneLine(String content) throws IOException {
    Path file = Files.writeString(folder.resolve("registers.txt"), content);
    Result result = translate(folder.resolve("vm.lime"), "--registers", file);
    assertEquals(2, result.status());
    assertTrue(result.err().contains("no registers found"), result.err());
    assertEquals(1, result.err().lines().count());
  }
}
