package dev.nestwalk;

import static dev.nestwalk.VtdLab.GUEST_PAGE;
import static dev.nestwalk.VtdLab.IOVA;
import static dev.nestwalk.VtdLab.PAGE;
import static dev.nestwalk.VtdLab.PASID;
import static dev.nestwalk.VtdLab.SOURCE;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nestwalk.dma.Access;
import dev.nestwalk.fixtures.vtd.FirstStageTables;
import dev.nestwalk.fixtures.vtd.SecondStageTables;
import java.lang.foreign.Arena;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every combination of rights in the tables with every kind of request, on both walkers. */
final class VtdRightsTest {
  private static final int R = Access.READ;
  private static final int W = Access.WRITE;
  private static final int X = Access.EXECUTE;
  private static final int ZERO = R | Access.ZERO_LENGTH;
  private static final int QUERY = R | Access.TRANSLATION_REQUEST;
  private static final int[] REQUESTS = {R, W, R | W, R | X, ZERO, ZERO | X, QUERY, QUERY | W | X};

  /** Rights of an entry above the leaf: all, no write, no execute, none to read. */
  private static final int[] ABOVE = {7, R | X, R | W, W};

  // Bits of a PASID table entry.
  private static final int SSEE = 5;
  private static final int SRE = 128;
  private static final int ERE = 129;
  private static final int WPE = 132;
  private static final int NXE = 133;
  private static final int SMEP = 134;

  @ParameterizedTest
  @CsvSource({"false, false", "false, true", "true, false", "true, true"})
  void ofTheSecondStage(boolean nested, boolean execute) {
    Set<Integer> codes = new TreeSet<>();
    for (int above : ABOVE) {
      for (int rights = 0; rights < 8; rights++) {
        try (Arena arena = Arena.ofConfined()) {
          VtdLab lab = new VtdLab(arena).readOnlyMemory();
          SecondStageTables tables = nested ? lab.nested().second() : lab.second();
          lab.flip(lab.machine.pasidAddress(SOURCE, PASID), ERE);
          if (execute) {
            lab.flip(lab.machine.pasidAddress(SOURCE, PASID), SSEE);
          }
          long address = nested ? GUEST_PAGE : IOVA;
          tables.map(address, PAGE, 12, rights);
          long at = tables.entryAddress(address, 2);
          lab.memory.put(at, lab.memory.get(at) & ~7L | above);
          for (int request : REQUESTS) {
            codes.add(lab.ask(PASID, IOVA, request).code());
          }
        }
      }
    }
    assertTrue(codes.size() > 3, "kinds of answers: " + codes);
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "0, 1", "1, 0", "1, 1"})
  void ofTheFirstStage(int writeProtect, int noExecute) {
    Set<Integer> codes = new TreeSet<>();
    for (int bits = 0; bits < 32; bits++) {
      try (Arena arena = Arena.ofConfined()) {
        VtdLab lab = new VtdLab(arena).readOnlyMemory();
        FirstStageTables tables = lab.first();
        long rights = FirstStageTables.P | FirstStageTables.A | FirstStageTables.D;
        rights |= (bits & 1) * FirstStageTables.RW | (bits >> 1 & 1) * FirstStageTables.US;
        rights |= (bits >> 2 & 1 & noExecute) * FirstStageTables.XD;
        tables.map(IOVA, PAGE, 12, rights);
        int[] set = {ERE, SRE, (bits >> 3 & 1) == 1 ? SMEP : -1, writeProtect == 1 ? WPE : -1};
        for (int bit : set) {
          if (bit >= 0) {
            lab.flip(lab.machine.pasidAddress(SOURCE, PASID), bit);
          }
        }
        if (noExecute == 0) {
          lab.flip(lab.machine.pasidAddress(SOURCE, PASID), NXE);
        }
        if ((bits >> 4 & 1) == 1) {
          // Not writable by an entry above.
          lab.flip(tables.entryAddress(IOVA, 2), 1);
        }
        for (int request : REQUESTS) {
          codes.add(lab.ask(PASID, IOVA, request).code());
          codes.add(lab.ask(PASID, IOVA, request | Access.PRIVILEGED).code());
        }
      }
    }
    assertTrue(codes.size() > 2, "kinds of answers: " + codes);
  }
}
