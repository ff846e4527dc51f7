package dev.nestwalk.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RawMemoryTest {
  @TempDir private Path folder = Path.of("");

  @Test
  void mappingsFollowEachOtherInTheFile() throws IOException {
    Path file = Files.write(folder.resolve("ram.bin"), ElfBytes.words(1024, 5));
    List<RawMemory.Mapping> mappings =
        RawMemory.parse(List.of("0,1000", "0x100000000,4K", "8000,8,0x10"));
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = RawMemory.open(file, mappings, Opening.READ_ONLY, arena);
      assertEquals(5L << 32, memory.load(memory.find(0), 0));
      long high = 0x1_0000_0000L;
      assertEquals(5L << 32 | 512, memory.load(memory.find(high), high));
      assertEquals(5L << 32 | 2, memory.load(memory.find(0x8000), 0x8000));
      assertFalse(memory.holds(0x1000));
    }
  }

  @Test
  void mappingsThatDoNotFit() throws IOException {
    Path file = Files.write(folder.resolve("ram.bin"), new byte[4096]);
    try (Arena arena = Arena.ofConfined()) {
      for (List<String> bad :
          List.of(
              List.of("0,1008"),
              List.of("0,1000,8"),
              List.of("0,8,ffffffffffffffff"),
              List.of("0,ffffffffffffff00"),
              List.of("0,800", "7f8,10,0"))) {
        List<RawMemory.Mapping> mappings = RawMemory.parse(bad);
        assertThrows(
            ImageException.class,
            () -> RawMemory.open(file, mappings, Opening.READ_ONLY, arena),
            bad::toString);
      }
    }
  }

  @Test
  void textsThatAreNoMapping() {
    for (String bad :
        List.of(
            "",
            "0",
            "0,",
            "0,0",
            "1,8",
            "0,9",
            "x,8",
            "0,8,8,8",
            "0,aG",
            "0,99999999T",
            "fffffffffffffff8,10")) {
      assertThrows(IllegalArgumentException.class, () -> RawMemory.parse(List.of(bad)), bad);
    }
  }
}
