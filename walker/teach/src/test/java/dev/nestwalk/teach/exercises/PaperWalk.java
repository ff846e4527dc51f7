package dev.nestwalk.teach.exercises;

import java.io.Serial;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A walk as a reader does it on paper: over nothing but what the sheet shows, a word that it does
 * not show being a mistake of the sheet. Written from the specifications, without the library.
 */
final class PaperWalk {
  /** An entry read: its address, and where that is in memory. */
  record Read(int stage, int level, long address, long host, long word, String purpose) {}

  /** The end of a walk that is refused. */
  private static final class RefusedException extends Exception {
    @Serial private static final long serialVersionUID = 1;

    final int code;

    RefusedException(int code) {
      super("0x" + Integer.toHexString(code));
      this.code = code;
    }
  }

  private static final int HOST_WIDTH = 46;
  private static final int READ = 1;
  private static final int WRITE = 2;

  private final Exercise exercise;
  private final boolean vtd;
  private final List<Read> reads = new ArrayList<>();
  private long output;
  private long size;
  private int rights = READ | WRITE;
  private int fault;

  /** 0 CD, 1 a table, 2 the address itself. */
  private int kind = 2;

  private PaperWalk(Exercise exercise) {
    this.exercise = exercise;
    vtd = exercise.format() == Format.VTD;
  }

  /** Walks the stages that the sheet describes for its input address. */
  static PaperWalk of(Exercise exercise) {
    int access = exercise.gives("access") ? (int) exercise.fact("access") : 0;
    return of(exercise, access);
  }

  /** Walks the stages that the sheet describes, asking for other rights; 0 asks for none. */
  static PaperWalk of(Exercise exercise, int access) {
    PaperWalk walk = new PaperWalk(exercise);
    try {
      walk.walk(exercise.fact("input address"), access);
    } catch (RefusedException e) {
      walk.fault = e.code;
    }
    return walk;
  }

  private void walk(long address, int access) throws RefusedException {
    PaperStage second = PaperStage.gives(exercise, 2) ? PaperStage.of(exercise, 2) : null;
    if (!PaperStage.gives(exercise, 1)) {
      if (second == null) {
        throw new AssertionError("no stage is described");
      }
      output = second(second, address, access, "");
      return;
    }
    PaperStage first = PaperStage.of(exercise, 1);
    if (second != null && exercise.gives("S1ContextPtr")) {
      kind = 0;
      second(second, exercise.fact("S1ContextPtr"), READ, ", for the CD");
    }
    first(first, second, address, access);
  }

  private long word(long host) {
    Long word = exercise.memory().get(host);
    if (word == null) {
      throw new AssertionError("the sheet does not show the word at 0x" + Long.toHexString(host));
    }
    boolean reversed = exercise.gives("CD.ENDI") || exercise.gives("STE.S2ENDI");
    return reversed ? Long.reverseBytes(word) : word;
  }

  private void first(PaperStage stage, @Nullable PaperStage second, long address, int access)
      throws RefusedException {
    long table = stage.root();
    long above = 0;
    boolean user = true;
    boolean writable = true;
    int level = stage.start();
    while (true) {
      long at = table + 8 * stage.index(address, level);
      long host = at;
      kind = 1;
      if (second != null) {
        int before = rights;
        host = tableThroughSecond(second, at, level, stage);
        rights = before;
      }
      kind = 2;
      long word = word(host);
      reads.add(new Read(1, level, at, host, word, ""));
      boolean leaf = vtd ? checkFirstVtd(stage, level, word) : checkFirstArm(stage, level, word);
      if (vtd) {
        user &= (word & 4) != 0;
        writable &= (word & 2) != 0;
      }
      if (leaf) {
        if (!vtd) {
          user = (word >> 6 & 1) == 1 && (above >> 61 & 1) == 0;
          writable = (word >> 7 & 1) == 0 && (above >> 62 & 1) == 0;
        }
        finish(stage, second, address, access, word, level, user, writable);
        return;
      }
      above |= word;
      table = stage.addressIn(word, level, false);
      level = stage.next(level);
    }
  }

  private long tableThroughSecond(PaperStage second, long at, int level, PaperStage stage)
      throws RefusedException {
    String entry =
        vtd ? ", for the first-stage entry of level " : ", for the stage 1 descriptor of level ";
    try {
      return second(second, at, READ, entry + level);
    } catch (RefusedException e) {
      throw vtd && e.code == 0x86 ? new RefusedException(level == stage.start() ? 0x75 : 0x76) : e;
    }
  }

  private void finish(
      PaperStage stage,
      @Nullable PaperStage second,
      long address,
      int access,
      long word,
      int level,
      boolean user,
      boolean writable)
      throws RefusedException {
    rights = user ? writable ? READ | WRITE : READ : 0;
    if (!user && access != 0) {
      throw new RefusedException(vtd ? 0x81 : 0x13);
    }
    if (!writable && (access & WRITE) != 0) {
      throw new RefusedException(vtd ? 0x85 : 0x13);
    }
    size = 1L << stage.shift(level);
    output = stage.addressIn(word, level, true) | address & size - 1;
    if (second != null) {
      long mine = size;
      int before = rights;
      output = second(second, output, access, vtd ? ", for the final address" : ", for the output");
      rights &= before;
      size = Math.min(mine, size);
    }
  }

  private static boolean isReserved(long word) {
    return word << 12 >>> 12 >>> HOST_WIDTH != 0;
  }

  private boolean checkFirstVtd(PaperStage stage, int level, long word) throws RefusedException {
    if ((word & 1) == 0) {
      throw new RefusedException(0x71);
    }
    if (isReserved(word)) {
      throw new RefusedException(0x72);
    }
    return stage.isLast(level) || level <= 3 && (word & 0x80) != 0;
  }

  private boolean checkFirstArm(PaperStage stage, int level, long word) throws RefusedException {
    boolean leaf = isArmLeaf(stage, level, word);
    if (leaf && (word >> 10 & 1) == 0) {
      throw new RefusedException(0x12);
    }
    return leaf;
  }

  /** Whether a valid descriptor is a page or block. */
  private static boolean isArmLeaf(PaperStage stage, int level, long word) throws RefusedException {
    int type = (int) word & 3;
    boolean blockLevel = level == 2 || level == 1 && stage.granule() == 12;
    if (type == 3) {
      return level == 3;
    }
    if (type == 1 && blockLevel) {
      return true;
    }
    throw new RefusedException(0x10);
  }

  private long second(PaperStage stage, long address, int access, String purpose)
      throws RefusedException {
    long table = stage.root();
    int level = stage.start();
    while (true) {
      long at = table + 8 * stage.index(address, level);
      long word = word(at);
      reads.add(new Read(2, level, at, at, word, purpose));
      boolean leaf =
          vtd ? checkSecondVtd(level, word, access) : checkSecondArm(stage, level, word, access);
      if (leaf) {
        size = 1L << stage.shift(level);
        return stage.addressIn(word, level, true) | address & size - 1;
      }
      table = stage.addressIn(word, level, false);
      level = stage.next(level);
    }
  }

  private boolean checkSecondVtd(int level, long word, int access) throws RefusedException {
    boolean legacy = exercise.gives("mode") && exercise.fact("mode") == 0;
    rights &= (int) word & 3;
    if ((access & ~(int) word & WRITE) != 0) {
      throw new RefusedException(legacy ? 5 : (word & 3) == 0 ? 0x79 : 0x85);
    }
    if ((access & ~(int) word & READ) != 0) {
      throw new RefusedException(legacy ? 6 : (word & 3) == 0 ? 0x79 : 0x86);
    }
    if (isReserved(word)) {
      throw new RefusedException(legacy ? 0x0c : 0x7a);
    }
    return level == 1 || level <= 3 && (word & 0x80) != 0;
  }

  private boolean checkSecondArm(PaperStage stage, int level, long word, int access)
      throws RefusedException {
    if (!isArmLeaf(stage, level, word)) {
      return false;
    }
    if ((word >> 10 & 1) == 0) {
      throw new RefusedException(0x12);
    }
    int granted = (int) (word >> 6) & 3;
    rights &= granted;
    if ((access & ~granted & 3) != 0) {
      throw new RefusedException(0x13);
    }
    return true;
  }

  List<Read> reads() {
    return reads;
  }

  Read last() {
    return reads.get(reads.size() - 1);
  }

  long output() {
    return output;
  }

  long size() {
    return size;
  }

  int rights() {
    return rights;
  }

  int fault() {
    return fault;
  }

  int kind() {
    return kind;
  }
}
