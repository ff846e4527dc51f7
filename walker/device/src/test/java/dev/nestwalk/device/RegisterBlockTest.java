package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.nestwalk.device.RegisterBlock.Register;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where registers lie in a block, and which of their bits move. */
final class RegisterBlockTest {
  private static final Register NARROW = new Register("NARROW", 0, 4, 0xff, 0x100, 0x8, 0x101);
  private static final Register WIDE =
      new Register("WIDE", 8, 8, 0xff00_0000_0000_00ffL, 1L << 32, 1L << 33, 3L << 32);

  private final RegisterBlock block = new RegisterBlock(32, List.of(NARROW, WIDE));

  @Test
  void eachRegisterIsFoundInAllOfItsWords() {
    assertEquals(32, block.bytes());
    assertEquals(List.of(NARROW, WIDE), block.registers());
    assertSame(NARROW, block.at(0));
    assertNull(block.at(4));
    assertSame(WIDE, block.at(8));
    assertSame(WIDE, block.at(12));
    assertNull(block.at(28));
    assertEquals(0x101, block.get(NARROW));
    assertEquals(3L << 32, block.get(WIDE));
  }

  @Test
  void softwareSeesWhatIsNotHiddenAndChangesWhatItMay() {
    assertEquals(0x101, block.read(0, 4));
    assertEquals(1L << 32, block.read(8, 8), "a bit of the upper word is hidden");
    block.store(0, -1);
    assertEquals(0x0ff, block.get(NARROW));
    assertEquals(0x0f7, block.read(0, 4));
    block.store(8, 0x7777_7777);
    block.store(12, 0x7777_7777);
    assertEquals(0x7700_0002_0000_0077L, block.get(WIDE));
    block.store(4, -1);
    assertEquals(0xf7, block.read(0, 8), "nothing is there");
    block.reset();
    assertEquals(0x101, block.get(NARROW));
  }

  /** The block has 32 bytes, registers at 0 and 8. */
  @ParameterizedTest(name = "{1} bytes at {0}")
  @CsvSource({"0, 4", "8, 4", "12, 4", "8, 8", "28, 8", "32, 4", "32, 8", "36, 4", "4096, 4"})
  void aRegisterOverAnotherOrOutsideTheBlockIsRefused(int offset, int bytes) {
    Register other = new Register("OTHER", offset, bytes, 0, 0, 0, 0);
    List<Register> all = List.of(NARROW, WIDE, other);
    String message =
        assertThrows(IllegalArgumentException.class, () -> new RegisterBlock(32, all)).getMessage();
    String over = offset == 0 ? "NARROW" : offset < 16 ? "WIDE" : "OTHER";
    assertEquals(
        "OTHER at 0x%x: expected a place of its own within 0x20 bytes, not over %s"
            .formatted(offset, over),
        message);
  }

  @ParameterizedTest(name = "{1} bytes at {0}")
  @CsvSource({"4, 4", "16, 8", "24, 8", "28, 4"})
  void aRegisterMayFillTheBlockToItsEnd(int offset, int bytes) {
    Register other = new Register("OTHER", offset, bytes, 0, 0, 0, 5);
    RegisterBlock full = new RegisterBlock(32, List.of(NARROW, WIDE, other));
    assertSame(other, full.at(offset + bytes - 4));
    assertEquals(5, full.get(other));
  }
}
