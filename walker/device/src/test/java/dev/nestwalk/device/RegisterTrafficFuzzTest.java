package dev.nestwalk.device;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.nestwalk.dma.Access;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;

/**
 * A guest that writes anything anywhere, tables and queues included, with DMA in between: units
 * never throw and never hang. The build replays the inputs beside (resources); CONTRIBUTING tells
 * how to search for new ones.
 */
class RegisterTrafficFuzzTest {
  private static final int SIZE = 1 << 16;

  /** Of every unit in turn: to clear it takes less than to allocate it. */
  private static final MemorySegment RAM = Arena.global().allocate(SIZE, 4096);

  private static final int MOST = 400;

  /** A search likes them, and they are most of its time: a snapshot names every register. */
  private static final int MOST_RESTORES = 3;

  private static final Map<String, Long> VTD =
      Map.of("CAP", 0x19ed_008c_4069_0462L & ~(1L << 61), "ECAP", 0xf02_0dfL);

  @FuzzTest(maxDuration = "10m")
  void vtd(byte[] bytes) {
    drive(VtdUnit.of(options(), VTD, -1), bytes, 0x1000);
  }

  @FuzzTest(maxDuration = "10m")
  void smmu(byte[] bytes) {
    drive(SmmuUnit.of(options(), SmmuGuest.registers()), bytes, 0x2_0000);
  }

  private static UnitOptions options() {
    RAM.fill((byte) 0);
    return UnitOptions.of(GuestMemory.of(RAM, 0), (address, data) -> (address & 1) == 0);
  }

  /** What the bytes say: an operation, where, and a value. */
  private static void drive(Unit unit, byte[] bytes, int registers) {
    ByteBuffer input = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    Port port = unit.port(1);
    MemorySegment buffer = MemorySegment.ofArray(new byte[64]);
    int restores = 0;
    for (int i = 0; i < MOST && input.remaining() >= 12; i++) {
      int operation = input.get();
      // The registers that matter lie below 0x200; the rest has its turn, too.
      int where = Short.toUnsignedInt(input.getShort());
      int page = input.get() & 3;
      long value = input.getLong();
      int offset = page == 3 ? where % registers : where & 0x1ff;
      switch (operation & 15) {
        case 0, 1, 2, 3 -> unit.mmioWrite(offset & ~3, 4, value);
        case 4, 5 -> unit.mmioWrite(offset & ~7, 8, value);
        case 6 -> unit.mmioRead(offset & ~3, 4);
        case 7 -> unit.mmioRead(offset, 1 << (operation >> 4 & 3));
        case 8, 9, 10 -> RAM.set(ValueLayout.JAVA_LONG, where & SIZE - 8, value);
        case 11 -> port.translate(value, Access.READ);
        case 12 -> port.write(value & 0xffff, buffer);
        case 13 -> port.read(value, buffer);
        case 14 -> {
          port.done();
          unit.done();
        }
        default -> {
          if ((operation & 16) == 0) {
            unit.reset();
          } else if (restores++ < MOST_RESTORES) {
            unit.restore(unit.snapshot());
          }
        }
      }
      port.done();
    }
  }
}
