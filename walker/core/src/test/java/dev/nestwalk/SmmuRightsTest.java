package dev.nestwalk;

import static dev.nestwalk.SmmuLab.ADDRESS;
import static dev.nestwalk.SmmuLab.FIRST;
import static dev.nestwalk.SmmuLab.IPA;
import static dev.nestwalk.SmmuLab.NESTED;
import static dev.nestwalk.SmmuLab.PAGE;
import static dev.nestwalk.SmmuLab.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.smmu.ContextEntry;
import dev.nestwalk.fixtures.smmu.VmsaTables;
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
  private static final int[] PLAIN = {R, W, R | W, R | X, R | P, W | P, R | W | P, R | X | P};
  private static final int[] QUERIES = {QUERY, QUERY | W, QUERY | X, QUERY | W | X};
  private static final long ATS = 1L << 10;
  private static final long NEW_SECOND_PAGE = SmmuLab.SECOND_PAGE & ~(1L << 10);

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
   * @param ste bits of the STE that are flipped
   */
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "as it is, -1, ''",
    "WXN, 36, ''",
    "PAN, 40, ''",
    "HAD0, 65, ''",
    "E0PD0, 66, ''",
    "PRIVCFG 2: unprivileged, -1, 113",
    "PRIVCFG 3: privileged, -1, 112 113",
    "PAN of the privileged, 40, 112 113",
    "EL2, -1, 95",
  })
  void ofStage1(String what, int cd, String ste) {
    Set<Integer> codes = new TreeSet<>();
    for (int rights = 0; rights < 16; rights++) {
      for (int table = 58; table < 63; table++) {
        try (Arena arena = Arena.ofConfined()) {
          SmmuLab lab = lab(arena);
          if (cd >= 0) {
            lab.context(cd);
          }
          for (String bit : ste.isEmpty() ? new String[0] : ste.split(" ")) {
            lab.flipStream(FIRST, Integer.parseInt(bit));
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

  /**
   * What a table and its pages deny in the upper range, with and without HAD1 (bit 129 of the CD)
   * and E0PD1 (130), on units that have them and on others.
   */
  @ParameterizedTest
  @CsvSource({"-1, 0x2004", "129, 0x2004", "129, 0", "130, 0x2004", "130, 0"})
  void ofTheUpperRange(int cd, String capable) {
    Set<Integer> codes = new TreeSet<>();
    for (int rights = 0; rights < 4; rights++) {
      for (int table = 58; table < 63; table++) {
        try (Arena arena = Arena.ofConfined()) {
          SmmuLab lab = lab(arena).register("IDR3", 0x2004, Long.decode(capable));
          VmsaTables upper = new VmsaTables(lab.memory, 12, 1, 39);
          upper.map(ADDRESS, PAGE, 3, 1L << 10 | (long) rights << 6);
          long above = upper.descriptorAddress(ADDRESS, 2);
          lab.memory.put(above, lab.memory.get(above) | 1L << table);
          ContextEntry context = lab.firstContext().upper(upper);
          lab.machine.context(lab.contexts, cd < 0 ? context : context.flip(cd));
          for (int request : PLAIN) {
            codes.add(lab.ask(FIRST, ADDRESS | -1L << 39, request).code());
          }
        }
      }
    }
    assertTrue(codes.contains(0) && codes.contains(0x13), "kinds of answers: " + codes);
  }

  /** Whether a missing flag of access is set, refused, or of no matter, before each request. */
  @ParameterizedTest
  @ValueSource(ints = {FIRST, SECOND, NESTED})
  void ofPagesWithoutTheFlag(int stream) {
    Set<Integer> codes = new TreeSet<>();
    for (int flags = 0; flags < 16; flags++) {
      for (int request : PLAIN) {
        try (Arena arena = Arena.ofConfined()) {
          SmmuLab lab = new SmmuLab(arena).register("IDR0", 3L << 6, 2L << 6);
          ContextEntry first = lab.firstContext();
          ContextEntry guest = lab.guestContext();
          // AFFD and HA of the CD, S2AFFD and S2HA of the STE.
          int[] bits = {35, 43, 181, 184};
          for (int i = 0; i < 4; i++) {
            if ((flags >> i & 1) == 1 && i < 2) {
              first.flip(bits[i]);
              guest.flip(bits[i]);
            } else if ((flags >> i & 1) == 1 && stream != FIRST) {
              lab.flipStream(stream, bits[i]);
            }
          }
          lab.machine.context(lab.contexts, first);
          lab.machine.context(lab.guestContexts, guest);
          lab.first.map(ADDRESS, PAGE, 3, SmmuLab.FIRST_PAGE & ~(1L << 10));
          lab.guest.map(ADDRESS, IPA, 3, SmmuLab.FIRST_PAGE & ~(1L << 10));
          lab.second.map(stream == SECOND ? ADDRESS : IPA, PAGE, 3, NEW_SECOND_PAGE);
          codes.add(lab.ask(stream, ADDRESS, request).code());
        }
      }
    }
    assertTrue(codes.contains(0) && codes.contains(0x12), "kinds of answers: " + codes);
  }

  /** S2AP of a page that holds tables of stage 1, whose reads are not the request's. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void ofAPageWithTables(int rights) {
    try (Arena arena = Arena.ofConfined()) {
      SmmuLab lab = lab(arena);
      long table = lab.guest.root();
      lab.second.map(table, table, 3, 1L << 10 | 15L << 2 | (long) rights << 6);
      for (int request : new int[] {R, W, R | W}) {
        int code = lab.ask(NESTED, ADDRESS, request).code();
        assertEquals((rights & 1) == 1 ? 0 : 0x13, code, "request " + request);
      }
    }
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
