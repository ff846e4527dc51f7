package dev.nestwalk.walk;

import static dev.nestwalk.dma.Access.READ;
import static dev.nestwalk.dma.Access.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.nestwalk.cache.CacheOptions;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.iotlb.AddressSpace;
import dev.nestwalk.iotlb.AddressSpaces;
import dev.nestwalk.iotlb.CachedPlan;
import dev.nestwalk.iotlb.InvalidationLog;
import dev.nestwalk.iotlb.StructureCaches;
import dev.nestwalk.iotlb.TagCounter;
import dev.nestwalk.iotlb.TranslationCache;
import dev.nestwalk.iotlb.WalkCounters;
import dev.nestwalk.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A format needs no more than a page of masks to be walked fast: the two that docs/architecture.md
 * sketches, each with tables of its own.
 */
class ThirdFormatTest {
  private static final int ROOT = 0x1_0000;
  private static final ValueLayout.OfLong WORD =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

  // RISC-V privileged architecture, "Sv39x4"; page-based virtual memory, "Sv39".
  private static final int V = 1;
  private static final int R = 1 << 1;
  private static final int W = 1 << 2;
  private static final int X = 1 << 3;
  private static final int U = 1 << 4;
  private static final int A = 1 << 6;
  private static final int D = 1 << 7;
  private static final int PAGE = V | R | W | U | A | D;

  private static Stage sv39x4() {
    // begin sv39x4
    long high = 0xfffcL << 48; // N, PBMT, reserved bits, and the PPN's bits beyond 52 of an address
    return new Stage(
        new Stage.Geometry(3, 12, 9, 2047),
        Stage.Input.unsigned(41),
        new Stage.Encoding(false, 0x000f_ffff_ffff_f000L, 2, 0, 0), // PPN in bits 53:10
        new Stage.Kinds(
            new Stage.Mask(high | 0xdf, 0x01), // V alone; G is ignored
            0,
            new Stage.Mask(high | 0x51, 0x51), // V, U, A
            new Stage.Mask(high | 0x51 | 0x7_fc00, 0x51), // low PPN bits: else it is misaligned
            new Stage.Mask(high | 0x51 | 0xfff_fc00, 0x51),
            Stage.Mask.NOTHING),
        new Stage.Rights(READ | WRITE, 1, 0, 0, READ), // R, W in bits 1, 2; W without R is reserved
        Stage.Above.NOTHING,
        Stage.Flags.dirty(0x80)); // D
    // end sv39x4
  }

  private static long pte(long address, long bits) {
    return address >>> 2 | bits;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void walksSv39x4(boolean specialised) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(1 << 17, 8);
      long iova = 0x1ff_8060_3000L; // index 2046 of the root table, 3 and 3 below it
      bytes.set(WORD, ROOT + 2046 * 8, pte(0x2000, V));
      bytes.set(WORD, 0x2000 + 3 * 8, pte(0x3000, V));
      bytes.set(WORD, 0x3000 + 3 * 8, pte(0xf_ffff_ffff_f000L, PAGE));
      bytes.set(WORD, 0x3000 + 4 * 8, pte(0x4_5000, PAGE & ~W));
      bytes.set(WORD, 0x3000 + 5 * 8, pte(0x4_5000, PAGE & ~R));
      bytes.set(WORD, 0x3000 + 6 * 8, pte(0x4_5000, PAGE & ~D));
      bytes.set(WORD, 0x3000 + 7 * 8, pte(0x4_5000, PAGE & ~A));
      bytes.set(WORD, 0x3000 + 8 * 8, pte(0x4_5000, PAGE & ~U));
      bytes.set(WORD, 0x3000 + 9 * 8, pte(0x4_5000, V | U | A | X));
      bytes.set(WORD, 0x3000 + 10 * 8, pte(0x4_5000, PAGE) | 1L << 63);
      bytes.set(WORD, 0x2000 + 4 * 8, pte(0x60_0000, PAGE));
      bytes.set(WORD, 0x2000 + 5 * 8, pte(0x60_1000, PAGE));
      bytes.set(WORD, 0x2000 + 6 * 8, pte(0x3000, V | A));
      bytes.set(WORD, ROOT + 2045 * 8, pte(0x40_0000_0000L, PAGE));
      for (CacheOptions options : List.of(CacheOptions.NONE, CacheOptions.DEFAULT)) {
        Kernel kernel = kernel(sv39x4(), bytes, options, specialised);
        long page = iova | 0xabc;
        assertEquals(Translation.ok(0xf_ffff_ffff_fabcL, 12, 3), kernel.translate(page, WRITE));
        assertEquals(Translation.ok(0x4_5000, 12, 1), kernel.translate(iova + 0x1000, READ));
        assertEquals(0, kernel.translate(iova + 0x1000, WRITE), "W clear");
        assertEquals(0, kernel.translate(iova + 0x2000, WRITE), "W without R");
        assertEquals(Translation.ok(0x4_5000, 12, 3), kernel.translate(iova + 0x3000, READ));
        assertEquals(0, kernel.translate(iova + 0x3000, WRITE), "D is to be set");
        long[] answers = new long[2];
        kernel.translate(new long[] {page, iova + 0x2000}, answers, 0, 2, WRITE);
        assertEquals(Translation.ok(0xf_ffff_ffff_fabcL, 12, 3), answers[0]);
        assertEquals(0, answers[1], "W without R, side by side");
        assertEquals(0, kernel.translate(iova + 0x4000, READ), "A is to be set");
        assertEquals(0, kernel.translate(iova + 0x5000, READ), "no page of a guest");
        assertEquals(0, kernel.translate(iova + 0x6000, READ), "execute-only");
        assertEquals(0, kernel.translate(iova + 0x7000, READ), "Svnapot");
        long block = (iova & -1L << 21) + (1L << 21) | 0x1_2345;
        assertEquals(Translation.ok(0x61_2345, 21, 3), kernel.translate(block, WRITE));
        assertEquals(0, kernel.translate(block + (1L << 21), READ), "misaligned");
        assertEquals(0, kernel.translate(block + (2L << 21), READ), "a table with A");
        long giant = (iova & -1L << 30) - (1L << 30) | 0x1234_5678;
        assertEquals(Translation.ok(0x40_1234_5678L, 30, 3), kernel.translate(giant, WRITE));
        assertEquals(0, kernel.translate(iova | 1L << 41, READ), "outside");
        assertEquals(Translation.ok(0xf_ffff_ffff_fabcL, 12, 3), kernel.translate(page, WRITE));
      }
    }
  }

  // AMD I/O Virtualization Technology Specification (48882), "I/O page tables".
  private static final long PR = 1;
  private static final long IR = 1L << 61;
  private static final long IW = 1L << 62;

  private static Stage amdVi(int levels) {
    // begin amd-vi
    long kind = 0x7fL << 52 | 0xe01; // reserved bits, next level, PR
    return new Stage(
        new Stage.Geometry(levels, 12, 9),
        Stage.Input.unsigned(12 + 9 * levels),
        Stage.Encoding.littleEndian(0x000f_ffff_ffff_f000L),
        new Stage.Kinds(
            new Stage.Mask(kind, 0x001),
            1 << 9, // the next level of a table at level n is n
            new Stage.Mask(kind, 0x001), // next level 0: a page of the level's size
            new Stage.Mask(kind | 0x1f_f000, 0x001),
            new Stage.Mask(kind | 0x3fff_f000, 0x001),
            Stage.Mask.NOTHING),
        new Stage.Rights(READ | WRITE, 61, 0, 0, 0), // IR and IW
        Stage.Above.all(0), // granted by all levels
        Stage.Flags.NONE);
    // end amd-vi
  }

  private static long entry(int nextLevel, long address, long rights) {
    return PR | (long) nextLevel << 9 | address | rights;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void walksAmdVi(boolean specialised) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = arena.allocate(1 << 17, 8);
      long iova = 0x0080_8060_3000L; // index 1 of the root table, then 2, 3, 3
      bytes.set(WORD, ROOT + 8, entry(3, 0x2000, IR | IW));
      bytes.set(WORD, 0x2000 + 2 * 8, entry(2, 0x3000, IR | IW));
      bytes.set(WORD, 0x3000 + 3 * 8, entry(1, 0x4000, IR | IW));
      bytes.set(WORD, 0x3000 + 4 * 8, entry(1, 0x4000, IR));
      bytes.set(WORD, 0x3000 + 5 * 8, entry(0, 0x60_0000, IR | IW));
      bytes.set(WORD, 0x3000 + 6 * 8, entry(0, 0x60_1000, IR | IW));
      bytes.set(WORD, 0x3000 + 7 * 8, entry(7, 0x60_1000, IR | IW));
      bytes.set(WORD, 0x2000 + 3 * 8, entry(1, 0x4000, IR | IW));
      bytes.set(WORD, 0x4000 + 3 * 8, entry(0, 0x7_7000, IR | IW));
      bytes.set(WORD, 0x4000 + 4 * 8, entry(0, 0x7_8000, IW));
      bytes.set(WORD, 0x4000 + 5 * 8, entry(0, 0x7_8000, IR) & ~PR);
      bytes.set(WORD, 0x4000 + 6 * 8, entry(0, 0x7_8000, IR) | 1L << 52);
      for (CacheOptions options : List.of(CacheOptions.NONE, CacheOptions.DEFAULT)) {
        Kernel kernel = kernel(amdVi(4), bytes, options, specialised);
        assertEquals(Translation.ok(0x7_7abc, 12, 3), kernel.translate(iova | 0xabc, WRITE));
        assertEquals(Translation.ok(0x7_8000, 12, 2), kernel.translate(iova + 0x1000, WRITE));
        assertEquals(0, kernel.translate(iova + 0x1000, READ), "IR clear");
        assertEquals(0, kernel.translate(iova + 0x2000, READ), "PR clear");
        assertEquals(0, kernel.translate(iova + 0x3000, READ), "reserved bit");
        long block = iova & -1L << 21;
        assertEquals(
            Translation.ok(0x7_7000, 12, 1), kernel.translate(block + (1L << 21) | 0x3000, READ));
        assertEquals(
            0, kernel.translate(block + (1L << 21) | 0x3000, WRITE), "a table denies writes");
        assertEquals(
            Translation.ok(0x61_2345, 21, 3), kernel.translate(block + (2L << 21) | 0x1_2345, 3));
        assertEquals(0, kernel.translate(block + (3L << 21), READ), "misaligned");
        assertEquals(0, kernel.translate(block + (4L << 21), READ), "size in the address");
        long skipping = (iova & -1L << 30) + (1L << 30) | 0x3000;
        assertEquals(0, kernel.translate(skipping, READ), "a level is skipped");
        assertEquals(0, kernel.translate(1L << 48, READ), "outside");
        assertEquals(Translation.ok(0x7_7abc, 12, 3), kernel.translate(iova | 0xabc, WRITE));
      }
    }
  }

  /** What a resolver of the format would leave. */
  private static final class Plan extends CachedPlan {
    Plan() {
      select(1, 0, 0, false, true);
    }

    @Override
    public long[] inputRanges() {
      throw new AssertionError("a kernel does not ask");
    }

    @Override
    public long block(long input, int stage, int level) {
      throw new AssertionError("a kernel does not ask");
    }

    @Override
    public long blockOfPiece(long input, int level, int secondLevel) {
      throw new AssertionError("a kernel does not ask");
    }

    @Override
    public long blockOfRefusal(int code) {
      throw new AssertionError("a kernel does not ask");
    }

    @Override
    public boolean isFirstStageLeaf(int level, long entry) {
      throw new AssertionError("a kernel does not ask");
    }
  }

  private static Kernel kernel(
      Stage stage, MemorySegment bytes, CacheOptions options, boolean specialised) {
    GuestMemory memory = GuestMemory.of(bytes, 0);
    StructureCaches structures = new StructureCaches(options);
    TranslationCache iotlb = new TranslationCache(64, 4);
    AddressSpaces spaces =
        new AddressSpaces(new InvalidationLog(), iotlb, structures, new TagCounter(), List.of());
    AddressSpace space = spaces.of(new Plan(), 0);
    spaces.freshen(space);
    KernelFactory factory =
        specialised ? TemplatesInForce.factory(memory) : new KernelFactory(memory);
    return factory.kernel(
        Tables.of(Stage.NONE, 0, stage, ROOT, -1, false),
        new WalkCaches(
            options.iotlbEntries() == 0 ? null : iotlb, structures, new WalkCounters(), false),
        space,
        space,
        null,
        null);
  }
}
