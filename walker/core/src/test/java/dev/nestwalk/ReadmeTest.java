package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The README's embedding example is the code below, and it works. */
final class ReadmeTest {
  private static String example(MemorySegment ram, long cap, long ecap, long rootTable, long iova) {
    StringBuilder out = new StringBuilder();
    // begin
    GuestMemory memory = GuestMemory.of(ram, 0x0);
    Map<String, Long> registers =
        Map.of("CAP", cap, "ECAP", ecap, "GSTS", 1L << 31, "RTADDR", rootTable);
    Translator translator = Iommu.vtd(memory, registers, 46).newTranslator();
    long answer = translator.translate(0x0010, -1, iova, Access.READ);
    if (Translation.isFault(answer)) {
      FaultRecord fault = translator.lastFault();
      out.append("fault 0x%x, record %016x%n".formatted(fault.code(), fault.word(1)));
    } else {
      out.append("0x%x%n".formatted(Translation.address(answer)));
    }
    // end
    return out.toString();
  }

  @Test
  void theExampleTranslatesAndReportsFaults() {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory tables = new TableMemory(arena).run(0, 16);
      VtdMachine machine = new VtdMachine(tables);
      SecondStageTables second = new SecondStageTables(tables, 4).map(0x1000, 0x9000, 12, 3);
      machine.context(0x0010, 0, 2, 1, second.root());
      MemorySegment ram = tables.runs().get(0).bytes();
      long cap = VtdMachine.CAP;
      long ecap = VtdMachine.ECAP;
      assertEquals("0x9008\n", example(ram, cap, ecap, machine.root(), 0x1008));
      assertEquals(
          "fault 0x6, record c000000600000010\n", example(ram, cap, ecap, machine.root(), 0x2000));
    }
  }

  private static long[] emulator(
      GuestMemory memory,
      Map<String, Long> registers,
      long[] iovas,
      MemorySegment buffer,
      long descriptorLow,
      long descriptorHigh)
      throws InterruptedException {
    // begin emulator
    Iommu iommu = Iommu.vtd(memory, registers, 46);
    Translator translator = iommu.newTranslator(); // one per thread
    Endpoint device = translator.endpoint(0x0010, -1);
    long[] answers = new long[iovas.length];
    int refused = device.translate(iovas, answers, 0, iovas.length, Access.READ);
    long bytes = device.read(iovas[0], buffer);
    iommu.vtdInvalidations().submit(descriptorLow, descriptorHigh); // from any thread
    iommu.sync(); // no translator uses what was dropped
    // end emulator
    return new long[] {refused, bytes, answers[0]};
  }

  @Test
  void theEmulatorsExampleReadsAndInvalidates() throws InterruptedException {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory tables = new TableMemory(arena).run(0, 16);
      VtdMachine machine = new VtdMachine(tables);
      SecondStageTables second = new SecondStageTables(tables, 4).map(0x1000, 0x9000, 12, 3);
      machine.context(0x0010, 0, 2, 1, second.root());
      MemorySegment ram = tables.runs().get(0).bytes();
      ram.set(ValueLayout.JAVA_LONG, 0x9000, 77);
      MemorySegment buffer = arena.allocate(8);
      long[] results =
          emulator(
              GuestMemory.of(ram, 0),
              machine.registers(),
              new long[] {0x1000, 0x5000},
              buffer,
              0x12,
              0);
      assertEquals(1, results[0]);
      assertEquals(8, results[1]);
      assertEquals(77, buffer.get(ValueLayout.JAVA_LONG, 0));
      assertEquals(0x9000, Translation.address(results[2]));
    }
  }

  @Test
  void theReadmeShowsThisCode() throws IOException {
    Path root = Path.of(System.getProperty("nestwalk.root"));
    String source =
        Files.readString(root.resolve("walker/core/src/test/java/dev/nestwalk/ReadmeTest.java"));
    String code =
        source.substring(source.indexOf("// begin\n") + 9, source.indexOf("    // end\n"));
    String shown =
        code.indent(-4)
            .replace("out.append(\"", "System.out.printf(\"")
            .replace("%n\".formatted(", "%n\", ")
            .replace("));\n", ");\n");
    String readme = Files.readString(root.resolve("README.md"));
    String[] blocks = readme.split("```java\n", -1);
    assertEquals(squeeze(blocks[1].substring(0, blocks[1].indexOf("```"))), squeeze(shown));
    int from = source.indexOf("// begin emulator\n") + 18;
    String emulator = source.substring(from, source.indexOf("    // end emulator\n"));
    assertEquals(squeeze(blocks[2].substring(0, blocks[2].indexOf("```"))), squeeze(emulator));
    assertEquals(3, blocks.length);
  }

  private static String squeeze(String code) {
    return code.replaceAll("\\s+|\\(|\\)", "");
  }
}
