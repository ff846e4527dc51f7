package dev.nestwalk.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.ScenarioFiles;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.PasidEntry;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tables held against what the kernel printed of them. */
class TranslationStructureTest {
  private static final int[] FUNCTIONS = {0x0010, 0x0098, 0x0301};

  @TempDir Path folder;

  private Result compare(String text) throws IOException {
    Path file = Files.writeString(folder.resolve("structure.txt"), text);
    return Result.of("inspect", folder.resolve("vm"), "--compare", file);
  }

  /** Builds a machine and prints its tables as Linux does. */
  private String text(boolean scalable) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory memory = new TableMemory(arena).run(0x10_0000, 40);
      VtdMachine machine = new VtdMachine(memory);
      machine = scalable ? machine.scalable() : machine;
      SecondStageTables tables = new SecondStageTables(memory, 4);
      StringBuilder text = new StringBuilder();
      text.append("IOMMU dmar0: Root Table Address: 0x%x%n".formatted(machine.root()));
      text.append("B.D.F\tRoot_entry\t\t\t\tContext_entry\t\t\t\tPASID\tPASID_table_entry\n");
      for (int function : FUNCTIONS) {
        if (scalable) {
          machine.pasid(function, 5, PasidEntry.secondStage(2, tables.root()).domain(7));
        } else {
          machine.context(function, 0, 2, 3, tables.root());
        }
      }
      for (int function : FUNCTIONS) {
        long root = machine.root() + (function >> 8) * 16L;
        long context = machine.contextAddress(function);
        text.append(
            "%02x:%02x.%x\t0x%016x:0x%016x\t0x%016x:0x%016x\t"
                .formatted(
                    function >> 8,
                    function >> 3 & 31,
                    function & 7,
                    memory.get(root + 8),
                    memory.get(root),
                    memory.get(context + 8),
                    memory.get(context)));
        long pasid = scalable ? machine.pasidAddress(function, 5) : 0;
        text.append(
            "%-6d\t0x%016x:0x%016x:0x%016x%n"
                .formatted(
                    scalable ? 5 : -1,
                    scalable ? memory.get(pasid + 16) : 0,
                    scalable ? memory.get(pasid + 8) : 0,
                    scalable ? memory.get(pasid) : 0));
      }
      ScenarioFiles.write(folder.resolve("vm"), "vtd", 46, memory, machine.registers());
      return text.toString();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatTheKernelPrintedIsInTheImage(boolean scalable) throws IOException {
    Result result = compare(text(scalable));
    assertEquals("3 entries agree, 0 differences\n", result.out(), result.err());
    assertEquals(0, result.status());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void everyChangedEntryIsNamed(boolean scalable) throws IOException {
    String good = text(scalable);
    String[] lines = good.split("\n", -1);
    String line = lines[lines.length - 2];
    for (int field = 1; field <= (scalable ? 3 : 2); field++) {
      int column = field == 3 ? 4 : field;
      String[] columns = line.split("\t", -1);
      columns[column] =
          columns[column].replaceFirst(".$", columns[column].endsWith("f") ? "0" : "f");
      Result result = compare(good.replace(line, String.join("\t", columns)));
      assertEquals(1, result.status());
      assertEquals(2, result.out().lines().count(), result.out());
      String name = new String[] {"", "root entry", "context entry", "PASID 5"}[field];
      assertTrue(result.out().contains("03:00.1: " + name), result.out());
    }
  }

  /** Before and after those of the image's unit. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void entriesOfOtherUnitsAreLeftAlone(boolean before) throws IOException {
    String good = text(false);
    String other =
        good.replaceFirst("dmar0: Root Table Address: 0x", "dmar1: Root Table Address: 0xf0")
            .replace("03:00.1", "04:00.1");
    Result result = compare(before ? other + good : good + other);
    assertEquals("3 entries agree, 0 differences\n", result.out(), result.err());
  }

  @Test
  void contextsThatOnlyTheImageHasAreNamed() throws IOException {
    String good = text(false);
    String[] lines = good.split("\n", -1);
    Result result = compare(good.replace(lines[lines.length - 2] + "\n", ""));
    assertEquals(1, result.status());
    assertTrue(
        result.out().contains("03:00.1: the image has a context, the text has none"), result.out());
  }

  @Test
  void otherTextsAndOtherFormatsAreRefused() throws IOException {
    text(false);
    Result none = compare("hello\nIOMMU dmar0: Root Table Address: 0x5000\n");
    assertEquals(2, none.status());
    assertTrue(none.err().contains("no entry of the unit whose root table is at 0x10"), none.err());
    StringWriter err = new StringWriter();
    int status =
        Main.run(
            new PrintWriter(new StringWriter()),
            new PrintWriter(err),
            "inspect",
            Scenarios.fixtures().resolve("captures/smmuv3/s1-4k-strict").toString(),
            "--compare",
            folder.resolve("structure.txt").toString());
    assertEquals(2, status);
    assertTrue(err.toString().contains("the image is SMMUv3's"), err.toString());
  }
}
