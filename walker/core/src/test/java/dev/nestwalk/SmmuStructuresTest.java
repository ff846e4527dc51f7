package dev.nestwalk;

import static dev.nestwalk.SmmuLab.ADDRESS;
import static dev.nestwalk.SmmuLab.BYPASS;
import static dev.nestwalk.SmmuLab.FIRST;
import static dev.nestwalk.SmmuLab.NESTED;
import static dev.nestwalk.SmmuLab.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.StreamEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
import dev.nestwalk.smmu.EventCode;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sizes and shapes of SMMUv3's structures: which are legal, and what they reach. */
final class SmmuStructuresTest {
  private static final int R = Access.READ;

  private final Arena arena = Arena.ofConfined();
  private final SmmuLab lab = new SmmuLab(arena);

  @AfterEach
  void close() {
    arena.close();
  }

  private void word(long at, int shift, long mask, long value) {
    lab.memory.put(at, lab.memory.get(at) & ~(mask << shift) | value << shift);
  }

  /** Leaves of 2^(span - 1) entries, at most 2^split and 1024, aligned to their size. */
  @ParameterizedTest
  @ValueSource(ints = {6, 8, 10})
  void twoLevelStreamTables(int split) {
    lab.readOnlyMemory();
    long level1 = lab.memory.allocate();
    lab.machine.register("STRTAB_BASE", level1);
    lab.machine.register("STRTAB_BASE_CFG", split + 2 | (long) split << 6 | 1L << 16);
    for (int span = 0; span < 32; span++) {
      for (int leaf = 0; leaf < 4; leaf += 3) {
        // Pointers are aligned down, here to the table of all streams.
        lab.memory.put(
            level1 + 8L * leaf, lab.machine.streamAddress(0) + (span > 3 ? 64 : 0) | span);
        boolean legal = span > 0 && span <= Math.min(11, split + 1);
        int base = leaf << split;
        int size = legal ? 1 << span - 1 : 1;
        int code = lab.ask(base + FIRST, ADDRESS, R).code();
        assertEquals(legal && size > FIRST ? 0 : EventCode.C_BAD_STREAMID, code, "SPAN " + span);
        lab.ask(base + size - 1, ADDRESS, R);
        if (size < 1 << split) {
          assertEquals(EventCode.C_BAD_STREAMID, lab.ask(base + size, ADDRESS, R).code());
        }
      }
    }
    lab.ask((4 << split) - 1, ADDRESS, R);
    assertEquals(EventCode.C_BAD_STREAMID, lab.ask(4 << split, ADDRESS, R).code());
    lab.machine.register("STRTAB_BASE", SmmuLab.OUTSIDE);
    assertEquals(EventCode.F_STE_FETCH, lab.ask(1 << split, ADDRESS, R).code());
  }

  /** Of two CDs; a fault of SubstreamID 0 says that there was one (7.3, SSV). */
  @ParameterizedTest
  @CsvSource({"-1, 0", "0, 0x800", "1, 0x800"})
  void substream0IsOneToo(int substream, String valid) {
    StreamEntry bypassing = new StreamEntry(5).stage1(lab.contexts, 1, 0, 1);
    StreamEntry first = new StreamEntry(5).stage1(lab.contexts, 0, 0, 0);
    lab.machine.context(lab.contexts + 64, lab.firstContext());
    lab.machine.stream(FIRST, substream < 0 ? first : bypassing);
    assertEquals(EventCode.F_TRANSLATION, lab.ask(FIRST, substream, 0x1000, R).code());
    assertEquals(Long.decode(valid), lab.fault().word(0) & 0x800);
    assertEquals(Math.max(0, substream), lab.fault().word(0) >>> 12 & 0xfffff);
  }

  /** A leaf is aligned to its size, and need not be to more. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5})
  void aLeafOfStreamsLiesAtAMultipleOfItsSize(int span) {
    long size = 64L << span - 1;
    long level1 = lab.memory.allocate();
    long leaf = lab.memory.allocate() + size;
    lab.machine.register("STRTAB_BASE", level1);
    lab.machine.register("STRTAB_BASE_CFG", 8 | 6L << 6 | 1L << 16);
    for (long word = 0; word < 64; word += 8) {
      lab.memory.put(leaf + word, lab.memory.get(lab.machine.streamAddress(FIRST) + word));
    }
    for (long below = 0; below < size; below += 64) {
      lab.memory.put(level1, leaf + below | span);
      assertEquals(0, lab.ask(0, ADDRESS, R).code(), "0x%x below".formatted(below));
    }
  }

  /** A VMID of 9 bits, on a unit with 8, matters to streams of regimes that have a VMID. */
  @ParameterizedTest
  @CsvSource({"0xff", "0x100"})
  void vmidsHaveTheirSize(String vmid) {
    lab.register("IDR0", 1L << 18, 0);
    Set<Integer> codes = new TreeSet<>();
    for (int stream : new int[] {FIRST, SECOND, NESTED, BYPASS}) {
      word(lab.machine.streamAddress(stream) + 16, 0, 0xffff, Long.decode(vmid));
      for (int world = 0; world < 4; world++) {
        word(lab.machine.streamAddress(stream) + 8, 30, 3, world);
        for (int e2h = 0; e2h < 2; e2h++) {
          codes.add(lab.register("CR2", 1, e2h).ask(stream, ADDRESS, R).code());
        }
      }
    }
    assertTrue(codes.containsAll(Set.of(0, EventCode.C_BAD_STE)), "kinds of answers: " + codes);
  }

  /** Bits of STRTAB_BASE below the table's size do not count, and those above it do (6.3.24). */
  @ParameterizedTest
  @ValueSource(ints = {0, 0x40, 0x80, 0x100, 0x1c0})
  void aStreamTableLiesAtAMultipleOfItsSize(int below) {
    lab.machine.register("STRTAB_BASE", lab.machine.streamAddress(0) | (long) below << 3);
    assertEquals(0, lab.ask(FIRST, ADDRESS, R).code(), "64 entries of 64 bytes");
    // 2^12 StreamIDs, 2^6 of them to each of 64 descriptors of 8 bytes.
    long level1 = lab.memory.allocate() + 512;
    lab.memory.put(level1, lab.machine.streamAddress(0) | 7);
    lab.machine.register("STRTAB_BASE", level1 | below);
    lab.machine.register("STRTAB_BASE_CFG", 12 | 6L << 6 | 1L << 16);
    assertEquals(0, lab.ask(FIRST, ADDRESS, R).code(), "of two levels");
  }

  /** An ASID of 9 bits, on a unit with 8, and one of 8. */
  @ParameterizedTest
  @CsvSource({"0xff, 0", "0x100, 0x0a"})
  void asidsHaveTheirSize(String asid, String code) {
    lab.register("IDR0", 1L << 12, 0);
    word(lab.contexts, 48, 0xffff, Long.decode(asid));
    assertEquals(Integer.decode(code), lab.ask(FIRST, ADDRESS, R).code());
  }

  /** Only tables with addresses of 52 bits have blocks there (DDI 0487, D8.3). */
  @ParameterizedTest
  @CsvSource({"12, 0, 48", "14, 1, 47", "16, 1, 48"})
  void noBlocksAboveTheSecondLevel(int granule, int start, int bits) {
    VmsaTables first = new VmsaTables(lab.memory, granule, start, bits);
    VmsaTables second = new VmsaTables(lab.memory, granule, start, bits);
    for (VmsaTables tables : List.of(first, second)) {
      tables.map(ADDRESS, SmmuLab.PAGE, 3, SmmuLab.SECOND_PAGE);
      lab.memory.put(tables.descriptorAddress(ADDRESS, start), 1 | SmmuLab.SECOND_PAGE);
    }
    lab.machine.context(lab.contexts, new ContextEntry(48).lower(first));
    lab.machine.stream(SECOND, new StreamEntry(6).stage2(second, 48));
    for (int stream : new int[] {FIRST, SECOND}) {
      assertEquals(EventCode.F_TRANSLATION, lab.ask(stream, ADDRESS, R).code());
    }
  }

  /** S2PTW keeps tables of stage 1 out of Device memory, which S2FWB encodes otherwise. */
  @ParameterizedTest
  @CsvSource({"false, false", "false, true", "true, false", "true, true"})
  void protectedWalks(boolean forced, boolean capable) {
    lab.register("IDR3", 1L << 8, capable ? 1L << 8 : 0).stream(NESTED, 182);
    if (forced) {
      lab.flipStream(NESTED, 89);
    }
    Set<Integer> codes = new TreeSet<>();
    for (int type = 0; type < 16; type++) {
      for (long page : new long[] {lab.guest.root(), lab.guestContexts, SmmuLab.IPA}) {
        long at = lab.second.descriptorAddress(page, 3);
        long before = lab.memory.get(at);
        word(at, 2, 15, type);
        codes.add(lab.ask(NESTED, ADDRESS, R).code());
        lab.memory.put(at, before);
      }
    }
    assertEquals(Set.of(0, EventCode.F_PERMISSION), codes);
  }

  /** Every size of input with every granule and start level, under several sizes of the unit. */
  @ParameterizedTest
  @CsvSource({"1, 0", "2, 0", "3, 0", "4, 0", "5, 0", "5, 0x400", "6, 0", "6, 0x480"})
  void geometries(int oas, String wide) {
    lab.readOnlyMemory().register("IDR5", 0x7, oas | Long.decode(wide));
    Set<Integer> codes = new TreeSet<>();
    long ste = lab.machine.streamAddress(SECOND);
    for (int small = 0; small < 2; small++) {
      lab.register("IDR3", 1L << 9, (long) small << 9);
      for (int granule = 0; granule < 3; granule++) {
        word(ste + 16, 46, 3, granule);
        word(lab.contexts, 6, 3, granule);
        for (int size = 10; size < 64; size++) {
          word(ste + 16, 32, 63, size);
          word(lab.contexts, 0, 63, size);
          codes.add(lab.ask(FIRST, ADDRESS, R).code());
          for (int start = 0; start < 4; start++) {
            word(ste + 16, 38, 3, start);
            codes.add(lab.ask(SECOND, ADDRESS, R).code());
          }
        }
      }
    }
    assertTrue(codes.containsAll(Set.of(EventCode.C_BAD_CD, EventCode.C_BAD_STE)), "" + codes);
  }

  @Test
  void address0IsOfTheLowerRange() {
    lab.first.map(0, SmmuLab.PAGE, 3, SmmuLab.FIRST_PAGE);
    VmsaTables upper = new VmsaTables(lab.memory, 12, 1, 39);
    lab.machine.context(lab.contexts, lab.firstContext().upper(upper));
    assertEquals(0, lab.ask(FIRST, 0, R).code());
    assertEquals(EventCode.F_TRANSLATION, lab.ask(FIRST, -1L << 39, R).code());
  }

  /** A flag of stage 1 is set by a write to its table, which stage 2 has to allow. */
  @ParameterizedTest
  @CsvSource({"3, 0", "1, 0x13"})
  void flagsOfStage1NeedStage2sRightToWrite(int rights, String code) {
    lab.machine.context(lab.guestContexts, lab.guestContext().set(43));
    lab.guest.map(ADDRESS, SmmuLab.IPA, 3, SmmuLab.FIRST_PAGE & ~(1L << 10));
    long table = lab.guest.descriptorAddress(ADDRESS, 3) & -4096;
    word(lab.second.descriptorAddress(table, 3), 6, 3, rights);
    assertEquals(Integer.decode(code), lab.ask(NESTED, ADDRESS, R).code());
  }
}
