package dev.nestwalk.teach;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.fixtures.DumpFiles;
import dev.nestwalk.fixtures.ScenarioFiles;
import dev.nestwalk.fixtures.TableMemory;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.ImageException;
import dev.nestwalk.memory.MemoryDump;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.memory.Unpacking;
import io.airlift.compress.v3.Compressor;
import io.airlift.compress.v3.lzo.LzoCompressor;
import io.airlift.compress.v3.snappy.SnappyJavaCompressor;
import io.airlift.compress.v3.zstd.ZstdJavaCompressor;
import io.airlift.compress.v3.zstd.ZstdOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Dumps packed with LZO, Snappy and Zstandard hold what was packed; damaged ones are refused. */
class CompressionsTest {
  @TempDir Path folder;

  /** Pages that pack well, pages of zeros, and, where DumpFiles leaves them unpacked, of noise. */
  private static TableMemory memory(Arena arena) {
    TableMemory memory = new TableMemory(arena).run(0x10_0000, 12);
    SplittableRandom random = new SplittableRandom(41);
    for (int i = 0; i < 512; i++) {
      memory.put(0x10_0000 + i * 8L, i >>> 3);
      memory.put(0x10_1000 + i * 8L, random.nextLong());
      memory.put(0x10_2000 + i * 8L, 0x8000_0000_0000_0003L | (long) i << 12);
      memory.put(0x10_4000 + random.nextInt(512) * 8L, random.nextInt(1 << 20));
      memory.put(0x10_6000 + i * 8L, i % 7 * 0x0101_0101L);
    }
    return memory;
  }

  private static byte[] pack(Compressor compressor, byte[] bytes) {
    byte[] packed = new byte[compressor.maxCompressedLength(bytes.length)];
    int size = compressor.compress(bytes, 0, bytes.length, packed, 0, packed.length);
    return Arrays.copyOf(packed, size);
  }

  private static byte[] kdump(TableMemory memory, int compression) {
    Compressor compressor =
        switch (compression) {
          case Unpacking.LZO -> new LzoCompressor();
          case Unpacking.SNAPPY -> new SnappyJavaCompressor();
          default -> new ZstdJavaCompressor();
        };
    return DumpFiles.kdump(memory, compression, page -> pack(compressor, page));
  }

  private static byte[] zstd(byte[] bytes) throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (ZstdOutputStream out = new ZstdOutputStream(packed)) {
      out.write(bytes);
    }
    return packed.toByteArray();
  }

  private GuestMemory open(byte[] bytes, Arena arena) throws IOException {
    Path file = Files.write(folder.resolve("dump.bin"), bytes);
    return MemoryDump.open(file, List.of(), Opening.READ_ONLY, new Compressions(), arena);
  }

  private void assertHolds(TableMemory made, byte[] dump) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory read = open(dump, arena);
      for (long at = 0x10_0000; at < 0x10_c000; at += 8) {
        int found = read.find(at);
        assertTrue(found >= 0);
        assertEquals(made.get(at), read.load(found, at));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {Unpacking.LZO, Unpacking.SNAPPY, Unpacking.ZSTD})
  void pagesOfEveryCompressionAreUnpacked(int compression) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory made = memory(arena);
      assertHolds(made, kdump(made, compression));
      assertHolds(made, DumpFiles.flattened(kdump(made, compression)));
    }
  }

  @Test
  void filesPackedWithZstdAreToldByTheirFirstBytes() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      TableMemory made = memory(arena);
      assertHolds(made, zstd(ScenarioFiles.core(made)));
      assertHolds(made, zstd(DumpFiles.lime(made)));
      assertHolds(made, zstd(DumpFiles.kdump(made)));
    }
  }

  @Test
  void zstdStreamThatEndsTooEarlyIsRefusedInOneLine() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      byte[] whole = zstd(ScenarioFiles.core(memory(arena)));
      for (int size : new int[] {4, 5, 9, whole.length / 2, whole.length - 1}) {
        ImageException refused =
            assertThrows(ImageException.class, () -> open(Arrays.copyOf(whole, size), arena));
        String message = String.valueOf(refused.getMessage());
        assertTrue(message.contains("zstd stream"), message);
        assertEquals(1, message.lines().count());
      }
    }
  }

  @Test
  void noDamageDoesMoreThanRefuseADump() throws IOException {
    SplittableRandom random = new SplittableRandom(43);
    int refused = 0;
    int rounds = 0;
    try (Arena all = Arena.ofConfined()) {
      TableMemory made = memory(all);
      byte[][] good = {
        kdump(made, Unpacking.LZO),
        kdump(made, Unpacking.SNAPPY),
        kdump(made, Unpacking.ZSTD),
        zstd(ScenarioFiles.core(made))
      };
      for (byte[] whole : good) {
        // What is packed lies at the end; a header that is damaged is another test's.
        int from = Math.max(0, whole.length - 24 * 4096);
        for (int round = 0; round < 400; round++, rounds++) {
          byte[] bad = whole.clone();
          for (int i = random.nextInt(6); i >= 0; i--) {
            bad[random.nextInt(from, bad.length)] = (byte) random.nextInt(256);
          }
          try (Arena arena = Arena.ofConfined()) {
            open(bad, arena);
          } catch (ImageException e) {
            refused++;
            assertEquals(1, String.valueOf(e.getMessage()).lines().count());
          }
        }
      }
    }
    assertTrue(refused > rounds / 20 && refused < rounds, refused + " of " + rounds);
  }
}
