package dev.nestwalk.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.DumpFiles;
import dev.nestwalk.fixtures.ScenarioFiles;
import dev.nestwalk.fixtures.TableMemory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Dumps of every kind that opens hold the memory they were made of; others are named. */
class MemoryDumpTest {
  @TempDir Path folder;

  /** Two runs with a gap, pages of zeros among them. */
  private static TableMemory memory(Arena arena) {
    TableMemory memory = new TableMemory(arena).run(0x10_0000, 6).run(0x40_0000, 3);
    SplittableRandom random = new SplittableRandom(17);
    for (int i = 0; i < 400; i++) {
      long page = random.nextInt(8) == 3 ? 4 : random.nextInt(5);
      memory.put(0x10_0000 + page * 4096 + random.nextInt(512) * 8L, random.nextLong());
      memory.put(0x40_0000 + random.nextInt(512) * 8L, random.nextLong());
    }
    return memory;
  }

  private static byte[] dump(String kind, TableMemory memory) throws IOException {
    return switch (kind) {
      case "elf" -> ScenarioFiles.core(memory);
      case "elf32" -> DumpFiles.elf32(memory);
      case "kernel" -> DumpFiles.kernelCore(memory, false);
      case "lime" -> DumpFiles.lime(memory);
      case "kdump" -> DumpFiles.kdump(memory);
      case "flattened" -> DumpFiles.flattened(DumpFiles.kdump(memory));
      case "flattened-elf" -> DumpFiles.flattened(ScenarioFiles.core(memory));
      default -> {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
          out.write(dump(kind.substring("gzip-".length()), memory));
        }
        yield packed.toByteArray();
      }
    };
  }

  private GuestMemory open(byte[] bytes, Opening opening, Arena arena) throws IOException {
    Path file = Files.write(folder.resolve("dump.bin"), bytes);
    return MemoryDump.open(file, List.of(), opening, Unpacking.PLAIN, arena);
  }

  private String refusal(byte[] bytes) {
    try (Arena arena = Arena.ofConfined()) {
      ImageException refused =
          assertThrows(ImageException.class, () -> open(bytes, Opening.READ_ONLY, arena));
      return String.valueOf(refused.getMessage());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "elf",
        "elf32",
        "kernel",
        "lime",
        "kdump",
        "flattened",
        "flattened-elf",
        "gzip-elf",
        "gzip-lime",
        "gzip-kdump",
        "gzip-flattened"
      })
  void everyKindHoldsTheMemoryItWasMadeOf(String kind) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory made = memory(arena);
      for (Opening opening : Opening.values()) {
        GuestMemory read = open(dump(kind, made), opening, arena);
        long words = 0;
        for (TableMemory.Run run : made.runs()) {
          for (long at = run.first(); at < run.first() + run.bytes().byteSize(); at += 8) {
            int found = read.find(at);
            assertTrue(found >= 0, kind);
            assertEquals(made.get(at), read.load(found, at), kind);
            words++;
          }
        }
        assertEquals(9 * 512, words);
        assertTrue(read.find(0xf_fff8) < 0 && read.find(0x10_6000) < 0 && read.find(0x40_3000) < 0);
      }
    }
  }

  @Test
  void segmentThatIsThereTwiceHasToBeEqual() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      String message = refusal(DumpFiles.kernelCore(memory(arena), true));
      assertTrue(message.contains("with other contents"), message);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "AVML | a compressed AVML dump | avml-convert",
        "PAGEDU64 | a Windows crash dump | volatility3",
        "LibvirtQemudSave | a state that virsh save wrote | virsh dump --memory-only",
        "QEVM | a migration stream of QEMU | dump-guest-memory",
        "\u00d2\u00be\u00d2\u00be | a VMware snapshot | .vmem",
        "(\u00b5/\u00fd | a zstd file | zstd -d",
        "\u00fd7zXZ\u0000 | an xz file | xz -d",
      })
  void closedKindsAreNamedWithTheWayOut(String magic, String name, String wayOut) {
    byte[] bytes = Arrays.copyOf(magic.getBytes(StandardCharsets.ISO_8859_1), 8192);
    String message = refusal(bytes);
    assertTrue(message.contains(name) && message.contains(wayOut), message);
  }

  @Test
  void headerIsNeverTakenForRawMemory() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory made = memory(arena);
      List<RawMemory.Mapping> mappings = RawMemory.parse(List.of("0,0x1000"));
      for (String kind : new String[] {"elf", "lime", "kdump", "flattened", "gzip-lime"}) {
        Path file = Files.write(folder.resolve("raw.bin"), dump(kind, made));
        ImageException refused =
            assertThrows(
                ImageException.class,
                () -> RawMemory.open(file, mappings, Opening.READ_ONLY, arena));
        assertTrue(String.valueOf(refused.getMessage()).endsWith("leave --ram out"));
      }
    }
  }

  @Test
  void pagesOfOtherCompressionsAreNamed() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      byte[] dump = DumpFiles.kdump(memory(arena));
      int descriptor = 0;
      while (!(dump[descriptor + 12] == 1 && descriptor % 4096 == 0 && descriptor >= 4 * 4096)) {
        descriptor += 4096;
      }
      for (int[] kind : new int[][] {{2, 'L'}, {4, 's'}, {0x20, 'z'}}) {
        dump[descriptor + 12] = (byte) kind[0];
        String message = refusal(dump);
        assertTrue(message.contains("packed with " + (char) kind[1]), message);
      }
    }
  }

  @Test
  void noDamageDoesMoreThanRefuseADump() throws IOException {
    SplittableRandom random = new SplittableRandom(23);
    int refused = 0;
    int rounds = 0;
    for (String kind : new String[] {"elf32", "kernel", "lime", "kdump", "flattened"}) {
      byte[] good;
      try (Arena arena = Arena.ofConfined()) {
        good = dump(kind, memory(arena));
      }
      for (int round = 0; round < 150; round++, rounds++) {
        byte[] bad =
            round % 4 == 0 ? Arrays.copyOf(good, 1 + random.nextInt(good.length)) : good.clone();
        for (int i = random.nextInt(6); i >= 0; i--) {
          int most = Math.min(bad.length, random.nextBoolean() ? 600 : bad.length);
          bad[random.nextInt(most)] = (byte) random.nextInt(256);
        }
        try (Arena arena = Arena.ofConfined()) {
          open(bad, Opening.READ_ONLY, arena);
        } catch (ImageException e) {
          refused++;
          assertEquals(1, String.valueOf(e.getMessage()).lines().count());
        }
      }
    }
    assertTrue(refused > rounds / 10 && refused < rounds, refused + " of " + rounds);
  }
}
