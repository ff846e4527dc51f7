package dev.nestwalk.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What an SMMUv3's caches hold after its registers changed, or a VMID was named loosely. */
final class SmmuCachesTest {
  private static final long OTHER = SmmuGuest.OUTPUT + 0x7000;

  private final SmmuGuest guest = new SmmuGuest();

  @AfterEach
  void close() {
    guest.close();
  }

  private SmmuUnit unit(boolean keeps) {
    UnitOptions options = UnitOptions.of(guest.memory, guest);
    SmmuUnit unit = SmmuUnit.of(keeps ? options.withKeptCaches() : options, SmmuGuest.registers());
    unit.mmioWrite(0x80, 8, guest.register("STRTAB_BASE"));
    unit.mmioWrite(0x88, 4, guest.register("STRTAB_BASE_CFG"));
    unit.mmioWrite(0x90, 8, guest.commands | guest.log2);
    unit.mmioWrite(0x20, 4, 9);
    return unit;
  }

  /** Maps the page elsewhere, without telling. */
  private void remap() {
    long leaf = guest.tables.descriptorAddress(SmmuGuest.IOVA, 3);
    guest.ram.put(leaf, guest.ram.get(leaf) ^ SmmuGuest.OUTPUT ^ OTHER);
  }

  private static long translated(Port port) {
    long answer = port.translate(SmmuGuest.IOVA, Access.READ);
    port.done();
    return Translation.address(answer);
  }

  @ParameterizedTest(name = "kept: {0}")
  @CsvSource({"true", "false"})
  void switchingOffAndOnKeepsCachesIfAsked(boolean keeps) {
    SmmuUnit unit = unit(keeps);
    Port port = unit.port(SmmuGuest.STREAM);
    assertEquals(SmmuGuest.OUTPUT, translated(port));
    remap();
    assertEquals(SmmuGuest.OUTPUT, translated(port), "cached");
    unit.mmioWrite(0x20, 4, 8);
    unit.mmioWrite(0x20, 4, 9);
    assertEquals(keeps ? SmmuGuest.OUTPUT : OTHER, translated(port));
    guest.put(0x30, 0);
    unit.mmioWrite(SmmuGuest.CMDQ_PROD, 4, 1);
    assertEquals(OTHER, translated(port), "invalidated");
  }

  @Test
  void resetAndRestoreDropCaches() {
    SmmuUnit unit = unit(true);
    Port port = unit.port(SmmuGuest.STREAM);
    assertEquals(SmmuGuest.OUTPUT, translated(port));
    Snapshot state = unit.snapshot();
    remap();
    unit.restore(state);
    assertEquals(OTHER, translated(port));
    remap();
    unit.reset();
    unit.restore(state);
    assertEquals(SmmuGuest.OUTPUT, translated(port));
  }

  @ParameterizedTest(name = "CR0.VMW = {0}: dropped {1}")
  @CsvSource({"0, false", "1, true", "4, true"})
  void wildcardsReachOtherVmids(int wildcard, boolean dropped) {
    SmmuUnit unit = unit(false);
    Port port = unit.port(SmmuGuest.STREAM);
    unit.mmioWrite(0x20, 4, 9 | wildcard << 6);
    assertEquals(SmmuGuest.OUTPUT, translated(port));
    remap();
    guest.put(0x10 | 1L << 32, 0);
    unit.mmioWrite(SmmuGuest.CMDQ_PROD, 4, 1);
    assertEquals(dropped ? OTHER : SmmuGuest.OUTPUT, translated(port), "of VMID 0, by VMID 1");
  }
}
