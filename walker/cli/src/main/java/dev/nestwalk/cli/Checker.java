package dev.nestwalk.cli;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.ScenarioRow;
import dev.nestwalk.memory.GuestMemory;
import dev.nestwalk.memory.ImageException;
import dev.nestwalk.memory.Opening;
import dev.nestwalk.teach.Faults;
import dev.nestwalk.teach.Image;
import dev.nestwalk.teach.InputException;
import dev.nestwalk.teach.Progress;
import dev.nestwalk.teach.Walker;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Replays the rows of one image, each walker on a private copy of the memory. */
final class Checker {
  /** Which walker replays, and how many times in succession. */
  enum Mode {
    FAST(2),
    UNCACHED(1),
    REFERENCE(1);

    private final int passes;

    Mode(int passes) {
      this.passes = passes;
    }
  }

  /** A row whose answer was not the expected one. */
  record Failure(ScenarioRow row, String walker, String got) {}

  private final Image image;
  private final List<ScenarioRow> rows;
  private final boolean details;
  private final Progress progress;
  private final BitSet failedRows = new BitSet();

  Checker(Image image, List<ScenarioRow> rows, boolean details, Progress progress) {
    this.image = image;
    this.rows = rows;
    this.details = details;
    this.progress = progress;
  }

  /** Number of rows that have failed under any walker so far. */
  int failed() {
    return failedRows.cardinality();
  }

  List<Failure> run(Mode mode) throws ImageException {
    List<Failure> failures = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      GuestMemory memory = image.open(Opening.PRIVATE_COPY, arena);
      Walker walker =
          switch (mode) {
            case FAST -> Walker.fast(image, memory);
            case UNCACHED -> Walker.uncached(image, memory);
            case REFERENCE -> Walker.reference(image, memory);
          };
      for (int pass = 1; pass <= mode.passes; pass++) {
        String name = mode.name().toLowerCase(Locale.ROOT) + (pass > 1 ? ", warm" : "");
        for (int i = 0; i < rows.size(); i++) {
          progress.at(image.name() + " " + name, i, rows.size());
          String got = replay(walker, rows.get(i));
          if (got != null) {
            failedRows.set(i);
            failures.add(new Failure(rows.get(i), name, got));
          }
        }
      }
    }
    return failures;
  }

  /**
   * Replays a row.
   *
   * @return null if it passes, otherwise the answer that came instead
   */
  private @Nullable String replay(Walker walker, ScenarioRow row) {
    int access = row.write() ? Access.WRITE : Access.READ;
    long answer;
    try {
      answer = walker.translate(row.sourceId(), row.pasid(), row.iova(), access);
    } catch (IllegalArgumentException e) {
      throw new InputException(image.rowsFile() + ": line " + row.line() + ": " + e.getMessage());
    }
    if (!Translation.isFault(answer)) {
      boolean granted = (Translation.rights(answer) & access) == access;
      return granted && row.expected().stream().anyMatch(expected -> meets(expected, answer))
          ? null
          : Translation.describe(answer);
    }
    FaultRecord fault = walker.lastFault();
    if (row.expected().stream().noneMatch(expected -> meets(expected, fault))) {
      return Faults.describe(image.format(), fault);
    }
    return details ? recordDifference(row, fault) : null;
  }

  private @Nullable String recordDifference(ScenarioRow row, FaultRecord fault) {
    for (int word = 0; word < row.record().size(); word++) {
      long difference = row.record().get(word) ^ fault.word(word);
      if ((difference & row.comparable(word)) != 0) {
        String record = Faults.record(image.format(), fault);
        return "record " + record + ", expected " + row.detail();
      }
    }
    return null;
  }

  private static boolean meets(ScenarioRow.Expected expected, long answer) {
    return expected.kind() == ScenarioRow.Kind.OK
        && expected.value() == Translation.address(answer);
  }

  private static boolean meets(ScenarioRow.Expected expected, FaultRecord fault) {
    return switch (expected.kind()) {
      case OK -> false;
      case FAULT -> expected.value() == fault.code() && fault.isRecorded();
      case REFUSED -> !fault.isRecorded();
    };
  }
}
