package dev.nestwalk.teach;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.nestwalk.fixtures.Scenarios;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.Opening;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An image of 4 GiB: mapped, never copied, not even where it is write-protected. */
class BigImageTest {
  private static final long SIZE = 4L << 30;
  private static final int HEADERS = 4096;

  @TempDir private Path folder = Path.of("");

  /** The teaching image in a core file of 4 GiB, nearly all of it a hole. */
  static Path make(Path folder) throws IOException {
    Path small = Scenarios.fixtures().resolve("teaching/vtd-nested");
    Image image = Image.ofScenario(small, null);
    Path big = folder.resolve("big.elf");
    try (RandomAccessFile file = new RandomAccessFile(big.toFile(), "rw");
        Arena arena = Arena.ofConfined()) {
      file.setLength(HEADERS + SIZE);
      file.write(header());
      GuestMemory memory = image.open(Opening.READ_ONLY, arena);
      for (int run = 0; run < memory.runCount(); run++) {
        if (!memory.readsAsZero(run)) {
          long length = memory.last(run) - memory.first(run) + 1;
          file.seek(HEADERS + memory.first(run));
          file.write(
              memory
                  .slice(memory.first(run), length)
                  .toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
        }
      }
    }
    Files.copy(image.registersFile(), folder.resolve("big.json"));
    assertTrue(big.toFile().setReadOnly());
    return big;
  }

  /** ELF64 core with one PT_LOAD at address 0. */
  private static byte[] header() {
    ByteBuffer bytes = ByteBuffer.allocate(HEADERS).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1});
    bytes.putShort(16, (short) 4).putShort(18, (short) 62).putInt(20, 1);
    bytes.putLong(32, 64).putShort(52, (short) 64).putShort(54, (short) 56).putShort(56, (short) 1);
    bytes.putInt(64, 1).putInt(68, 6).putLong(72, HEADERS);
    bytes.putLong(96, SIZE).putLong(104, SIZE).putLong(112, 4096);
    return bytes.array();
  }

  private static JsonObject request(String text) {
    return JsonParser.parseString(text.replace('\'', '"')).getAsJsonObject();
  }

  /** All ranges, asked for part by part: a part ends after some time, however slow the machine. */
  private static int ranges(Exploration exploration) throws Exception {
    int count = 0;
    String from = "0x0";
    while (!from.isEmpty()) {
      JsonObject part =
          exploration.ranges(
              new ApiRequest(request("{'source': '0x10', 'from': '%s'}".formatted(from))));
      count += part.getAsJsonArray("ranges").size();
      from = part.get("next").getAsString();
    }
    return count;
  }

  @Test
  void isWalkedAndChangedWithoutACopy() throws Exception {
    Path big = make(folder);
    Runtime runtime = Runtime.getRuntime();
    long began = System.nanoTime();
    Image image = Image.ofScenario(big, folder.resolve("big.json"));
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = image.open(Opening.READ_ONLY, arena);
      Exploration exploration = new Exploration(image, memory, Guards.usual(true));
      exploration.endpoints();
      ApiRequest asked =
          new ApiRequest(
              request(
                  "{'source': '0x10', 'iova': '0x40001008', 'address': '0x101010', 'bit': '0'}"));
      JsonObject walk = exploration.walk(asked).getAsJsonObject("walk");
      assertEquals("0x80000008", walk.getAsJsonObject("answer").get("output").getAsString());
      assertTrue(ranges(exploration) > 2);
      exploration.flip(asked);
      assertEquals(1, exploration.walk(asked).getAsJsonArray("changes").size());
      System.out.printf(
          "4 GiB image: endpoints, walk, ranges and a change after %d ms, heap %d MiB%n",
          (System.nanoTime() - began) / 1_000_000,
          runtime.totalMemory() - runtime.freeMemory() >> 20);
    }
    assertTrue(Files.size(big) > SIZE);
  }
}
