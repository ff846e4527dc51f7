package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Access;
import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Chance;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Questions about the flags that a walk writes. */
final class FlagKinds {
  private static final long DBM = 1L << 51;

  /** A machine whose entries still have flags to be set. */
  private static Subject scene(Draft draft, Chance chance, Arena arena) {
    while (true) {
      Draft attempt = new Draft(draft.kind(), draft.format());
      Subject made = Scenes.single(chance, arena, draft.format());
      Trace before = made.trace();
      boolean vtd = draft.isVtd();
      boolean legacy = before.steps().stream().noneMatch(s -> s.title().contains("PASID table"));
      if (vtd && legacy) {
        continue;
      }
      Subject subject = vtd ? vtd(attempt, chance, made, before) : smmu(attempt, chance, made);
      if (!Translation.isFault(subject.trace().translation())) {
        draft.copyFacts(attempt);
        return subject;
      }
    }
  }

  private static Step structure(Trace trace, String title) {
    return trace.steps().stream()
        .filter(step -> step.title().startsWith(title) && !step.read().isEmpty())
        .findFirst()
        .orElseThrow();
  }

  private static Subject vtd(Draft draft, Chance chance, Subject subject, Trace before) {
    long entry = structure(before, "PASID table").host();
    int stage = subject.stage().stage();
    boolean on = stage == 1 || chance.percent(75);
    if (stage == 2) {
      subject.put(entry, subject.word(entry) | (on ? 1L << 9 : 0));
      draft.count("SSADE", on ? 1 : 0);
    } else {
      boolean extended = chance.percent(30);
      subject.put(entry + 16, subject.word(entry + 16) | (extended ? 1L << 7 : 0));
      draft.count("EAFE", extended ? 1 : 0);
    }
    long flags = stage == 1 ? 0x60L : 0x300L;
    for (Step step : Subject.reads(before)) {
      boolean leaf = Walks.isLeaf(subject, step);
      long word = subject.word(step.host()) & ~flags;
      long kept = chance.some(leaf ? flags : flags & 0x120, 35);
      subject.put(step.host(), word | kept);
    }
    return subject;
  }

  private static Subject smmu(Draft draft, Chance chance, Subject subject) {
    Trace before = subject.trace();
    boolean first = subject.stage().stage() == 1;
    boolean ha = chance.percent(85);
    boolean hd = ha && chance.percent(70);
    // HA and HD: bits 43 and 42 of the CD, bits 184 and 183 of the STE.
    long place =
        first ? Addresses.contextAddress(subject) : structure(before, "STE of").host() + 16;
    int haBit = first ? 43 : 56;
    int hdBit = first ? 42 : 55;
    long bits = (ha ? 1L << haBit : 0) | (hd ? 1L << hdBit : 0);
    subject.put(place, subject.word(place) | bits);
    draft.count(first ? "CD.HA" : "STE.S2HA", ha ? 1 : 0);
    draft.count(first ? "CD.HD" : "STE.S2HD", hd ? 1 : 0);
    List<Step> reads = Subject.reads(before);
    Step leaf = reads.get(reads.size() - 1);
    long word = leaf.read().get(0) & ~(1L << 10);
    word |= chance.percent(40) || !ha ? 1L << 10 : 0;
    if (chance.percent(70)) {
      // Clean and to be made dirty by the first write: stage 1 by AP[2], stage 2 by S2AP[1].
      word = word | DBM;
      word = first ? word | 1L << 7 : word & ~(1L << 7);
    }
    subject.put(leaf.host(), word);
    return subject;
  }

  private static Draft given(Draft draft, Subject subject) {
    draft.about(subject).fact("stage", subject.stage().stage(), subject.stage().stageName());
    return draft.access(subject.request().access());
  }

  static Exercise wordAfter(Draft draft, Chance chance, Arena arena) {
    Subject subject = scene(draft, chance, arena);
    List<Step> reads = Subject.reads(subject.trace());
    Step leaf = reads.get(reads.size() - 1);
    Subject after = subject.copy(arena);
    after.walk(subject.request());
    return given(draft, subject)
        .count("level of the leaf", leaf.level())
        .word("leaf before", leaf.read().get(0))
        .ask("The request is served. Which value has the leaf entry afterwards?")
        .step(rule(draft, subject))
        .value(after.word(leaf.host()), Answer.Style.HEX);
  }

  static Exercise wordsChanged(Draft draft, Chance chance, Arena arena) {
    Subject subject = scene(draft, chance, arena);
    draft.memory(Words.around(chance, subject)).hex("input address", subject.request().address());
    draft.tables(subject.stage());
    Subject after = subject.copy(arena);
    after.walk(subject.request());
    List<String> changed = new ArrayList<>();
    for (Step step : Subject.reads(subject.trace())) {
      long was = subject.word(step.host());
      long is = after.word(step.host());
      if (was != is) {
        changed.add(
            "Level %d: %s becomes %s.".formatted(step.level(), Text.word(was), Text.word(is)));
      }
    }
    return given(draft, subject)
        .ask("The request is served. How many words of memory has its walk changed?")
        .step(rule(draft, subject))
        .steps(changed)
        .value(changed.size(), Answer.Style.COUNT);
  }

  private static String rule(Draft draft, Subject subject) {
    boolean write = (subject.request().access() & Access.WRITE) != 0;
    String stage1 =
        "Every entry used gets A (bit 5), with EAFE EA (bit 10) too; a write sets D"
            + " (bit 6) in the leaf.";
    String stage2 =
        "With SSADE every entry used gets A (bit 8); a write sets D (bit 9) in the"
            + " leaf. Without it nothing is written.";
    String arm =
        "With HA the leaf gets AF (bit 10). With HD a write to a leaf with DBM (bit 51)"
            + " makes it dirty: "
            + (subject.stage().stage() == 1
                ? "AP[2] (bit 7) becomes 0."
                : "S2AP[1] (bit 7) becomes 1.");
    String rule = draft.isVtd() ? subject.stage().stage() == 1 ? stage1 : stage2 : arm;
    return rule + (write ? " This is a write." : " This is a read.");
  }

  private FlagKinds() {}
}
