package dev.nestwalk;

import dev.nestwalk.dma.FaultRecord;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.fixtures.ScenarioRow;
import java.util.List;

/** Compares an answer with a scenario's row. */
final class Verdicts {
  /** Empty if the row is met, else what is wrong. */
  static String differs(ScenarioRow row, long answer, FaultRecord fault) {
    for (ScenarioRow.Expected expected : row.expected()) {
      if (meets(expected, row, answer, fault)) {
        return recordDiffers(row, answer, fault);
      }
    }
    String got = Translation.describe(answer);
    return row.describe() + ": expected " + row.expected() + ", got " + got;
  }

  private static boolean meets(
      ScenarioRow.Expected expected, ScenarioRow row, long answer, FaultRecord fault) {
    boolean ok = !Translation.isFault(answer);
    return switch (expected.kind()) {
      case OK ->
          ok
              && Translation.address(answer) == expected.value()
              && (Translation.rights(answer) & (row.write() ? 2 : 1)) != 0;
      case FAULT -> !ok && fault.isRecorded() && fault.code() == expected.value();
      case REFUSED -> !ok && !fault.isRecorded();
    };
  }

  private static String recordDiffers(ScenarioRow row, long answer, FaultRecord fault) {
    List<Long> words = row.record();
    if (!Translation.isFault(answer)) {
      return "";
    }
    for (int i = 0; i < words.size(); i++) {
      if (((words.get(i) ^ fault.word(i)) & row.comparable(i)) != 0) {
        return "%s: record word %d: expected %016x, got %016x"
            .formatted(row.describe(), i, words.get(i), fault.word(i));
      }
    }
    return "";
  }

  private Verdicts() {}
}
