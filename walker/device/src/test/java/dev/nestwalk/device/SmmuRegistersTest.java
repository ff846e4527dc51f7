package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Registers of an SMMUv3, items 1 to 13 of the list of what a front end has to show. */
final class SmmuRegistersTest {
  private final SmmuGuest guest = new SmmuGuest();

  @AfterEach
  void close() {
    guest.close();
  }

  @Test
  @DisplayName("1: reset values")
  void resetValues() {
    assertEquals(SmmuGuest.id("IDR0"), guest.r(0));
    assertEquals(SmmuGuest.id("IDR1"), guest.r(4));
    assertEquals(SmmuGuest.id("IDR5"), guest.r(0x14));
    assertEquals(SmmuGuest.id("AIDR"), guest.r(0x1c));
    assertEquals(0x1000, guest.r(0x44), "GBPA: bypass, incoming shareability");
    for (int offset : new int[] {0x20, 0x24, 0x28, 0x2c, 0x40, 0x50, 0x54, 0x60, 0x64, 0x88}) {
      assertEquals(0, guest.r(offset), () -> "0x" + Integer.toHexString(offset));
    }
    guest.start(SmmuGuest.ON);
    guest.unit.reset();
    assertEquals(0, guest.r(0x24));
    assertEquals(0, guest.r8(0x80));
    assertEquals(0x1000, guest.r(0x44));
    assertTrue(guest.unit.guestErrors().isEmpty(), guest.unit.guestErrors()::toString);
  }

  @ParameterizedTest(name = "1: {0} with {1} is refused: {2}")
  @CsvSource({
    "IDR0, 15, IDR0.ATOS",
    "IDR0, 20, IDR0.VATOS",
    "IDR1, 28, IDR1.REL",
    "IDR1, 29, IDR1.QUEUES_PRESET",
    "IDR1, 30, IDR1.TABLES_PRESET",
    "IDR1, 31, IDR1.ECMDQ",
  })
  void capabilitiesThatTheUnitLacks(String register, int bit, String named) {
    Map<String, Long> with = Map.of(register, SmmuGuest.id(register) | 1L << bit);
    IllegalArgumentException refusal =
        assertThrows(IllegalArgumentException.class, () -> guest.newUnit(with));
    assertEquals(named + " is 1: expected 0, this unit has no such thing", refusal.getMessage());
  }

  @Test
  @DisplayName("1: a unit that stalls has tags for it")
  void stallsWithoutTags() {
    Map<String, Long> with = Map.of("IDR5", SmmuGuest.id("IDR5") & 0xffff);
    assertThrows(IllegalArgumentException.class, () -> guest.newUnit(with));
  }

  @Test
  @DisplayName("2: CR0 bits that do not exist are in neither CR0 nor CR0ACK")
  void reservedBitsOfCr0() {
    guest.w(0x20, 0xffff_fffeL);
    assertEquals(0x1de, guest.r(0x24), "PRIQEN, EVENTQEN, CMDQEN, ATSCHK, VMW");
    assertEquals(0x1de, guest.r(0x20));
    try (SmmuGuest small =
        new SmmuGuest(Map.of("IDR0", SmmuGuest.id("IDR0") & ~(0x31L << 12 | 0x400)))) {
      small.w(0x20, 0xffff_fffeL);
      assertEquals(0xc, small.r(0x24), "without PRI, ATS, VMW");
    }
  }

  @ParameterizedTest(name = "3: {0} is guarded by {2}")
  @CsvSource({
    "CR2,             2c,    4, 1,  f",
    "STRTAB_BASE,     80,    8, 1,  4000000012345640",
    "STRTAB_BASE_CFG, 88,    4, 1,  10210",
    "CMDQ_BASE,       90,    8, 8,  12345605",
    "CMDQ_CONS,       9c,    4, 8,  3",
    "EVENTQ_BASE,     a0,    8, 4,  12345605",
    "EVENTQ_PROD,     100a8, 4, 4,  80000003",
    "PRIQ_BASE,       c0,    8, 2,  12345605",
    "PRIQ_PROD,       100c8, 4, 2,  80000003",
    "CR1 TABLE,       28,    4, 1,  fc0",
    "CR1 QUEUE,       28,    4, 4,  3f",
  })
  void guardedByCr0(String name, String at, int size, int enable, String written) {
    int offset = Integer.parseInt(at, 16);
    guest.w(0x20, enable);
    long before = guest.unit.mmioRead(offset, size);
    guest.unit.mmioWrite(offset, size, Long.parseLong(written, 16));
    assertEquals(before, guest.unit.mmioRead(offset, size), name);
    assertTrue(guest.unit.guestErrors().toString().contains("guarded write while"), name);
    guest.w(0x20, 0);
    guest.unit.mmioWrite(offset, size, Long.parseLong(written, 16));
    assertTrue(before != guest.unit.mmioRead(offset, size), name + " takes the write when free");
  }

  @ParameterizedTest(name = "3: interrupt configuration at {0} is guarded by IRQ_CTRL bit {1}")
  @CsvSource({"68,1", "70,1", "74,1", "b0,4", "b8,4", "bc,4", "d0,2", "d8,2", "dc,2"})
  void guardedByIrqCtrl(String at, int enable) {
    int offset = Integer.parseInt(at, 16);
    guest.w(0x50, enable);
    guest.w(offset, 0x14);
    assertEquals(0, guest.r(offset));
    guest.w(0x50, 7 & ~enable);
    guest.w(offset, 0x14);
    assertEquals(0x14, guest.r(offset));
    assertEquals(7 & ~enable, guest.r(0x54));
  }

  @Test
  @DisplayName("3: the guestErrors names what was ignored and how often")
  void theDiaryNamesGuardedWrites() {
    guest.start(1);
    for (int i = 0; i < 3; i++) {
      guest.w8(0x80, 0);
    }
    assertEquals(
        "guarded write while SMMUEN=1: STRTAB_BASE, 3 times", guest.unit.guestErrors().toString());
  }

  @ParameterizedTest(name = "4: halves and whole of the 64-bit register at {0}")
  @ValueSource(ints = {0x68, 0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0})
  void halvesOf64BitRegisters(int offset) {
    guest.w8(offset, -1);
    long all = guest.r8(offset);
    assertTrue(all != 0);
    assertEquals(all & 0xffff_ffffL, guest.r(offset));
    assertEquals(all >>> 32, guest.r(offset + 4));
    guest.w(offset, 0);
    assertEquals(all & 0xffff_ffffL << 32, guest.r8(offset));
    guest.w8(offset, -1);
    guest.w(offset + 4, 0);
    assertEquals(all & 0xffff_ffffL, guest.r8(offset));
    guest.w(offset + 4, 0xffff_ffffL);
    assertEquals(all, guest.r8(offset));
  }

  @Test
  @DisplayName("4: 64 bits over two 32-bit registers are two accesses, the lower first")
  void wideAccessToNarrowRegisters() {
    assertEquals(guest.r(0) | guest.r(4) << 32, guest.r8(0));
    guest.w8(0x28, 0xfff | 2L << 32);
    assertEquals(0xfff, guest.r(0x28));
    assertEquals(2, guest.r(0x2c));
  }

  @Test
  @DisplayName("5: odd sizes and places read as zero, are ignored and counted")
  void oddAccesses() {
    for (int size : new int[] {-1, 0, 1, 2, 3, 5, 16, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      assertEquals(0, guest.unit.mmioRead(0, size));
      guest.unit.mmioWrite(0x20, size, 8);
    }
    for (long place : new long[] {1, 2, 3, -1, 0x21, Long.MIN_VALUE + 2}) {
      assertEquals(0, guest.unit.mmioRead(place, 4));
      guest.unit.mmioWrite(place, 4, -1);
    }
    assertEquals(0, guest.unit.mmioRead(0x84, 8), "64 bits at a multiple of 4");
    guest.unit.mmioWrite(0x84, 8, -1);
    assertEquals(0, guest.r8(0x80));
    assertEquals(0, guest.r(0x20));
    assertEquals(32, guest.unit.guestErrors().counts().values().stream().mapToLong(n -> n).sum());
  }

  @Test
  @DisplayName("6: queue indexes are in page 1; page 0 has no alias, page 1 none of page 0")
  void pages() {
    guest.w(SmmuGuest.EVENTQ_CONS, 5);
    guest.w(SmmuGuest.PRIQ_CONS, 6);
    assertEquals(5, guest.r(SmmuGuest.EVENTQ_CONS));
    assertEquals(6, guest.r(SmmuGuest.PRIQ_CONS));
    assertEquals(0, guest.r(0xac));
    assertEquals(0, guest.r(0xcc));
    guest.w(0xac, 9);
    assertEquals(5, guest.r(SmmuGuest.EVENTQ_CONS));
    assertEquals(0, guest.r(0x10000), "IDR0 is in page 0 alone");
    assertEquals(0, guest.r(0x10020));
  }

  @Test
  @DisplayName("7: the Secure window reads as zero")
  void secureWindow() {
    for (int offset = 0x8000; offset < 0xc000; offset += 4) {
      guest.w(offset, 0xffff_ffffL);
      assertEquals(0, guest.r(offset));
    }
  }

  @Test
  @DisplayName("8: where no register is, zero is read and writes are ignored")
  void unlistedOffsets() {
    for (long offset : new long[] {0x30, 0x38, 0x100, 0x130, 0x180, 0x190, 0x200, 0xfe0, 0x4000}) {
      guest.unit.mmioWrite(offset, 4, -1);
      assertEquals(0, guest.unit.mmioRead(offset, 4));
    }
    for (long offset : new long[] {0x20000, 1L << 32, Long.MIN_VALUE, -8, 0x1ffff0}) {
      guest.unit.mmioWrite(offset, 8, -1);
      assertEquals(0, guest.unit.mmioRead(offset, 8));
    }
    try (SmmuGuest plain = new SmmuGuest(Map.of("IDR0", 0xd44101aL))) {
      for (int offset : new int[] {0x68, 0x70, 0x74, 0xb0, 0xb8, 0xbc, 0xc0, 0x100c8, 0x100cc}) {
        plain.w(offset, 0xffff_ffffL);
        assertEquals(0, plain.r(offset), "neither MSI nor PRI");
      }
      assertTrue(
          plain.unit.guestErrors().isEmpty(), "Linux writes 0 there, whatever the unit can do");
    }
  }

  @Test
  @DisplayName("9: GBPA changes with UPDATE only, and decides what a bypass does")
  void gbpa() {
    Port port = guest.unit.port(SmmuGuest.STREAM);
    assertEquals(0x5000, Translation.address(port.translate(0x5000, Access.READ)));
    guest.w(0x44, 0x10_1000);
    assertEquals(0x1000, guest.r(0x44), "without UPDATE");
    guest.w(0x44, 0x8010_1000L);
    assertEquals(0x10_1000, guest.r(0x44), "UPDATE reads 0 when it is in force");
    assertTrue(Translation.isFault(port.translate(0x5000, Access.READ)));
    guest.start(SmmuGuest.ON);
    guest.w(0x44, 0x8000_1000L);
    assertEquals(0x1000, guest.r(0x44), "accepted while SMMUEN=1, too");
    assertEquals(SmmuGuest.OUTPUT, port.translate(SmmuGuest.IOVA, Access.READ) & (1L << 52) - 1);
    guest.w(0x20, 0);
    assertEquals(0x5000, Translation.address(port.translate(0x5000, Access.READ)));
    assertTrue(Translation.isFault(port.translate(1L << 48, Access.READ)), "beyond OAS");
    assertEquals(0, guest.r(SmmuGuest.EVENTQ_PROD), "without an event");
  }

  @Test
  @DisplayName("10: LOG2SIZE beyond the capability reads back as written, its use is capped")
  void queueSizeBeyondCapability() {
    try (SmmuGuest small =
        new SmmuGuest(Map.of("IDR1", SmmuGuest.id("IDR1") & ~(31L << 21) | 2 << 21))) {
      small.w8(0x90, small.commands | 19);
      assertEquals(small.commands | 19, small.r8(0x90));
      small.log2 = 2;
      small.w(0x20, 8);
      for (int i = 0; i < 11; i++) {
        small.sync();
        assertEquals(small.prod(), small.r(SmmuGuest.CMDQ_CONS), "wraps after 4 entries");
      }
    }
  }

  @Test
  @DisplayName("11: CMDQ_CONS takes writes while the queue is off, ERR never")
  void cmdqCons() {
    guest.w(SmmuGuest.CMDQ_CONS, 0x7f00_0005L);
    assertEquals(5, guest.r(SmmuGuest.CMDQ_CONS));
    guest.w(SmmuGuest.CMDQ_PROD, 5);
    guest.w(0x20, 8);
    guest.w(SmmuGuest.CMDQ_CONS, 0);
    assertEquals(5, guest.r(SmmuGuest.CMDQ_CONS));
  }

  @Test
  @DisplayName("12: EVENTQ_PROD takes writes while the queue is off")
  void eventqProd() {
    guest.w(SmmuGuest.EVENTQ_PROD, 0x8000_0007L);
    assertEquals(0x8000_0007L, guest.r(SmmuGuest.EVENTQ_PROD));
    guest.w(0x20, 4);
    guest.w(SmmuGuest.EVENTQ_PROD, 0);
    assertEquals(0x8000_0007L, guest.r(SmmuGuest.EVENTQ_PROD));
  }

  @ParameterizedTest(name = "13: the register at {0} is only read")
  @ValueSource(ints = {0, 4, 8, 0xc, 0x10, 0x14, 0x18, 0x1c, 0x24, 0x40, 0x54, 0x60})
  void readOnly(int offset) {
    long before = guest.r(offset);
    guest.w(offset, 0x5a5a_5a5aL);
    assertEquals(before, guest.r(offset));
    assertTrue(
        guest.unit.guestErrors().toString().startsWith("write to a register that is only read"));
  }
}
