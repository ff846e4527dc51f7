package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.DecodedField;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Chance;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;

/** Questions about which change makes a walk succeed. */
final class Repairs {
  private static final long VTD_ADDRESS = 0x000f_ffff_ffff_f000L;
  private static final long SMMU_ADDRESS = 0x0000_ffff_ffff_f000L;

  private static Subject scene(Draft draft, Chance chance, Arena arena) {
    return chance.percent(60)
        ? Scenes.single(chance, arena, draft.format())
        : Scenes.nested(chance, arena, draft.format());
  }

  static Exercise repairBit(Draft draft, Chance chance, Arena arena) {
    Subject subject = scene(draft, chance, arena);
    long wanted = subject.trace().translation();
    List<Breakage> all = Breakage.all(subject);
    Breakage broken = Breakage.any(chance, all);
    List<Step> reads = Subject.reads(subject.trace());
    SortedMap<Long, Long> words = Words.around(chance, subject);
    broken.apply(subject);
    FaultKinds.given(draft, subject).memory(Words.now(subject, words));
    draft.hex("wanted output", Translation.address(wanted));
    draft.steps(Worked.walk(draft.format(), subject.trace()));
    List<String> wrong = new ArrayList<>();
    for (Breakage other : candidates(chance, all, reads, broken)) {
      other.apply(subject);
      if (subject.trace().translation() != wanted) {
        wrong.add(other.describe());
      }
      other.apply(subject);
    }
    return draft
        .ask(
            "The request should be translated to the wanted output, but is refused. Flipping"
                + " which bit repairs that?")
        .step("So %s has to change.".formatted(broken.describe()))
        .choice(chance, broken.describe(), wrong);
  }

  /** Other bits of the words that the failing walk still reads. */
  private static List<Breakage> candidates(
      Chance chance, List<Breakage> all, List<Step> reads, Breakage broken) {
    List<Breakage> candidates = new ArrayList<>();
    List<Long> read = new ArrayList<>();
    for (Step step : reads) {
      read.add(step.host());
      if (step.host() == broken.place()) {
        break;
      }
    }
    for (Breakage other : all) {
      if (read.contains(other.place())
          && !(other.place() == broken.place() && other.bit() == broken.bit())) {
        candidates.add(new Breakage(other.place(), other.bit(), 0));
      }
    }
    for (int bit : new int[] {5, 7, 8, 11, 12, 13}) {
      candidates.add(new Breakage(broken.place(), bit, 0));
    }
    return Draft.shuffled(chance, candidates);
  }

  static Exercise repairWord(Draft draft, Chance chance, Arena arena) {
    Subject subject = scene(draft, chance, arena);
    FaultKinds.given(draft, subject).memory(Words.around(chance, subject));
    Trace trace = subject.trace();
    List<Step> reads = Subject.reads(trace);
    Step leaf = reads.get(reads.size() - 1);
    Geometry last = subject.stages().get(subject.stages().size() - 1);
    long size = 1L << last.shift(leaf.level());
    long page = Scenes.somewhere(chance, 44, last.shift(leaf.level()));
    long word = leaf.read().get(0);
    long mask = (draft.isVtd() ? VTD_ADDRESS : SMMU_ADDRESS) & -size;
    long replaced = word & ~mask | page;
    long wanted = page | Translation.address(trace.translation()) & size - 1;
    subject.put(leaf.host(), replaced);
    long moved = subject.trace().translation();
    subject.put(leaf.host(), word);
    if (Translation.address(moved) != wanted) {
      throw new IllegalStateException(Translation.describe(moved));
    }
    return draft
        .hex("wanted output", wanted)
        .ask(
            "The last entry of the walk is to lead to the wanted output, its rights and attributes"
                + " as they are. Which value has it then?")
        .steps(Worked.reads(trace))
        .step(
            "The last entry maps %s: its address bits become those of %s."
                .formatted(Text.size(size), Text.hex(page)))
        .value(replaced, Answer.Style.HEX);
  }

  /** A field of a structure on the path to the tables, and the word that holds it. */
  private record Place(String name, long word, int bit) {
    void flip(Subject subject) {
      subject.put(word, subject.word(word) ^ 1L << bit);
    }
  }

  private static List<Place> places(Trace trace) {
    List<Place> places = new ArrayList<>();
    for (Step step : trace.steps()) {
      if (step.stage() == 0 && !step.read().isEmpty()) {
        for (DecodedField field : step.fields()) {
          String name = "%s, %s".formatted(step.title(), field.label());
          places.add(new Place(name, step.host() + field.lo() / 64 * 8L, field.lo() % 64));
        }
      }
    }
    return places;
  }

  static Exercise repairConfiguration(Draft draft, Chance chance, Arena arena) {
    Subject subject = scene(draft, chance, arena);
    Trace before = subject.trace();
    List<Place> places = Draft.shuffled(chance, places(before));
    Place broken = null;
    for (Place place : places) {
      place.flip(subject);
      if (fails(subject, before)) {
        broken = place;
        break;
      }
      place.flip(subject);
    }
    if (broken == null) {
      throw new IllegalStateException("no field of " + places + " breaks the walk");
    }
    List<String> wrong = new ArrayList<>();
    for (Place other : places) {
      if (!other.equals(broken)) {
        other.flip(subject);
        if (subject.trace().translation() != before.translation()) {
          wrong.add(other.name);
        }
        other.flip(subject);
      }
    }
    for (Step step : before.steps()) {
      if (step.stage() == 0 && !step.read().isEmpty()) {
        draft.memory(Words.of(subject, step.host(), step.read().size()));
        draft.hex(step.title(), step.host());
      }
    }
    int code = Translation.code(subject.trace().translation());
    return draft
        .about(subject)
        .ask(
            "The request should be translated to the wanted output, but is refused because a field"
                + " of the configuration has one wrong bit, its lowest. Which field?")
        .hex("wanted output", Translation.address(before.translation()))
        .hex("input address", subject.request().address())
        .access(subject.request().access())
        .fact("fault", code, Text.fault(draft.format(), code))
        .fact("tables", 0, "in order")
        .steps(Worked.configuration(subject.trace()))
        .step("So the wrong one is %s.".formatted(broken.name))
        .choice(chance, broken.name, wrong);
  }

  /** Whether the configuration itself is refused, so that the error is visible there. */
  private static boolean fails(Subject subject, Trace before) {
    Trace trace = subject.trace();
    return trace.translation() != before.translation()
        && Translation.isFault(trace.translation())
        && Translation.stage(trace.translation()) == 0;
  }

  private Repairs() {}
}
