package dev.nestwalk.teach.exercises;

import dev.nestwalk.dma.Translation;
import dev.nestwalk.explain.Step;
import dev.nestwalk.explain.Trace;
import dev.nestwalk.fixtures.Chance;
import dev.nestwalk.smmu.EventCode;
import dev.nestwalk.vtd.FaultCode;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;

/** Questions about walks that fail. */
final class FaultKinds {
  private static final int[] VTD_CODES = {
    FaultCode.LGN_2,
    FaultCode.LGN_3,
    FaultCode.LSS_2,
    FaultCode.SFS_2,
    FaultCode.SFS_3,
    FaultCode.SFS_7,
    FaultCode.SSS_2,
    FaultCode.SSS_3,
    FaultCode.SGN_1,
    FaultCode.SGN_2,
    FaultCode.SGN_6,
    FaultCode.SGN_7,
  };
  private static final int[] SMMU_CODES = {
    EventCode.F_TRANSLATION,
    EventCode.F_ADDR_SIZE,
    EventCode.F_ACCESS,
    EventCode.F_PERMISSION,
    EventCode.F_WALK_EABT,
    EventCode.C_BAD_CD,
  };

  private static Subject scene(Draft draft, Chance chance, Arena arena) {
    return chance.percent(50)
        ? Scenes.single(chance, arena, draft.format())
        : Scenes.nested(chance, arena, draft.format());
  }

  private static boolean isScalable(Subject subject) {
    return subject.trace().steps().stream().anyMatch(s -> s.title().contains("PASID table"));
  }

  /** Adds the meaning of the tables and the request to the question. */
  static Draft given(Draft draft, Subject subject) {
    draft.about(subject);
    if (draft.isVtd()) {
      boolean scalable = isScalable(subject);
      draft.fact("mode", scalable ? 1 : 0, scalable ? "scalable" : "legacy");
      draft.count("host address width", Subject.HOST_ADDRESS_WIDTH);
    } else {
      draft.fact("flag updates by hardware", 0, "off");
    }
    subject.stages().forEach(draft::tables);
    if (!draft.isVtd() && subject.stages().size() == 2) {
      // The first address that stage 2 translates.
      draft.hex("S1ContextPtr", contextPointer(subject));
    }
    return draft
        .hex("input address", subject.request().address())
        .access(subject.request().access());
  }

  private static List<String> faults(Format format) {
    List<String> faults = new ArrayList<>();
    for (int code : format == Format.VTD ? VTD_CODES : SMMU_CODES) {
      faults.add(Text.fault(format, code));
    }
    return faults;
  }

  /** A machine with an error, whose question shows everything that its walk reads. */
  private static Subject broken(Draft draft, Chance chance, Arena arena) {
    Subject subject = scene(draft, chance, arena);
    List<Breakage> all = Breakage.all(subject);
    SortedMap<Long, Long> words = Words.around(chance, subject);
    Breakage.any(chance, all).apply(subject);
    given(draft, subject).memory(Words.now(subject, words));
    return subject;
  }

  static Exercise whichFault(Draft draft, Chance chance, Arena arena) {
    Subject subject = broken(draft, chance, arena);
    Trace trace = subject.trace();
    return draft
        .ask("The request is refused. Which fault is it?")
        .steps(Worked.walk(draft.format(), trace))
        .choice(
            chance,
            Text.fault(draft.format(), Translation.code(trace.translation())),
            faults(draft.format()));
  }

  static Exercise faultLevel(Draft draft, Chance chance, Arena arena) {
    Subject subject = broken(draft, chance, arena);
    Trace trace = subject.trace();
    List<Step> reads = Subject.reads(trace);
    return draft
        .ask("The request is refused. Which level has the entry at which the walk ends?")
        .steps(Worked.walk(draft.format(), trace))
        .value(reads.get(reads.size() - 1).level(), Answer.Style.COUNT);
  }

  /** The purpose of a read in a nested walk. */
  private static String place(Step step) {
    String purpose = step.title().replaceFirst(", index \\d+", "");
    return step.stage() == 1 ? purpose + ", entry of level " + step.level() : purpose;
  }

  static Exercise faultPlace(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.nested(chance, arena, draft.format());
    Set<String> places = new LinkedHashSet<>();
    Subject.reads(subject.trace()).forEach(step -> places.add(place(step)));
    List<Breakage> all = Breakage.all(subject);
    SortedMap<Long, Long> words = Words.around(chance, subject);
    Breakage.any(chance, all).apply(subject);
    given(draft, subject).memory(Words.now(subject, words));
    Trace trace = subject.trace();
    List<Step> reads = Subject.reads(trace);
    return draft
        .ask("The request is refused. Which part of the walk finds what is wrong?")
        .steps(Worked.walk(draft.format(), trace))
        .choice(chance, place(reads.get(reads.size() - 1)), places);
  }

  static Exercise eventClass(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.nested(chance, arena, draft.format());
    List<Breakage> all = Breakage.all(subject);
    // CDs are fetched once and entries many times, so classes are chosen with equal probability.
    int wanted = chance.below(3);
    List<Breakage> fitting =
        all.stream().filter(breakage -> classOf(subject, breakage) == wanted).toList();
    SortedMap<Long, Long> words = Words.around(chance, subject);
    Breakage.any(chance, fitting.isEmpty() ? all : fitting).apply(subject);
    given(draft, subject).memory(Words.now(subject, words));
    Trace trace = subject.trace();
    long kind = trace.fault().word(1) >>> 40 & 3;
    return draft
        .ask("The request is refused. Which CLASS does the event record say?")
        .steps(Worked.walk(draft.format(), trace))
        .step(
            "CD: the fetch of a context descriptor; TT: the fetch of a stage 1 entry; IN: the"
                + " input address itself, or what stage 1 made of it.")
        .ordered(List.of("CD (0)", "TT (1)", "IN (2)"), (int) kind);
  }

  private static long contextPointer(Subject subject) {
    return subject.trace().steps().stream()
            .filter(step -> step.title().startsWith("STE of"))
            .findFirst()
            .orElseThrow()
            .read()
            .get(0)
        & 0x000f_ffff_ffff_ffc0L;
  }

  private static int classOf(Subject subject, Breakage breakage) {
    breakage.apply(subject);
    int kind = (int) (subject.trace().fault().word(1) >>> 40 & 3);
    breakage.apply(subject);
    return kind;
  }

  static Exercise faultPriority(Draft draft, Chance chance, Arena arena) {
    Subject subject;
    Breakage one;
    Breakage other;
    do {
      subject = Scenes.single(chance, arena, draft.format());
      List<Breakage> all = Breakage.all(subject);
      one = Breakage.any(chance, all);
      other = Breakage.any(chance, all);
    } while (one.code() == other.code());
    SortedMap<Long, Long> words = Words.around(chance, subject);
    one.apply(subject);
    other.apply(subject);
    given(draft, subject).memory(Words.now(subject, words));
    Trace trace = subject.trace();
    String right = Text.fault(draft.format(), Translation.code(trace.translation()));
    List<String> wrong = new ArrayList<>();
    wrong.add(Text.fault(draft.format(), one.code()));
    wrong.add(Text.fault(draft.format(), other.code()));
    wrong.remove(right);
    List<String> more = Draft.shuffled(chance, faults(draft.format()));
    more.removeAll(wrong);
    more.remove(right);
    wrong.addAll(more.subList(0, 3 - wrong.size()));
    return draft
        .ask("Two things are wrong in these tables. Which fault is reported?")
        .steps(Worked.walk(draft.format(), trace))
        .step("The walk ends at the first thing that it finds, in the order of its checks.")
        .choice(chance, right, wrong);
  }

  static Exercise isRecorded(Draft draft, Chance chance, Arena arena) {
    return draft.isVtd() ? vtdRecorded(draft, chance, arena) : smmuRecorded(draft, chance, arena);
  }

  private static Exercise vtdRecorded(Draft draft, Chance chance, Arena arena) {
    Subject subject = Lookup.withPasid(chance, arena, 0);
    Trace before = subject.trace();
    Step root = step(before, "root entry");
    Step context = step(before, "context entry");
    Step directory = step(before, "PASID directory");
    Step entry = step(before, "PASID table");
    boolean inContext = chance.percent(35);
    boolean inEntry = chance.percent(35);
    subject.put(context.host(), context.read().get(0) | (inContext ? 2 : 0));
    subject.put(entry.host(), entry.read().get(0) | (inEntry ? 2 : 0));
    // Clears a present bit, from half of the root entry down to the page.
    List<Step> reads = Subject.reads(before);
    Step leaf = reads.get(reads.size() - 1);
    Step broken = List.of(root, context, directory, entry, leaf).get(chance.below(5));
    long place = broken.host() + (broken.equals(root) && isUpper(subject) ? 8 : 0);
    subject.put(place, subject.word(place) & ~3L | subject.word(place) & 2);
    Trace trace = subject.trace();
    int code = Translation.code(trace.translation());
    return draft
        .about(subject)
        .ask("A request with PASID is refused. Is the fault recorded?")
        .fact("fault", code, Text.fault(draft.format(), code))
        .count("FPD of the context entry", inContext ? 1 : 0)
        .count("FPD of the PASID table entry", inEntry ? 1 : 0)
        .step("Faults of the root entry come before any FPD and are always recorded.")
        .step("Else any FPD met on the way so far, that of the failing entry included, hides it.")
        .ordered(List.of("recorded", "not recorded"), trace.fault().isRecorded() ? 0 : 1);
  }

  private static boolean isUpper(Subject subject) {
    return (subject.request().source() & 0x80) != 0;
  }

  private static Step step(Trace trace, String title) {
    return trace.steps().stream()
        .filter(step -> step.title().contains(title) && !step.read().isEmpty())
        .findFirst()
        .orElseThrow();
  }

  private static Exercise smmuRecorded(Draft draft, Chance chance, Arena arena) {
    Subject subject = Scenes.nested(chance, arena, draft.format());
    Trace before = subject.trace();
    long stream = step(before, "STE of").host();
    long context = Addresses.contextAddress(subject);
    boolean first = chance.percent(50);
    boolean second = chance.percent(50);
    if (!first) {
      subject.put(context, subject.word(context) & ~(1L << 45));
    }
    if (!second) {
      subject.put(stream + 16, subject.word(stream + 16) & ~(1L << 58));
    }
    List<Breakage> all = Breakage.all(subject);
    if (chance.percent(25)) {
      // CD not valid: C_BAD_CD.
      subject.put(context, subject.word(context) & ~(1L << 31));
    } else {
      Breakage.any(chance, all).apply(subject);
    }
    Trace trace = subject.trace();
    int code = Translation.code(trace.translation());
    int stage = Translation.stage(trace.translation());
    return draft
        .about(subject)
        .ask("A request of a nested stream is refused. Is an event recorded?")
        .fact("fault", code, Text.fault(draft.format(), code))
        .fact("found in stage", stage, stage == 0 ? "the configuration" : "stage " + stage)
        .count("CD.R", first ? 1 : 0)
        .count("STE.S2R", second ? 1 : 0)
        .count("CD.S and STE.S2S", 0)
        .step("Faults of the configuration, and F_WALK_EABT of either stage, are always recorded.")
        .step(
            "Translation, address size, access and permission faults: CD.R rules those of stage 1,"
                + " S2R those of stage 2.")
        .ordered(List.of("recorded", "not recorded"), trace.fault().isRecorded() ? 0 : 1);
  }

  private FaultKinds() {}
}
