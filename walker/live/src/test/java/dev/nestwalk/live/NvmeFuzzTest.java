package dev.nestwalk.live;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * An NVMe driver that writes any command into any queue and anything into the registers: the
 * controller completes, refuses or stops with its fatal status, and never throws. The build replays
 * the inputs beside (resources); CONTRIBUTING tells how to search for new ones.
 */
class NvmeFuzzTest {
  private static final int MOST = 64;
  private static final MemoryDma MEMORY = new MemoryDma();
  private static final Disk DISK = Disk.inMemory(64);
  private static final Nvme CONTROLLER =
      new Nvme("nvme", 0x18, (source, pasid) -> MEMORY, DISK, line -> {});
  private static final NvmeEngine ENGINE = new NvmeEngine(CONTROLLER, DISK, NvmeFuzzTest::say);

  static {
    CONTROLLER.end(); // the test's thread runs an engine of its own
    CONTROLLER.writeConfig(4, new byte[] {6, 0});
    CONTROLLER.writeConfig(0x44, new byte[] {0, 0, (byte) 0xe0, (byte) 0xfe, 0, 0, 0, 0});
    CONTROLLER.writeConfig(0x42, new byte[] {1, 0});
  }

  private static void say(String line) {
    if (line.isBlank() || line.indexOf('\n') >= 0) {
      throw new AssertionError("told in one line: " + line);
    }
  }

  private static void register(int offset, long value, int size) {
    byte[] bytes = new byte[size];
    PciFunction.put(value, bytes);
    CONTROLLER.write(0, offset, bytes);
  }

  @FuzzTest(maxDuration = "10m")
  void commands(byte[] bytes) throws InterruptedException {
    ByteBuffer input = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    MEMORY.memory.asSlice(0, 0x9000).fill((byte) 0);
    MEMORY.messages.clear();
    CONTROLLER.reset();
    register(Nvme.AQA, 7 | 7 << 16, 4);
    register(Nvme.ASQ, 0x1000, 8);
    register(Nvme.ACQ, 0x2000, 8);
    register(Nvme.CC, 1 | 6 << 16 | 4 << 20, 4);
    ENGINE.run();
    for (int i = 0; i < MOST && input.remaining() >= 4; i++) {
      int operation = input.get();
      int queue = input.get() & 3;
      int slot = input.get() & 7;
      int length = Math.min(input.get() & 63, input.remaining());
      switch (operation & 3) {
        case 0 -> {
          // A command: its first words, at a place of a queue that the bytes of a guest choose.
          long at = 0x1000 + 0x1000L * queue + 64L * slot;
          for (int word = 0; word + 4 <= length; word += 4) {
            MEMORY.half(at + word, input.getInt());
          }
          register(0x1000 + 8 * (operation >> 2 & 7), slot + 1 & 7, 4);
        }
        case 1 -> {
          long value = length >= 8 ? input.getLong() : length;
          register((operation >> 2 & 15) * 4, value, (slot & 1) == 0 ? 4 : 8);
        }
        case 2 -> {
          if (length >= 8) {
            register(0x1000 + 4 * (operation >> 2 & 31), input.getLong(), 4);
          }
        }
        default -> {
          if (length >= 8) {
            MEMORY.word((queue << 12 | slot << 3) & MemoryDma.SIZE - 8, input.getLong());
          }
        }
      }
      ENGINE.run();
      MEMORY.messages.clear();
    }
  }
}
