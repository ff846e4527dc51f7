package dev.nestwalk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import dev.nestwalk.fixtures.vtd.VtdMachine;
import dev.nestwalk.memory.GuestMemory;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The README's examples of embedding are the regions below, and they work; the command's tests
 * compare.
 */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
final class ReadmeTest {
  private static String example(MemorySegment ram, long cap, long ecap, long rootTable, long iova) {
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    PrintStream before = System.out;
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      print(ram, cap, ecap, rootTable, iova);
    } finally {
      System.setOut(before);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }

  private static void print(MemorySegment ram, long cap, long ecap, long rootTable, long iova) {
    // begin translate
    GuestMemory memory = GuestMemory.of(ram, 0x0);
    Map<String, Long> registers =
        Map.of("CAP", cap, "ECAP", ecap, "GSTS", 1L << 31, "RTADDR", rootTable);
    Translator translator = Iommu.vtd(memory, registers, 46).newTranslator();
    long answer = translator.translate(0x0010, -1, iova, Access.READ);
    if (Translation.isFault(answer)) {
      FaultRecord fault = translator.lastFault();
      System.out.printf("fault 0x%x, record %016x%n", fault.code(), fault.word(1));
    } else {
      System.out.printf("0x%x%n", Translation.address(answer));
    }
    // end translate
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
}
