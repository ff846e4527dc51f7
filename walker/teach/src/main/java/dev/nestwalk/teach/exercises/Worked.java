package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import java.util.ArrayList;
import java.util.List;

/** Writes a walk as the lines of a worked solution. */
final class Worked {
  /** A read of stage 2 that finds the context descriptor. */
  private static final String CONFIGURATION = ", for the CD";

  /** Each table entry read, and its result. */
  static List<String> reads(Trace trace) {
    List<String> lines = new ArrayList<>();
    for (Step step : Subject.reads(trace)) {
      lines.add(read(step));
    }
    return lines;
  }

  /** The steps of the tables alone, down to one of them. */
  static List<String> until(Trace trace, Step last) {
    List<String> lines = new ArrayList<>();
    for (Step step : Subject.reads(trace)) {
      if (!step.title().endsWith(CONFIGURATION)) {
        lines.add(read(step));
      }
      if (step.equals(last)) {
        break;
      }
    }
    return lines;
  }

  /** The walk of the tables alone, with the configuration known, and its result. */
  static List<String> tables(Format format, Trace trace) {
    List<Step> reads = Subject.reads(trace);
    List<String> lines = until(trace, reads.get(reads.size() - 1));
    lines.add(result(format, trace));
    return lines;
  }

  /** The structures on the path to the tables, and the result of each. */
  static List<String> configuration(Trace trace) {
    List<String> lines = new ArrayList<>();
    for (Step step : trace.steps()) {
      if (step.stage() == 0 && !step.read().isEmpty()) {
        lines.add("%s, at %s: %s.".formatted(step.title(), Text.hex(step.host()), step.rule()));
      }
    }
    return lines;
  }

  private static String read(Step step) {
    String place =
        step.host() == step.address()
            ? Text.hex(step.address())
            : "%s, in memory at %s".formatted(Text.hex(step.address()), Text.hex(step.host()));
    return "%s (level %d), at %s: %s, %s."
        .formatted(step.title(), step.level(), place, Text.word(step.read().get(0)), step.rule());
  }

  /** The walk and its result. */
  static List<String> walk(Format format, Trace trace) {
    List<String> lines = reads(trace);
    lines.add(result(format, trace));
    return lines;
  }

  static String result(Format format, Trace trace) {
    long answer = trace.translation();
    if (Translation.isFault(answer)) {
      return "Refused: %s, stage %d, level %d."
          .formatted(
              Text.fault(format, Translation.code(answer)),
              Translation.stage(answer),
              level(format, answer));
    }
    return "Output %s; that holds for the %s around it."
        .formatted(Text.hex(Translation.address(answer)), Text.size(Translation.span(answer)));
  }

  /** Level of a refusal; SMMUv3 has a level -1. */
  static int level(Format format, long answer) {
    int level = Translation.level(answer);
    return format == Format.SMMUV3 && level == 15 ? -1 : level;
  }

  private Worked() {}
}
