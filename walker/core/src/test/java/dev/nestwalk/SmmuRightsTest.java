package dev.nestwalk;

import static dev.nestwalk.SmmuLab.ADDRESS;
import static dev.nestwalk.SmmuLab.FIRST;
import static dev.nestwalk.SmmuLab.IPA;
import static dev.nestwalk.SmmuLab.NESTED;
import static dev.nestwalk.SmmuLab.PAGE;
import static dev.nestwalk.SmmuLab.SECOND;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import java.lang.foreign.Arena;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every combination of rights in the tables with every kind of request, on both walkers. */
final class SmmuRightsTest {
  private static final int R = Access.READ;
  private static final int W = Access.WRITE;
  private static final int X = Access.EXECUTE;
  private static final int P = Access.PRIVILEGED;
  private static final int QUERY = R | Access.TRANSLATION_REQUEST;
  private static final int[] PLAIN = {R, W, R | W, R | X, R | P, W | P, R | X | P};
  private static final int[] QUERIES = {QUERY, QUERY | W, QUERY | X, QUERY | W | X};
  private static final long ATS = 1L << 10;

  private static void ask(SmmuLab lab, int stream, Set<Integer> codes) {
    for (int request : PLAIN) {
      codes.add(lab.ask(stream, ADDRESS, request).code());
    }
    for (int request : QUERIES) {
      codes.add(lab.ask(stream, ADDRESS, request).code());
    }
  }

  /**
   * AP[2:1], PXN and UXN of the page, and one of the bits 59 to 62 of the table above, or none.
   *
   * @param cd a bit of the CD that is flipped, or -1
   * @param ste a bit of the STE that is flipped, or -1
   */
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "as it is, -1, -1",
    "WXN, 36, -1",
    "PAN, 40, -1",
    "HAD0, 65, -1",
    "E0PD0, 66, -1",
    "PRIVCFG 2: unprivileged, -1, 113",
    "EL2, -1, 95",
  })
  void ofStage1(String what, int cd, int ste) {
    Set<Integer> codes = new TreeSet<>();
    for (int rights = 0; rights < 16; rights++) {
      for (int table = 58; table < 63; table++) {
        try (Arena arena = Arena.ofConfined()) {
          SmmuLab lab = lab(arena);
          if (cd >= 0) {
            lab.context(cd);
          }
          if (ste >= 0) {
            lab.flipStream(FIRST, ste);
          }
          long page = 1L << 10 | (rights & 3L) << 6 | (rights >> 2 & 3L) << 53;
          lab.first.map(ADDRESS, PAGE, 3, page);
          long above = lab.first.descriptorAddress(ADDRESS, 2);
          lab.memory.put(above, lab.memory.get(above) | 1L << table);
          ask(lab, FIRST, codes);
        }
      }
    }
    assertTrue(codes.contains(0) && codes.contains(0x13), what + ": " + codes);
  }

  private static SmmuLab lab(Arena arena) {
    SmmuLab lab = new SmmuLab(arena).readOnlyMemory().register("IDR0", 0, ATS);
    for (int stream : new int[] {FIRST, SECOND, NESTED}) {
      lab.flipStream(stream, 92);
    }
    return lab;
  }

  /** S2AP and XN of the page, with execute-never of one bit and of two. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void ofStage2(boolean xnx) {
    Set<Integer> codes = new TreeSet<>();
    for (int stream : new int[] {SECOND, NESTED}) {
      for (int rights = 0; rights < 16; rights++) {
        for (int instruction = 0; instruction < 4; instruction++) {
          try (Arena arena = Arena.ofConfined()) {
            SmmuLab lab = lab(arena).register("IDR3", 1L << 4, xnx ? 1L << 4 : 0);
            long page = 1L << 10 | 15L << 2 | (rights & 3L) << 6 | (rights >> 2 & 3L) << 53;
            lab.second.map(stream == SECOND ? ADDRESS : IPA, PAGE, 3, page);
            // INSTCFG.
            lab.flipStream(stream, 114 + instruction / 2);
            lab.flipStream(stream, 114 + instruction % 2);
            ask(lab, stream, codes);
          }
        }
      }
    }
    assertTrue(codes.contains(0) && codes.contains(0x13), "kinds of answers: " + codes);
  }

  /** PRIVCFG and INSTCFG, on pages for users, for the privileged, and not to execute. */
  @ParameterizedTest
  @ValueSource(ints = {FIRST, NESTED})
  void withOverrides(int stream) {
    Set<Integer> codes = new TreeSet<>();
    for (int overrides = 0; overrides < 16; overrides++) {
      for (long page : new long[] {1L << 6, 0, 1L << 6 | 1L << 54, 1L << 6 | 1L << 53, 3L << 6}) {
        try (Arena arena = Arena.ofConfined()) {
          SmmuLab lab = lab(arena);
          lab.first.map(ADDRESS, PAGE, 3, 1L << 10 | page);
          lab.guest.map(ADDRESS, IPA, 3, 1L << 10 | page);
          for (int bit = 0; bit < 4; bit++) {
            if ((overrides >> bit & 1) == 1) {
              lab.flipStream(stream, 112 + bit);
            }
          }
          ask(lab, stream, codes);
        }
      }
    }
    assertTrue(codes.contains(0) && codes.contains(0x13), "kinds of answers: " + codes);
  }
}
