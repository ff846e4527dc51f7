package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.fixtures.Chance;
import java.util.ArrayList;
import java.util.List;

/**
 * A bit of a table entry that makes a walk fail when it is flipped.
 *
 * @param place address of the word
 * @param bit number of the bit
 * @param code the fault that results from it
 */
record Breakage(long place, int bit, int code) {
  void apply(Subject subject) {
    subject.put(place, subject.word(place) ^ 1L << bit);
  }

  String describe() {
    return "bit %d of the word at %s".formatted(bit, Text.hex(place));
  }

  /** All breakages for the entries that a walk reads. */
  static List<Breakage> all(Subject subject) {
    List<Breakage> all = new ArrayList<>();
    for (Step step : Subject.reads(subject.trace())) {
      for (int bit : bits(subject, step)) {
        Breakage flip = new Breakage(step.host(), bit, 0);
        flip.apply(subject);
        long answer = subject.trace().translation();
        flip.apply(subject);
        if (Translation.isFault(answer)) {
          all.add(new Breakage(step.host(), bit, Translation.code(answer)));
        }
      }
    }
    return all;
  }

  /** One of the breakages, with each fault equally likely. */
  static Breakage any(Chance chance, List<Breakage> all) {
    List<Integer> codes = all.stream().map(Breakage::code).distinct().sorted().toList();
    int code = codes.get(chance.below(codes.size()));
    List<Breakage> same = all.stream().filter(breakage -> breakage.code == code).toList();
    return same.get(chance.below(same.size()));
  }

  private static int[] bits(Subject subject, Step step) {
    if (subject.format() == Format.VTD) {
      // Present and rights, then address bits beyond the host address width.
      return step.stage() == 1 ? new int[] {0, 1, 2, 47} : new int[] {0, 1, 48};
    }
    boolean leaf = step.level() == 3 || (step.read().get(0) & 3) == 1;
    if (!leaf) {
      return step.stage() == 1 ? new int[] {0, 61, 62} : new int[] {0};
    }
    boolean write = (subject.request().access() & Access.WRITE) != 0;
    // Valid, type, rights, access flag.
    return step.stage() == 1
        ? write ? new int[] {0, 6, 7, 10} : new int[] {0, 6, 10}
        : write ? new int[] {0, 7, 10} : new int[] {0, 6, 10};
  }
}
