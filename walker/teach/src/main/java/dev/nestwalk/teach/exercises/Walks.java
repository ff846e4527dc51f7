package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Chance;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Questions answered by walking. */
final class Walks {
  private static Exercise walk(
      Draft draft, Chance chance, Subject subject, String question, Answer.Style style) {
    draft.about(subject).ask(question);
    subject.stages().forEach(draft::tables);
    draft.hex("input address", subject.request().address());
    draft.memory(Words.around(chance, subject));
    Trace trace = subject.trace();
    draft.steps(Worked.tables(draft.format(), trace));
    long answer = trace.translation();
    return draft.value(
        style == Answer.Style.SIZE ? Translation.span(answer) : Translation.address(answer), style);
  }

  static Exercise outputAddress(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.single(chance, arena, draft.format());
    String question = "Which output address does this address get?";
    return walk(draft, chance, subject, question, Answer.Style.HEX);
  }

  static Exercise pageSize(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.single(chance, arena, draft.format());
    String question =
        draft.isVtd()
            ? "How large is the page that maps this address?"
            : "How large is the page or block that maps this address?";
    return walk(draft, chance, subject, question, Answer.Style.SIZE);
  }

  static Exercise nestedOutput(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.nested(chance, arena, draft.format());
    String question =
        "Which output address does this address get through both stages? Table addresses of the"
            + " first are intermediate addresses.";
    return walk(draft, chance, subject, question, Answer.Style.HEX);
  }

  static Exercise wideOutput(Draft draft, Chance chance, Arena arena) {
    Subject subject = SmmuScenes.wide(chance, arena);
    boolean large = subject.stage().granule() == 16;
    draft.fact("CD.IPS", 6, "6: outputs of 52 bits").count("CD.DS", large ? 0 : 1);
    draft.step(
        large
            ? "Outputs have 52 bits: with a 64K granule bits 51:48 are bits 15:12 of the leaf."
            : "Outputs have 52 bits: with DS bits 51:50 are bits 9:8 of the leaf, 49:48 its own.");
    return walk(
        draft,
        chance,
        subject,
        "Which output address does this address get? Outputs have 52 bits.",
        Answer.Style.HEX);
  }

  static Exercise bigEndianOutput(Draft draft, Chance chance, Arena arena) {
    Subject subject = SmmuScenes.bigEndian(chance, arena);
    boolean first = subject.stage().stage() == 1;
    draft.fact(first ? "CD.ENDI" : "STE.S2ENDI", 1, "1: big-endian tables");
    draft.step("The bytes of each word are reversed before it is read as a descriptor.");
    return walk(
        draft,
        chance,
        subject,
        "Which output address does this address get? The words are shown as a little-endian"
            + " processor reads them.",
        Answer.Style.HEX);
  }

  /** Gives the entries of a walk random rights. */
  static void someRights(Chance chance, Subject subject) {
    for (Step step : Subject.reads(subject.trace())) {
      subject.put(step.host(), withSomeRights(chance, subject, step));
    }
  }

  static Exercise nestedSpan(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.nested(chance, arena, draft.format());
    draft.about(subject);
    Trace trace = subject.trace();
    List<Step> reads = Subject.reads(trace);
    Geometry one = subject.stages().get(0);
    Geometry two = subject.stages().get(1);
    Step first = reads.stream().filter(s -> s.stage() == 1).reduce((a, b) -> b).orElseThrow();
    Step second = reads.get(reads.size() - 1);
    long firstSize = 1L << one.shift(first.level());
    long secondSize = 1L << two.shift(second.level());
    return draft
        .ask("How many bytes around the address may one IOTLB entry for it cover?")
        .size(one.stageName() + " page", firstSize)
        .size(two.stageName() + " page below it", secondSize)
        .step(
            "Within the first page intermediate addresses follow one another, but only within a"
                + " page of the second stage do output addresses: the smaller counts.")
        .value(Translation.span(trace.translation()), Answer.Style.SIZE);
  }

  static Exercise intermediateAddress(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.nested(chance, arena, draft.format());
    Geometry one = subject.stages().get(0);
    List<Step> reads = Subject.reads(subject.trace());
    Step leaf = reads.stream().filter(s -> s.stage() == 1).reduce((a, b) -> b).orElseThrow();
    long span = 1L << one.shift(leaf.level());
    long address = subject.request().address();
    // The second-stage walk that follows translates it; its own reads show the address.
    long intermediate = leaf.read().get(0) & 0x0000_ffff_ffff_f000L & -span | address & span - 1;
    draft.about(subject).tables(one).hex("input address", address);
    for (Step step : reads) {
      if (step.stage() == 1) {
        draft.count("index at level " + step.level(), one.index(address, step.level()));
      }
    }
    String name = draft.isVtd() ? "guest-physical address" : "intermediate physical address";
    return draft
        .word("last entry, level " + leaf.level(), leaf.read().get(0))
        .ask("Which " + name + " does the first stage give the second?")
        .step("The entry of level %d maps %s.".formatted(leaf.level(), Text.size(span)))
        .step("Its address bits, and the offset %s.".formatted(Text.hex(address & span - 1)))
        .value(intermediate, Answer.Style.HEX);
  }

  static Exercise guestTable(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.nested(chance, arena, draft.format());
    draft.about(subject);
    subject.stages().forEach(draft::tables);
    draft.hex("input address", subject.request().address());
    draft.memory(Words.around(chance, subject));
    Trace trace = subject.trace();
    List<Step> first = Subject.reads(trace).stream().filter(s -> s.stage() == 1).toList();
    Step step = first.get(chance.below(Math.min(2, first.size())));
    draft.steps(Worked.until(trace, step));
    return draft
        .ask(
            "Where in physical memory lies the entry that %s reads at level %d?"
                .formatted(subject.stages().get(0).theStage(), step.level()))
        .count("level", step.level())
        .value(step.host(), Answer.Style.HEX);
  }

  static Exercise rights(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.single(chance, arena, draft.format());
    List<Step> reads = Subject.reads(subject.trace());
    someRights(chance, subject);
    draft.about(subject).memory(Words.around(chance, subject, reads));
    boolean read = isServed(subject, Access.READ);
    boolean write = isServed(subject, Access.WRITE);
    for (Step step : reads) {
      draft.step(rightsOf(subject, step));
    }
    List<String> options = List.of("none", "read only", "write only", "read and write");
    return draft
        .ask("What may an unprivileged request do there?")
        .tables(subject.stage())
        .hex("input address", subject.request().address())
        .step("What any level denies is denied: " + Text.rights(read, write) + ".")
        .ordered(options, options.indexOf(Text.rights(read, write)));
  }

  private static boolean isServed(Subject subject, int access) {
    return !Translation.isFault(subject.trace(subject.request().asking(access)).translation());
  }

  /** Whether an entry maps a page. */
  static boolean isLeaf(Subject subject, Step step) {
    List<Step> reads = Subject.reads(subject.trace());
    return step.level() == reads.get(reads.size() - 1).level();
  }

  private static long withSomeRights(Chance chance, Subject subject, Step step) {
    long word = step.read().get(0);
    if (subject.format() == Format.VTD) {
      long keep = step.stage() == 1 ? 5 : 0;
      long rights = step.stage() == 1 ? 2 : 3;
      return word & ~rights | keep & word | chance.some(rights, 78);
    }
    boolean leaf = isLeaf(subject, step);
    if (step.stage() == 2) {
      return leaf ? word & ~(3L << 6) | chance.some(3L << 6, 60) : word;
    }
    return leaf
        ? word & ~(3L << 6) | (chance.percent(75) ? 1L << 6 : 0) | chance.some(1L << 7, 40)
        : word | chance.some(3L << 61, 20);
  }

  private static String rightsOf(Subject subject, Step step) {
    long word = subject.word(step.host());
    List<String> bits = new ArrayList<>();
    if (subject.format() == Format.VTD) {
      bits.add(step.stage() == 1 ? "U/S=%d".formatted(word >> 2 & 1) : "R=%d".formatted(word & 1));
      bits.add((step.stage() == 1 ? "R/W=%d" : "W=%d").formatted(word >> 1 & 1));
    } else if (step.stage() == 2) {
      bits.add(
          isLeafWord(step, word)
              ? "S2AP=%d (1 read, 2 write)".formatted(word >> 6 & 3)
              : "a table, no rights of its own");
    } else if (isLeafWord(step, word)) {
      bits.add("AP[1]=%d (unprivileged)".formatted(word >> 6 & 1));
      bits.add("AP[2]=%d (read-only)".formatted(word >> 7 & 1));
    } else {
      bits.add("APTable=%d (1 no unprivileged, 2 no write)".formatted(word >> 61 & 3));
    }
    return "Level %d, %s: %s.".formatted(step.level(), Text.word(word), String.join(", ", bits));
  }

  private static boolean isLeafWord(Step step, long word) {
    return step.level() == 3 || (word & 3) == 1;
  }

  private Walks() {}
}
